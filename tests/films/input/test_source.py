"""A film that changes while it is colorized never becomes a result of two films."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batchcolor.errors import SourceError
from batchcolor.executors import ProcessExecutor
from batchcolor.film_files import is_animated_gif, is_standalone_film, parts
from batchcolor.films import colorize_film
from batchcolor.films.input.source import JoinedFiles, SourceIdentity
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film
from tests.films.test_resume import shots
from tests.support import formula_colorizer

SETTINGS = Settings(film=FilmSettings(preset="ultrafast"))
FILM = Made(picture=shots, pixel_format="yuv420p10le", pts=tuple(range(0, 300 * 40, 40)))  # a cut at 260: two chunks


def replaced(path: Path) -> None:
    other = path.with_name("other.mkv")
    other.write_bytes(path.read_bytes())
    stamp = path.stat().st_mtime_ns
    other.replace(path)
    os.utime(path, ns=(stamp, stamp))  # same size, same time, same bytes: another file


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewritten(path: Path) -> None:
    stamp = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(bytes(100))
    os.utime(path, ns=(stamp, stamp))


@pytest.mark.parametrize("change", [replaced, grown, cut, rewritten], ids=lambda change: change.__name__)
def test_a_film_that_changes_during_its_run_fails_and_leaves_nothing(tmp_path: Path, change: Callable[[Path], None]) -> None:
    source = make_film(tmp_path / "in.mkv", FILM)
    changed = False

    def on_progress(_: object) -> None:
        nonlocal changed
        if not changed:
            changed = True
            change(source)

    with pytest.raises(SourceError, match=r"in\.mkv: has changed while it was being colorized"):
        colorize_film(source, tmp_path / "out" / "out.mkv", SETTINGS, colorizer=formula_colorizer, on_progress=on_progress)
    assert changed
    assert not list((tmp_path / "out").iterdir())
    if change is not cut:
        colorize_film(source, tmp_path / "out" / "out.mkv", SETTINGS, colorizer=formula_colorizer)  # the next run does it


def test_processes_compare_what_the_run_began_with(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", FILM)
    before = SourceIdentity.of(source)
    assert before == SourceIdentity.of(source)
    before.check(source)
    grown(source)
    with pytest.raises(SourceError, match="has changed"):
        before.check(source)
    assert colorize_film(
        source, tmp_path / "out.mkv", SETTINGS, colorizer=formula_colorizer, executor=ProcessExecutor(2)
    ).frames == 300  # fmt: skip


def test_a_pipe_is_no_film(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.mkv")
    with pytest.raises(SourceError, match="is a pipe"):
        colorize_film(tmp_path / "in.mkv", tmp_path / "out.mkv", SETTINGS, colorizer=formula_colorizer)


def test_joined_files_read_as_one(tmp_path: Path) -> None:
    whole = bytes(range(256)) * 5
    paths = []
    for n, piece in enumerate((whole[:7], whole[7:1000], b"", whole[1000:])):
        paths.append(tmp_path / str(n))
        paths[-1].write_bytes(piece)
    joined = JoinedFiles(paths)
    assert joined.read() == whole
    for start, size in ((0, 3), (5, 10), (998, 5), (1279, 10), (2000, 4)):
        joined.seek(start)
        assert joined.read(size) == whole[start : start + size]
    assert joined.seek(-4, os.SEEK_END) == len(whole) - 4
    assert joined.read() == whole[-4:]
    joined.close()


def test_titles_of_a_dvd_and_their_menus(tmp_path: Path) -> None:
    folder = tmp_path / "VIDEO_TS"
    folder.mkdir()
    for name in ("VIDEO_TS.VOB", "VTS_01_0.VOB", "VTS_01_1.VOB", "VTS_01_2.VOB", "VTS_01_4.VOB", "VTS_02_1.VOB"):
        (folder / name).touch()
    assert [path.name for path in parts(folder / "VTS_01_1.VOB")] == ["VTS_01_1.VOB", "VTS_01_2.VOB"]
    assert parts(folder / "VTS_01_2.VOB") == (folder / "VTS_01_2.VOB",)
    own = sorted(path.name for path in folder.iterdir() if is_standalone_film(path))
    assert own == ["VTS_01_1.VOB", "VTS_02_1.VOB"]
    (tmp_path / "VTS_01_2.VOB").touch()  # alone, it is a film
    assert is_standalone_film(tmp_path / "VTS_01_2.VOB")


@pytest.mark.parametrize(
    ("name", "data", "film"),
    [
        ("a.ps", b"%!PS-Adobe-3.0\n", False),
        ("a.ps", b"\0\0\1\xba" + bytes(99), True),
        ("a.mod", bytes(1080) + b"M.K." + bytes(9), False),
        ("a.mod", b"\0\0\1\xba" + bytes(2000), True),
        ("a.gif", b"GIF89a", False),
        ("missing.gif", None, True),
    ],
)
def test_suffixes_that_mean_two_things(tmp_path: Path, name: str, data: bytes | None, film: bool) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    assert is_standalone_film(tmp_path / name) is film


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_gif_of_several_images_is_animated(tmp_path: Path, frames: int) -> None:
    from PIL import Image

    images = [Image.new("L", (8, 8), 50 * n) for n in range(frames)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=100)
    assert is_animated_gif(tmp_path / "a.gif") is (frames > 1)
    whole = (tmp_path / "a.gif").read_bytes()
    for end in range(0, len(whole), 3):
        (tmp_path / "a.gif").write_bytes(whole[:end])
        is_animated_gif(tmp_path / "a.gif")  # ends, wherever the file does
