"""`batchcolor probe`: descriptions and targets on stdout, errors on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import pyvips

from batchcolor.cli import main
from batchcolor.errors import ExitCode
from tests.films.made import Made, make_film
from tests.support import gradient


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Probed = Callable[..., Ran]


@pytest.fixture
def probed(capfd: pytest.CaptureFixture[str]) -> Probed:
    def run(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as stopped:
            main(["probe", *map(str, arguments)])
        return Ran(int(stopped.value.code or 0), *capfd.readouterr())

    return run


def photo(path: Path, *, peak: int = 255, bands: int = 1, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pyvips.Image.new_from_array(gradient(40, 60, peak))
    image = image.copy(interpretation="grey16" if peak > 255 else "b-w")
    if bands >= 3:
        image = image.colourspace("srgb")
    if bands in (2, 4):
        image = image.bandjoin(128)
    if orientation != 1:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(path))
    return path


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*")}


def test_each_photo_and_film_is_one_line_with_its_target(probed: Probed, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    photo(tmp_path / "in" / "sub" / "b.tif", peak=65535)
    photo(tmp_path / "in" / "sub" / "c.png", bands=4)
    make_film(tmp_path / "in" / "reel.mkv", Made(sound=True))
    make_film(tmp_path / "in" / "reel.avi", Made(codec="mpeg4"))
    before = contents(tmp_path)
    ran = probed(tmp_path / "in")
    assert (ran.code, ran.err) == (ExitCode.OK, "")
    whole = [line for line in ran.out.splitlines() if not line.startswith("  ")]  # streams of films are listed below them
    lines = {line.split(": ")[0].removeprefix(f"{tmp_path / 'in'}/"): line for line in whole}
    assert sorted(lines) == ["a.jpg", "reel.avi", "reel.mkv", "sub/b.tif", "sub/c.png"]
    assert lines["a.jpg"].endswith("photo, 60x40, 8 bit gray -> a.jpg, 8 bit RGB")
    assert lines["sub/b.tif"].endswith("photo, 60x40, 16 bit gray -> sub/b.tif, 16 bit RGB")
    assert lines["sub/c.png"].endswith("8 bit RGB (toned, or in colour), alpha -> sub/c.png, 8 bit RGB, alpha")
    assert "film, 96x64, h264 yuv420p, bt709 limited, 25 fps" in lines["reel.mkv"]
    assert lines["reel.mkv"].endswith("audio aac -> reel.mkv")
    assert lines["reel.avi"].endswith("-> reel.avi.mkv")
    assert contents(tmp_path) == before  # nothing written, nothing touched


def test_json_prints_one_object_for_each_file(probed: Probed, tmp_path: Path) -> None:
    photo(tmp_path / "turned.jpg", orientation=6)
    make_film(tmp_path / "reel.mov", Made(sound=True))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    ran = probed(tmp_path, "--json")
    rows = {Path(row["source"]).name: row for row in map(json.loads, ran.out.splitlines())}
    assert ran.code == ExitCode.SOME_FAILED
    assert ran.err == ""
    assert (
        rows["turned.jpg"] | {"kind": "photo", "width": 60, "height": 40, "orientation": 6, "gray": True} == rows["turned.jpg"]
    )
    film = {
        "kind": "film",
        "codec": "h264",
        "width": 96,
        "rate": "25",
        "sar": "1",
        "frames": 30,
        "other_streams": ["audio aac"],
    }
    assert rows["reel.mov"] | film == rows["reel.mov"]
    assert rows["bad.png"]["code"] == ExitCode.NOTHING_READABLE
    assert "bad.png" in rows["bad.png"]["error"]


def test_unreadable_files_are_named_on_stderr_and_the_rest_is_described(probed: Probed, tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "cut.tif").write_bytes(photo(tmp_path / "whole.tif").read_bytes()[:60])
    (tmp_path / "reel.mp4").write_bytes(b"no film" * 99)
    ran = probed(tmp_path)
    assert ran.code == ExitCode.SOME_FAILED
    assert len(ran.out.splitlines()) == 2
    errors = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert sorted(Path(line.removeprefix("Error: ").split(": ")[0]).name for line in errors) == [
        "cut.tif",
        "empty.jpg",
        "reel.mp4",
    ]
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("case", ["empty folder", "nothing of ours", "missing", "no picture"])
def test_nothing_readable_is_three(probed: Probed, tmp_path: Path, case: str) -> None:
    source = tmp_path / "in"
    source.mkdir()
    if case == "nothing of ours":
        (source / "notes.txt").write_text("not for us")
    elif case == "no picture":
        (source / "a.webp").write_text("not a picture")
    elif case == "missing":
        source = tmp_path / "missing.jpg"
    ran = probed(source)
    assert (ran.code, ran.out) == (ExitCode.NOTHING_READABLE, "")
    assert [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert str(source) in ran.err
