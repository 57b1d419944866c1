"""Which files are found, and where their results go."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchcolor.archive.plan import folds_case, plan
from batchcolor.archive.walk import Kind, walk
from batchcolor.errors import SourceError, UsageError


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


def test_results_inside_the_source_are_passed_over_however_they_are_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "colour/a.jpg", "alias/b.jpg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "colour")
    for output in (Path("colour"), Path("alias/../colour"), Path("link")):
        assert [item.source.name for item in plan([tmp_path], output).items] == ["a.jpg", "b.jpg"]


def test_output_trees_of_other_runs_are_passed_over_unless_they_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "pale/a.jpg", "pale/.batchcolor/manifest.sqlite")
    assert [item.source for item in plan([tmp_path], tmp_path / "colour").items] == [tmp_path / "a.jpg"]
    assert [item.source for item in plan([tmp_path / "pale"], tmp_path / "colour").items] == [tmp_path / "pale" / "a.jpg"]


@pytest.mark.parametrize(
    "folder", ["@eaDir", "#recycle", "$RECYCLE.BIN", ".Trashes", "lost+found", "System Volume Information"]
)
def test_what_systems_keep_for_themselves_is_passed_over(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, "a.jpg", f"{folder}/b.jpg", f"sub/{folder}/deep/c.jpg")
    assert [found.path.name for found in walk(tmp_path)] == ["a.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX has these")
def test_pipes_and_sockets_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.jpg"))
        assert [found.path.name for found in walk(tmp_path)] == ["a.jpg"]


def test_a_link_that_leads_nowhere_is_found_so_that_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    assert [found.path.name for found in walk(tmp_path)] == ["a.jpg"]


def test_a_folder_that_cannot_be_read_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "in/a.jpg", "in/secret/b.jpg")
    listed = os.scandir

    def scandir(folder: Path) -> Iterator[os.DirEntry[str]]:  # root may read everything
        if Path(folder).name == "secret":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    planned = plan([tmp_path / "in"], tmp_path / "out")
    assert [item.source.name for item in planned.items] == ["a.jpg"]
    ((item, error),) = planned.refused
    assert (item.kind, isinstance(error, SourceError)) == (Kind.FOLDER, True)
    assert str(error).startswith(f"{tmp_path / 'in' / 'secret'}: cannot be read (Permission denied)")


def test_files_of_other_kinds_are_counted_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.psd", "c.PSD", "sub/d.psd", "e.pdf", "sub/f.pdf", "notes.txt", ".hidden.psd")
    assert plan([tmp_path], tmp_path / "out").notes == ("5 files of kinds that are not handled: 3 .psd, 2 .pdf",)
    assert plan([tmp_path / "sub"], tmp_path / "out").notes == ("2 files of kinds that are not handled: 1 .psd, 1 .pdf",)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a", b"\xff\xd8\xff\xe0", Kind.PHOTO),
        ("b.scan", b"II*\0", Kind.PHOTO),
        ("c.pdf", b"%PDF-1.7", Kind.PHOTO),
        ("d.psd", b"8BPS\0\1", Kind.PHOTO),
        ("e.svg", b"<?xml version='1.0'?><svg/>", Kind.PHOTO),
        ("f.scan", b"GIF89a", Kind.PHOTO),
        ("still.gif", b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", Kind.PHOTO),
        ("drawing.ps", b"%!PS-Adobe-3.0", Kind.PHOTO),
        ("g.bin", b"\x1aE\xdf\xa3", Kind.FILM),
    ],
)
def test_a_file_that_is_named_is_what_its_first_bytes_say(tmp_path: Path, name: str, content: bytes, kind: Kind) -> None:
    (tmp_path / name).write_bytes(content)
    assert [found.kind for found in walk(tmp_path / name)] == [kind]


def test_names_that_differ_in_case_alone_are_refused_where_the_file_system_folds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "in/A.jpg", "in/a.jpg", "in/ä.jpg", "in/Ä.jpg")
    for folds, count in ((False, 4), (True, 2)):
        monkeypatch.setattr("batchcolor.archive.plan.folds_case", lambda folder, folds=folds: folds)
        planned = plan([tmp_path / "in"], tmp_path / "out")
        assert (len(planned.items), len(planned.refused)) == (count, 4 - count)


def test_whether_a_file_system_folds_case_is_asked_of_it(tmp_path: Path) -> None:
    (tmp_path / "Probe").touch()
    assert folds_case(tmp_path / "not" / "there") is (tmp_path / "pROBE").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert folds_case(empty) is (tmp_path / "pROBE").exists()
    assert list(empty.iterdir()) == []


def test_what_is_read_and_not_written_becomes_png(tmp_path: Path) -> None:
    touch(tmp_path / "in", "a.bmp", "b.BMP")
    (tmp_path / "scan").write_bytes(b"\xff\xd8\xff\xe0")
    made = targets([tmp_path / "in", tmp_path / "scan"], tmp_path / "out")
    assert made == {"a.bmp": "a.bmp.png", "b.BMP": "b.BMP.png", "scan": "scan.png"}
