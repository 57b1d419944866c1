"""Every frame that the ffmpeg program decodes comes out, and sound stays beside its picture, whatever codec, container and clock."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from batchcolor.films import FilmResult, colorize_film
from batchcolor.settings import FilmSettings, Settings
from tests.films.made_by_ffmpeg import decoded_frames, first_frame_s, frame_times, make, needs_ffmpeg, packet_times
from tests.support import formula_colorizer

pytestmark = needs_ffmpeg

_AAC, _MP2, _MP3, _PCM, _AC3 = (["-c:a", name] for name in ("aac", "mp2", "libmp3lame", "pcm_s16le", "ac3"))
_X264 = ["-c:v", "libx264", "-preset", "ultrafast"]
_B_FRAMES = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "12"]
_MPEG2, _MPEG4 = ["-c:v", "mpeg2video", "-bf", "2", "-g", "12"], ["-c:v", "mpeg4", "-bf", "2", "-g", "12"]
_UNEVEN = ["-vf", "setpts='PTS+if(gte(N,10),0.35/TB,0)+if(gte(N,20),0.013/TB,0)'", "-fps_mode", "passthrough"]

FILMS: dict[str, tuple[str, dict[str, Any]]] = {
    "h264-mp4": ("f.mp4", {"codec": _B_FRAMES, "sound": _AAC}),
    "h264-mp4-uneven": ("f.mp4", {"codec": [*_B_FRAMES, *_UNEVEN], "sound": _AAC}),
    "h264-mp4-29.97": ("f.mp4", {"codec": _B_FRAMES, "sound": _AAC, "rate": "30000/1001"}),
    "h264-mp4-fragments": ("f.mp4", {"codec": [*_B_FRAMES, "-movflags", "frag_keyframe+empty_moov"], "sound": _AAC}),
    "h264-mov": ("f.mov", {"codec": _B_FRAMES, "sound": _PCM}),
    "h264-mkv": ("f.mkv", {"codec": _B_FRAMES, "sound": _AAC}),
    "h264-mkv-late": ("f.mkv", {"codec": [*_B_FRAMES, "-output_ts_offset", "7.5"], "sound": _AAC}),
    "h264-mkv-23.976": ("f.mkv", {"codec": _X264, "rate": "24000/1001", "sound": _AC3}),
    "h264-ts": ("f.ts", {"codec": _B_FRAMES, "sound": _AAC}),
    "h264-ts-uneven": ("f.ts", {"codec": [*_B_FRAMES, *_UNEVEN], "sound": _MP2}),
    "h264-ts-wraps": ("f.ts", {"codec": [*_B_FRAMES, "-output_ts_offset", "95441.9"], "sound": _MP2, "seconds": 3}),
    "h264-m2ts": ("f.m2ts", {"codec": _B_FRAMES, "sound": _AC3}),
    "h264-m2t": ("f.m2t", {"codec": [*_X264, "-f", "mpegts"], "sound": _MP2}),
    "h264-flv": ("f.flv", {"codec": _B_FRAMES, "sound": _AAC}),
    "h264-avi": ("f.avi", {"codec": _X264, "sound": _MP3}),
    "h264-avi-b-frames": ("f.avi", {"codec": _B_FRAMES, "sound": _MP3}),
    "hevc-mp4": ("f.mp4", {"codec": ["-c:v", "libx265", "-preset", "ultrafast"], "sound": _AAC}),
    "hevc-mkv": ("f.mkv", {"codec": ["-c:v", "libx265", "-preset", "ultrafast"], "sound": _AAC}),
    "mpeg4-avi": ("f.avi", {"codec": ["-c:v", "mpeg4"], "sound": _MP3}),
    "mpeg4-avi-b-frames": ("f.avi", {"codec": _MPEG4, "sound": _MP3}),
    "mpeg4-divx": ("f.divx", {"codec": [*_MPEG4, "-f", "avi"], "sound": _MP3}),
    "mpeg4-mkv-b-frames": ("f.mkv", {"codec": _MPEG4, "sound": _MP3}),
    "mpeg4-mov": ("f.qt", {"codec": [*_MPEG4, "-f", "mov"], "sound": _AAC}),
    "mpeg4-3gp": ("f.3gp", {"codec": ["-c:v", "mpeg4"], "sound": _AAC}),
    "msmpeg4-avi": ("f.avi", {"codec": ["-c:v", "msmpeg4v2"], "sound": _MP3}),
    "wmv2-wmv": ("f.wmv", {"codec": ["-c:v", "wmv2"], "sound": ["-c:a", "wmav2"]}),
    "wmv1-asf-29.97": ("f.asf", {"codec": ["-c:v", "wmv1"], "sound": ["-c:a", "wmav2"], "rate": "30000/1001"}),
    "mpeg1-mpg": ("f.mpg", {"codec": ["-c:v", "mpeg1video", "-bf", "2"], "sound": _MP2}),
    "mpeg2-mpe": ("f.mpe", {"codec": [*_MPEG2, "-f", "mpeg"], "sound": _MP2}),
    "mpeg2-vob": ("f.vob", {"codec": _MPEG2, "sound": _AC3}),
    "mpeg2-vro": ("f.vro", {"codec": [*_MPEG2, "-f", "vob"], "sound": _AC3}),
    "mpeg2-mod": ("f.mod", {"codec": [*_MPEG2, "-f", "mpeg"], "sound": _AC3}),
    "mpeg2-tod": ("f.tod", {"codec": [*_MPEG2, "-f", "mpegts"], "sound": _AC3}),
    "mpeg2-ts": ("f.mts", {"codec": [*_MPEG2, "-f", "mpegts"], "sound": _MP2}),
    "mpeg2-mxf": ("f.mxf", {"codec": _MPEG2, "sound": _PCM, "size": "720x576"}),
    "vp8-webm": ("f.webm", {"codec": ["-c:v", "libvpx"], "sound": ["-c:a", "libvorbis"]}),
    "vp9-mkv": ("f.mkv", {"codec": ["-c:v", "libvpx-vp9", "-cpu-used", "8"], "sound": ["-c:a", "libopus"]}),
    "theora-ogv": ("f.ogv", {"codec": ["-c:v", "libtheora"], "sound": ["-c:a", "libvorbis"]}),
    "mjpeg-avi": ("f.avi", {"codec": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"], "sound": _PCM}),
    "ffv1-mkv": ("f.mkv", {"codec": ["-c:v", "ffv1"], "sound": ["-c:a", "flac"]}),
    "ffv1-avi": ("f.avi", {"codec": ["-c:v", "ffv1"], "sound": _PCM}),
    "dv-dv": ("f.dv", {"codec": ["-c:v", "dvvideo", "-pix_fmt", "yuv420p"], "size": "720x576", "seconds": 0.4}),
    "rv10-rm": ("f.rm", {"codec": ["-c:v", "rv10"], "sound": _AC3}),
    "flv1-flv": ("f.flv", {"codec": ["-c:v", "flv"], "sound": _MP3}),
    "gif": ("f.gif", {"codec": ["-c:v", "gif", "-pix_fmt", "gray"]}),
}  # fmt: skip
QUICK = {
    "h264-mp4-uneven",
    "h264-ts-wraps",
    "mpeg4-avi-b-frames",
    "mpeg2-vob",
    "wmv2-wmv",
    "h264-mkv-late",
    "theora-ogv",
    "gif",
}


def colorize(source: Path, target: Path, **film: Any) -> FilmResult:
    settings = Settings(film=FilmSettings(**({"codec": "ffv1"} | film)))
    return colorize_film(source, target, settings, colorizer=formula_colorizer)


def starts(path: Path) -> tuple[float, float | None]:
    """When picture and sound begin."""
    sound = packet_times(path, "a:0")
    return first_frame_s(path), sound[0] if sound else None


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else (pytest.mark.slow,)) for n in FILMS])
def test_every_frame_comes_out_and_sound_stays_beside_it(tmp_path: Path, name: str) -> None:
    file, how = FILMS[name]
    source, target = make(tmp_path / file, **how), tmp_path / "out.mkv"
    result = colorize(source, target)
    times = packet_times(target, "v:0")
    assert result.frames == len(times) == decoded_frames(source)
    assert all(b > a for a, b in itertools.pairwise(times))
    assert result.damage == ()
    picture, sound = starts(source)
    picture_after, sound_after = starts(target)
    if sound is not None and not any("is left out" in warning for warning in result.warnings):
        assert sound_after is not None
        if any("is decoded to PCM" in warning for warning in result.warnings):  # decoders may begin later than their packets
            heard = frame_times(source, "a:0")
            assert len(packet_times(target, "a:0")) == len(heard)
            sound = heard[0]
        else:
            assert len(packet_times(target, "a:0")) == len(packet_times(source, "a:0"))
        assert sound_after - picture_after == pytest.approx(sound - picture, abs=0.0025)
    if name != "h264-mkv-late":  # its container says when it begins; those of broadcasts begin anywhere
        assert min(each for each in (picture_after, sound_after) if each is not None) == pytest.approx(0, abs=0.1)


def joined(path: Path, *films: Path) -> Path:
    path.write_bytes(b"".join(film.read_bytes() for film in films))
    return path


@pytest.mark.parametrize(("suffix", "codec", "sound"), [(".vob", _MPEG2, _AC3), (".ts", _B_FRAMES, _MP2)])
def test_a_clock_that_begins_anew_goes_on(tmp_path: Path, suffix: str, codec: list[object], sound: list[object]) -> None:
    parts = [make(tmp_path / f"{n}{suffix}", codec, sound=sound, seconds=2) for n in range(3)]
    source = joined(tmp_path / f"in{suffix}", *parts)
    result = colorize(source, tmp_path / "out.mkv")
    times, heard = packet_times(tmp_path / "out.mkv", "v:0"), packet_times(tmp_path / "out.mkv", "a:0")
    assert result.frames == len(times) == decoded_frames(source) == 150
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([0.04] * 149, abs=0.011)
    assert any("its clock restarts at 0:00:0" in warning for warning in result.warnings)
    # Within each part, sound lies beside its picture as it does in the source.
    picture, sound_s = starts(parts[0])
    for n in range(3):
        begins = times[50 * n]
        nearest = min(heard, key=lambda time: abs(time - begins - (sound_s or 0) + picture))
        assert nearest - begins == pytest.approx((sound_s or 0) - picture, abs=0.025)
    assert len(heard) == len(packet_times(source, "a:0"))


def test_a_gap_of_an_hour_in_a_recording_is_closed(tmp_path: Path) -> None:
    parts = [
        make(tmp_path / f"{n}.ts", [*_B_FRAMES, "-output_ts_offset", str(3600 * n)], sound=_MP2, seconds=2) for n in range(2)
    ]
    result = colorize(joined(tmp_path / "in.ts", *parts), tmp_path / "out.mkv")
    times = packet_times(tmp_path / "out.mkv", "v:0")
    assert result.frames == len(times) == 100
    assert times[-1] == pytest.approx(3.96, abs=0.06)
    assert packet_times(tmp_path / "out.mkv", "a:0")[-1] == pytest.approx(times[-1], abs=0.3)


@pytest.mark.parametrize(("suffix", "codec"), [(".ts", _B_FRAMES), (".vob", _MPEG2), (".m2ts", _B_FRAMES)])
@pytest.mark.parametrize("start", [0.52, 3.0])
def test_a_part_is_exact_to_the_frame(tmp_path: Path, suffix: str, codec: list[object], start: float) -> None:
    source = make(tmp_path / f"in{suffix}", codec, seconds=6)
    whole, part = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    colorize(source, whole)
    result = colorize(source, part, start=start, duration=1.0)
    times = packet_times(whole, "v:0")
    inside = [time for time in times if start - 1e-3 <= time < start + 1 - 1e-3]
    assert result.frames == len(inside) == 25
    assert packet_times(part, "v:0") == pytest.approx([time - start for time in inside], abs=0.0015)
    assert lumas(part) == lumas(whole)[times.index(inside[0]) :][:25]


def lumas(path: Path) -> list[bytes]:
    from tests.films.made import pictures

    return [luma.tobytes() for _, luma in pictures(path)]


def test_a_part_counts_from_where_the_film_begins(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", [*_X264, "-output_ts_offset", "7"], seconds=2)
    assert colorize(source, tmp_path / "out.mkv", start=1.0).frames == 25
    assert packet_times(tmp_path / "out.mkv", "v:0")[0] == pytest.approx(0, abs=0.002)


def test_the_files_of_a_dvd_title_are_one_film(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.vob", _MPEG2, sound=_AC3, seconds=4).read_bytes()
    folder = tmp_path / "VIDEO_TS"
    folder.mkdir()
    cut = len(whole) // 2 // 2048 * 2048
    (folder / "VTS_01_0.VOB").write_bytes(whole[:cut])
    (folder / "VTS_01_1.VOB").write_bytes(whole[:cut])
    (folder / "VTS_01_2.VOB").write_bytes(whole[cut:])
    from batchcolor.archive.walk import walk

    (found,) = walk(tmp_path / "VIDEO_TS")
    assert found.path.name == "VTS_01_1.VOB"
    assert colorize(found.path, tmp_path / "out.mkv").frames == 100
    assert len(packet_times(tmp_path / "out.mkv", "a:0")) == len(packet_times(tmp_path / "whole.vob", "a:0"))
