"""Which files are found, and where their results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor.archive.plan import plan
from batchcolor.archive.walk import Kind, walk
from batchcolor.errors import UsageError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def targets(sources: list[Path], output: Path) -> dict[str, str]:
    planned = plan(sources, output)
    assert not planned.refused
    return {item.source.name: str(item.target.relative_to(output)) for item in planned.items}


def test_photos_and_films_are_found_in_all_folders_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "sub/b.TIF", "sub/deep/c.mkv", "notes.txt", "desktop.ini", ".hidden.jpg", ".trash/d.jpg", "e.WebP")
    found = {str(f.relative): f.kind for f in walk(tmp_path)}
    photo, film = Kind.PHOTO, Kind.FILM
    assert found == {"a.jpg": photo, str(Path("sub/b.TIF")): photo,
                     str(Path("sub/deep/c.mkv")): film, "e.WebP": photo}  # fmt: skip


def test_the_tree_is_mirrored_under_the_same_names(tmp_path: Path) -> None:
    touch(tmp_path / "in", "a.jpg", "x/y/b.png")
    assert targets([tmp_path / "in"], tmp_path / "out") == {"a.jpg": "a.jpg", "b.png": str(Path("x/y/b.png"))}


def test_names_that_differ_in_their_suffix_alone_stay_apart(tmp_path: Path) -> None:
    touch(tmp_path / "in", "a.jpg", "a.png", "a.tif", "reel.avi", "reel.mkv", "reel.mp4")
    made = targets([tmp_path / "in"], tmp_path / "out")
    assert len(set(made.values())) == 6
    assert made["reel.avi"] == "reel.avi.mkv"
    assert made["a.tif"] == "a.tif"


def test_results_of_an_earlier_run_inside_the_source_are_not_colorized_again(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "colour/a.jpg")
    assert [item.source for item in plan([tmp_path], tmp_path / "colour").items] == [tmp_path / "a.jpg"]


def test_one_file_can_be_given_a_new_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (item,) = plan([tmp_path / "a.jpg"], tmp_path / "b.png").items
    assert item.target == tmp_path / "b.png"
    (item,) = plan([tmp_path / "a.jpg"], tmp_path / "folder").items
    assert item.target == tmp_path / "folder" / "a.jpg"


@pytest.mark.parametrize("link", [False, True])
def test_an_original_is_never_a_target(tmp_path: Path, link: bool) -> None:
    touch(tmp_path, "in/a.jpg")
    output = tmp_path / "in"
    if link:
        output = tmp_path / "alias"
        output.symlink_to(tmp_path / "in")
    planned = plan([tmp_path / "in"], output)
    assert planned.items == ()
    ((item, error),) = planned.refused
    assert isinstance(error, UsageError)
    assert "overwrite the original" in str(error)
    assert str(item.source) in str(error)


def test_two_sources_for_one_target_are_refused_after_the_first(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.jpg", "two/a.jpg", "two/b.jpg")
    planned = plan([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert [item.source.name for item in planned.items] == ["a.jpg", "b.jpg"]
    ((item, error),) = planned.refused
    assert item.source == tmp_path / "two" / "a.jpg"
    assert "already has the result" in str(error)


def test_links_that_form_a_loop_do_not_catch_us(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [str(f.relative) for f in walk(tmp_path)] == ["a.jpg"]
