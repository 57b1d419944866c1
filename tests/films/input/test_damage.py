"""Damage is passed over and named with its times; a film ends only where nothing more can be decoded."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import av
import av.error
import pytest

from batchcolor.errors import SourceError
from batchcolor.films import FilmResult, colorize_film
from batchcolor.films.input.damage import FLAWED, RESIZED, UNDECODABLE, Damage, DamageLog, describe
from batchcolor.films.input.probe import reading
from batchcolor.runtime.ffmpeg import is_damage, local_file
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film, packets, pictures
from tests.films.made_by_ffmpeg import decoded_frames, make, needs_ffmpeg
from tests.support import formula_colorizer

SETTINGS = Settings(film=FilmSettings(codec="ffv1"))
FILM = Made(pts=tuple(range(0, 6000, 40)), sound=True, seconds_of_sound=6)


def colorize(source: Path, target: Path) -> FilmResult:
    return colorize_film(source, target, SETTINGS, colorizer=formula_colorizer)


def spoiled(source: Path, target: Path, kind: str, which: range, to: bytes = b"\0") -> Path:
    """A copy of a film in which the bytes of some packets are others."""
    data = bytearray(source.read_bytes())
    for n, (_, packet) in enumerate(packets(source, kind)):
        if n in which:
            at = data.find(packet)
            data[at : at + len(packet)] = to * len(packet)
    target.write_bytes(data)
    return target


def test_a_second_of_zeroed_packets_is_named_and_the_film_goes_on(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", FILM)
    broken = spoiled(source, tmp_path / "broken.mp4", "video", range(50, 75))
    result = colorize(broken, tmp_path / "out.mkv")
    assert result.frames == len(pictures(tmp_path / "out.mkv")) >= 100
    (damage,) = [one for one in result.damage if one.what == UNDECODABLE]
    assert damage.count == 25
    assert 1.8 < damage.start_s < damage.end_s < 3.2
    assert any("at 0:00:0" in warning and UNDECODABLE in warning for warning in result.warnings)
    assert result.as_dict()["damage"][0]["count"] == 25
    # The sound of this MP4 begins before 0, with what AAC's encoder adds; Matroska holds no such times, and all is moved by that much.
    begins = packets(source, "audio")[0][0]
    assert begins < 0
    for read, kind in ((packets, "audio"), (lambda path, _: pictures(path), "video")):
        assert read(tmp_path / "out.mkv", kind)[-1][0] == pytest.approx(float(read(source, kind)[-1][0] - begins), abs=0.002)


def test_rotten_bits_that_a_decoder_conceals_are_named(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", replace(FILM, codec="ffv1", sound=False, encoder={"slicecrc": "1", "level": "3"}))
    data = bytearray(source.read_bytes())
    for n, (_, packet) in enumerate(packets(source, "video")):
        if n in (20, 21, 100):
            data[data.find(packet) + len(packet) // 2] ^= 0xFF
    (tmp_path / "rotten.mkv").write_bytes(data)
    result = colorize(tmp_path / "rotten.mkv", tmp_path / "out.mkv")
    assert result.frames == 150
    assert [(one.what, one.count) for one in result.damage] == [(FLAWED, 2), (FLAWED, 1)]
    assert [one.start_s for one in result.damage] == pytest.approx([0.8, 4.0])


@pytest.mark.parametrize("name", ["in.mkv", "in.avi", "in.ts"])
def test_a_film_that_is_cut_off_keeps_all_that_is_there(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name == "in.avi" else "libx264"
    whole = make_film(tmp_path / name, replace(FILM, codec=codec, rate_ticks=True, sound=False)).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 6 // 10])
    there = len(pictures(tmp_path / name))
    assert 40 < there < 140
    assert colorize(tmp_path / name, tmp_path / "out.mkv").frames == there


def test_a_film_that_ends_before_its_header_says_is_named(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.avi", replace(FILM, codec="mpeg4", rate_ticks=True, sound=False))
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    result = colorize(source, tmp_path / "out.mkv")
    assert any("before its header says" in warning for warning in result.warnings)
    source.write_bytes(whole)
    assert not colorize(source, tmp_path / "whole.mkv").warnings


def test_holes_in_a_transport_stream_leave_sound_beside_its_picture(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.ts", FILM)
    whole = source.read_bytes()
    third = len(whole) // 3 // 188 * 188
    (tmp_path / "holes.ts").write_bytes(whole[:third] + whole[third + 188 * 40 :])
    result = colorize(tmp_path / "holes.ts", tmp_path / "out.mkv")
    assert 100 < result.frames < 150
    assert result.damage
    last = pictures(tmp_path / "out.mkv")[-1][0]
    before = pictures(source)
    assert last == pytest.approx(float(before[-1][0] - min(before[0][0], packets(source, "audio")[0][0])), abs=0.03)


def test_a_picture_that_changes_its_size_is_scaled_to_the_first_size(tmp_path: Path) -> None:
    parts = [
        make_film(tmp_path / f"{n}.ts", replace(FILM, width=width, sound=False, pts=tuple(range(0, 2000, 40))))
        for n, width in enumerate((96, 192))
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    result = colorize(tmp_path / "in.ts", tmp_path / "out.mkv")
    shown = pictures(tmp_path / "out.mkv")
    assert result.frames == len(shown) == 100
    assert {luma.shape for _, luma in shown} == {(64, 96)}
    assert RESIZED in {one.what for one in result.damage}


@needs_ffmpeg
def test_packets_of_no_bytes_say_that_the_picture_goes_on(tmp_path: Path) -> None:
    # Theora writes a picture that is the same as the one before in no bytes; fps doubles every picture.
    source = make(tmp_path / "in.ogv", ["-vf", "fps=10", "-c:v", "libtheora"], rate=5, seconds=1)
    with av.open(str(source)) as container:
        empty = [packet.pts for packet in container.demux(video=0) if packet.pts is not None and packet.size == 0]
    assert len(empty) >= 3
    result = colorize(source, tmp_path / "out.mkv")
    assert result.frames == decoded_frames(source)
    assert result.damage == ()
    times = [float(time) for time, _ in pictures(tmp_path / "out.mkv")]
    assert all(b - a == pytest.approx(0.2, abs=0.11) for a, b in itertools.pairwise(times))


def errors() -> list[type[av.error.FFmpegError]]:
    """Every error that PyAV knows."""
    found: list[type[av.error.FFmpegError]] = []
    waiting = [av.error.FFmpegError]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += each.__subclasses__()
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_every_error_of_pyav_becomes_a_sentence_with_the_path(tmp_path: Path, error: type[av.error.FFmpegError]) -> None:
    path = make_film(tmp_path / "reel.mkv", Made(pts=(0, 40)))
    with pytest.raises(SourceError, match=r"reel\.mkv: .+; .+") as caught, reading(path):
        raise error(1, "something of its own")
    assert "\n" not in str(caught.value)
    assert "[Errno" not in str(caught.value)


def test_what_concerns_the_process_is_no_damage() -> None:
    harmless = {error.__name__ for error in errors() if not is_damage(error(1, ""))}
    assert harmless == {"MemoryError", "PyAVCallbackError", "ExitError", "EOFError"}


@pytest.mark.parametrize("name", ["http:/127.0.0.1:9/f.mkv", "reel:1.mkv", "concat:a.mkv", "pipe:0.mkv", "-.mkv", "a%03d.mkv"])
def test_names_that_look_like_addresses_are_names_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    made = make_film(tmp_path / "made.mkv", Made())
    made.rename(tmp_path / name)
    assert colorize(Path(name), Path("out") / name).frames == 30
    assert len(pictures(Path(local_file(tmp_path / "out" / name)))) == 30


def test_a_list_of_parts_in_a_film_s_clothes_reaches_nothing_but_files(tmp_path: Path) -> None:
    playlist = tmp_path / "list.ts"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match=r"list\.ts"):
        colorize(playlist, tmp_path / "out.mkv")


def test_close_places_are_one_stretch() -> None:
    log = DamageLog()
    for seconds in (1.0, 1.5, 2.4, 9.0):
        log.add(seconds, UNDECODABLE)
    assert log.found == (Damage(1.0, 2.4, UNDECODABLE, 3), Damage(9.0, 9.0, UNDECODABLE, 1))
    (sentence,) = describe(log.found)
    assert "4, at 0:00:01.00 to 0:00:02.40, 0:00:09.00;" in sentence
