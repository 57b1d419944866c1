"""The manifest: up-to-date items are skipped, all others are processed, for the right reason."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from batchcolor.archive.manifest import Manifest, Reason, Recipe
from batchcolor.archive.manifest_versions import bring_up_to_date
from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.plan import Item
from batchcolor.archive.walk import Kind
from batchcolor.errors import ExitCode, OutputError
from batchcolor.runtime.file_stamp import FileStamp
from batchcolor.settings import ColorSettings, FilmSettings, ModelSettings, PhotoSettings, Settings

DATA = Path(__file__).with_name("data")
RECIPE = Recipe(Settings().photo_digest(), "weights-1")


@pytest.fixture
def item(tmp_path: Path) -> Item:
    source, target = tmp_path / "in" / "a.jpg", tmp_path / "out" / "a.jpg"
    for path in (source, target):
        path.parent.mkdir()
        path.write_bytes(b"some bytes")
    return Item(source, target, Kind.PHOTO)


def done(item: Item, status: Status = Status.DONE) -> Outcome:
    error = {"error": "broken", "code": ExitCode.NOTHING_READABLE} if status is Status.FAILED else {}
    return Outcome(item.source, item.target, item.kind, status, 0.1, **error)  # type: ignore[arg-type]


def reason_after(tmp_path: Path, item: Item, recipe: Recipe = RECIPE, **options: bool) -> Reason | None:
    """What a new run would say."""
    with Manifest(tmp_path / "m.sqlite", tmp_path / "out", **options) as manifest:
        return manifest.reason(item, recipe)


def remember(tmp_path: Path, item: Item, status: Status = Status.DONE, **options: bool) -> None:
    with Manifest(tmp_path / "m.sqlite", tmp_path / "out", **options) as manifest:
        manifest.record(done(item, status), RECIPE)
        manifest.commit()


def test_unknown_items_are_new_and_finished_ones_up_to_date(tmp_path: Path, item: Item) -> None:
    assert reason_after(tmp_path, item) is Reason.NEW
    remember(tmp_path, item)
    assert reason_after(tmp_path, item) is None


def test_a_failure_is_tried_again(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item, Status.FAILED)
    assert reason_after(tmp_path, item) is Reason.FAILED


def test_a_source_of_another_size_or_time_is_processed_again(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    item.source.write_bytes(b"other bytes, and more of them")
    assert reason_after(tmp_path, item) is Reason.CHANGED
    remember(tmp_path, item)
    os.utime(item.source, (1, 1))
    assert reason_after(tmp_path, item) is Reason.CHANGED


@pytest.mark.parametrize("content_hash", [False, True])
def test_every_file_of_a_dvd_title_counts_as_its_source(tmp_path: Path, item: Item, content_hash: bool) -> None:
    title = [item.source.with_name(f"VTS_01_{n}.VOB") for n in (1, 2, 3)]
    for path in title[:2]:
        path.write_bytes(b"a reel")
    film = Item(title[0], item.target, Kind.FILM)
    remember(tmp_path, film, content_hash=content_hash)
    assert reason_after(tmp_path, film, content_hash=content_hash) is None
    title[1].write_bytes(b"A REEL")
    os.utime(title[1], (2e9, 2e9))
    assert reason_after(tmp_path, film, content_hash=content_hash) is Reason.CHANGED
    remember(tmp_path, film, content_hash=content_hash)
    title[2].write_bytes(b"more")
    assert reason_after(tmp_path, film, content_hash=content_hash) is Reason.CHANGED


def test_with_hashes_a_new_time_alone_does_not_count(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item, content_hash=True)
    os.utime(item.source, (1, 1))
    assert reason_after(tmp_path, item, content_hash=True) is None
    item.source.write_bytes(b"SOME BYTES")
    assert reason_after(tmp_path, item, content_hash=True) is Reason.CHANGED


def test_a_result_that_is_gone_is_made_again_and_one_that_a_person_changed_stays(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    os.utime(item.target, (1, 1))
    assert reason_after(tmp_path, item) is Reason.EDITED
    item.source.write_bytes(b"another scan")
    assert reason_after(tmp_path, item) is Reason.EDITED
    item.target.unlink()
    assert reason_after(tmp_path, item) is Reason.RESULT


def test_a_source_that_was_replaced_while_it_was_read_is_done_again(tmp_path: Path, item: Item) -> None:
    before = FileStamp.of(item.source)
    item.source.write_bytes(b"a better scan of the same photo")
    with Manifest(tmp_path / "m.sqlite", tmp_path / "out") as manifest:
        manifest.record(dataclasses.replace(done(item), source_stamp=before), RECIPE)
        manifest.commit()
    assert reason_after(tmp_path, item) is Reason.CHANGED


def test_an_archive_that_was_moved_is_up_to_date(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    moved = tmp_path / "mounted elsewhere"
    moved.mkdir()
    for name in ("in", "out"):
        (tmp_path / name).rename(moved / name)
    there = dataclasses.replace(item, source=moved / "in" / "a.jpg", target=moved / "out" / "a.jpg")
    with Manifest(tmp_path / "m.sqlite", moved / "out") as manifest:
        assert manifest.reason(there, RECIPE) is None


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("writable", [False, True])
def test_a_manifest_of_version_1_is_read_and_its_results_are_up_to_date(tmp_path: Path, moved: bool, writable: bool) -> None:
    """data/version-1 is a tree as batchcolor 0.1 left it; the manifest's names are absolute, below /tmp/archive."""
    tree = tmp_path / ("elsewhere" if moved else "archive")
    shutil.copytree(DATA / "version-1", tree)
    path = tree / "manifest-1.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as rows:
        if not moved:  # as if it had been written here
            for column in ("source", "target"):
                rows.execute(f"UPDATE items SET {column} = CAST(replace({column}, '/tmp/archive', ?) AS BLOB)", (str(tree),))
            rows.commit()
        times = rows.execute("SELECT target, mtime_ns, result_mtime_ns FROM items WHERE status = 'done'").fetchall()
    for target, *stamps in times:
        name = os.fsdecode(target).partition("/colour/")[2]
        for folder, stamp in zip(("scans", "colour"), stamps, strict=True):
            os.utime(tree / folder / name, ns=(stamp, stamp))
    recipe_of = lambda item: Recipe.of(item, "433887d866d9d4dff7758029a3f16c64f3cc333c7c80a75eb2c6d0462afcd35e")  # noqa: E731
    reasons = {}
    with Manifest(path, tree / "colour", writable=writable) as manifest:
        for source in sorted((tree / "scans").rglob("*.*")):
            item = Item(source, tree / "colour" / source.relative_to(tree / "scans"), Kind.PHOTO)
            reasons[source.name] = manifest.reason(item, recipe_of(item))
        changed = dataclasses.replace(item, settings=Settings(photo=PhotoSettings(quality=80)))
        assert manifest.reason(changed, recipe_of(changed)) is Reason.SETTINGS
    assert reasons == {"broken.jpg": Reason.FAILED, "beach.png": None, "garden.png": None, "Äpfel.jpg": None}


