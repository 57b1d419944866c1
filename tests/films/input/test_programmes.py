"""Names of channels go with the film, and several programmes in one file are named; ffprobe judges."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import av
import pytest

from batchcolor.films import colorize_film, take_account
from batchcolor.films.input.programmes import programmes_of
from batchcolor.settings import Settings
from tests.films.made_by_ffmpeg import make, needs_ffmpeg
from tests.support import formula_colorizer

pytestmark = needs_ffmpeg
_SOUND = ["-c:a", "mp2"]
_TWO = ["-map", "0:v", "-map", "1:a", "-map", "0:v", "-map", "1:a", "-c:v", "mpeg2video", "-metadata", "service_provider=Nord"]
_TWO += ["-program", "title=Eins:st=0:st=1", "-program", "title=Zwölf:st=2:st=3"]
_ONE = ["-c:v", "mpeg2video", "-metadata", "service_provider=Nord", "-metadata", "service_name=Eins"]


def ffprobe(path: Path, *what: str) -> dict[str, object]:
    command = ["ffprobe", "-v", "error", "-of", "json", *what, str(path)]
    found: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


@pytest.mark.parametrize(("codec", "count"), [(_ONE, 1), (_TWO, 2)])
def test_programmes_are_those_of_ffprobe(tmp_path: Path, codec: list[str], count: int) -> None:
    source = make(tmp_path / "in.ts", codec, sound=_SOUND)
    judged = ffprobe(source, "-show_programs")["programs"]
    assert isinstance(judged, list)
    with av.open(str(source)) as container:
        found = programmes_of(container)
    assert len(found) == count
    assert [(each.name, each.provider) for each in found] == [
        (each["tags"]["service_name"], each["tags"]["service_provider"]) for each in judged
    ]
    assert [list(each.streams) for each in found] == [[stream["index"] for stream in each["streams"]] for each in judged]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_channel_s_name_stays(tmp_path: Path, suffix: str) -> None:
    source = make(tmp_path / "in.ts", _ONE, sound=_SOUND)
    result = colorize_film(source, tmp_path / f"out{suffix}", Settings(), colorizer=formula_colorizer)
    assert result.warnings == ()
    found = ffprobe(tmp_path / f"out{suffix}", "-show_format")["format"]
    assert isinstance(found, dict)
    tags = {name.lower(): value for name, value in found["tags"].items()}
    assert (tags["service_name"], tags["service_provider"]) == ("Eins", "Nord")


def test_several_programmes_are_named(tmp_path: Path) -> None:
    source = make(tmp_path / "in.ts", _TWO, sound=_SOUND)
    result = colorize_film(source, tmp_path / "out.mkv", Settings(), colorizer=formula_colorizer)
    assert [warning for warning in result.warnings if "2 programmes (Eins, Zwölf)" in warning]
    assert "programme Eins, FFmpeg: streams 0, 1" in take_account(source).lines()