def test_a_manifest_of_version_2_is_read_and_nothing_counts_as_toned(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    with contextlib.closing(sqlite3.connect(tmp_path / "m.sqlite")) as rows, rows:
        rows.execute("ALTER TABLE items DROP COLUMN toned")
        rows.execute("UPDATE facts SET value = '2' WHERE name = 'version'")
    assert reason_after(tmp_path, item) is None
    with contextlib.closing(sqlite3.connect(tmp_path / "m.sqlite")) as rows:
        assert rows.execute("SELECT toned FROM items").fetchall() == [(0,)]


def test_a_manifest_of_this_version_is_opened_while_a_run_writes_to_it(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    connect = lambda: contextlib.closing(sqlite3.connect(tmp_path / "m.sqlite", timeout=0))  # noqa: E731
    with connect() as run, connect() as other:
        run.execute("BEGIN IMMEDIATE")
        bring_up_to_date(other, tmp_path)


def test_a_manifest_of_a_later_version_is_one_sentence(tmp_path: Path) -> None:
    with Manifest(tmp_path / "m.sqlite", tmp_path) as manifest:
        manifest.set_fact("version", "99")
    with pytest.raises(OutputError, match="was written by a later batchcolor"):
        Manifest(tmp_path / "m.sqlite", tmp_path)


def test_other_weights_do_it_again(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    assert reason_after(tmp_path, item, dataclasses.replace(RECIPE, weights="weights-2")) is Reason.WEIGHTS


@pytest.mark.parametrize(
    ("settings", "again"),
    [
        (Settings(color=ColorSettings(saturation=1.2)), True),
        (Settings(photo=PhotoSettings(quality=80)), True),
        (Settings(model=ModelSettings(network_size=320)), True),
        (Settings(film=FilmSettings(crf=30)), False),  # shapes films alone
        (
            Settings(model=ModelSettings(batch_size=2, device="cpu", engine="torch")),
            False,
        ),  # another machine's way, same colours
    ],
)
def test_settings_that_shape_the_result_do_it_again_and_others_do_not(
    tmp_path: Path, item: Item, settings: Settings, again: bool
) -> None:
    remember(tmp_path, item)
    assert reason_after(tmp_path, item, Recipe.of(dataclasses.replace(item, settings=settings), "weights-1")) is (
        Reason.SETTINGS if again else None
    )


def test_names_that_are_not_text_are_kept(tmp_path: Path, item: Item) -> None:
    odd = dataclasses.replace(item, source=tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    try:
        odd.source.write_bytes(b"x")
    except OSError:
        odd = dataclasses.replace(item, source=tmp_path / "café ここ\n.jpg")  # a file system that takes Unicode alone
        odd.source.write_bytes(b"x")
    remember(tmp_path, odd)
    assert reason_after(tmp_path, odd) is None


def test_uncommitted_rows_are_lost_and_the_rest_is_intact(tmp_path: Path, item: Item) -> None:
    remember(tmp_path, item)
    manifest = Manifest(tmp_path / "m.sqlite", tmp_path / "out")
    manifest.record(done(item, Status.FAILED), RECIPE)
    manifest.__exit__(None, None, None)  # as a killed process leaves it
    assert reason_after(tmp_path, item) is None


def test_looking_only_makes_nothing(tmp_path: Path, item: Item) -> None:
    assert reason_after(tmp_path, item, writable=False) is Reason.NEW
    assert not (tmp_path / "m.sqlite").exists()
    remember(tmp_path, item)
    assert reason_after(tmp_path, item, writable=False) is None


def test_a_damaged_manifest_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(OutputError, match=r"m\.sqlite: the manifest cannot be used"):
        Manifest(tmp_path / "m.sqlite", tmp_path / "out")
