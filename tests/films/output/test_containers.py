"""Long films in every container: each chunk finds its frames again, each picture once, at its time, bit for bit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor.archive.target_checks import CODECS_OF_SUFFIX
from batchcolor.errors import OutputError, UsageError
from batchcolor.films import colorize_film
from batchcolor.films.output.encoders import CODECS
from batchcolor.films.output.streams import MUXERS
from batchcolor.runtime.scheduling import unchanged_scheduling
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film, packets, pictures
from tests.films.test_resume import formula_colorizer, shots

LOSSLESS = Settings(film=FilmSettings(codec="ffv1"))
COUNT = 860  # a cut at 260, and from 545 on a shot that goes on


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("film.mp4", "libx264"),
        pytest.param("film.mov", "mpeg4", marks=pytest.mark.slow),
        ("film.avi", "mpeg4"),
        pytest.param("film.ts", "libx264", marks=pytest.mark.slow),
        ("film.ts", "mpeg2video"),
        ("film.mpg", "mpeg2video"),
        pytest.param("film.webm", "libvpx", marks=pytest.mark.slow),
        pytest.param("film.wmv", "wmv2", marks=pytest.mark.slow),
        pytest.param("film.mkv", "mjpeg", marks=pytest.mark.slow),
    ],
)
def test_every_picture_is_written_once_at_its_time(tmp_path: Path, name: str, codec: str) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    made = Made(codec=codec, pixel_format=pixel_format, picture=shots, pts=tuple(range(0, 40 * COUNT, 40)), rate_ticks=True)
    source = make_film(tmp_path / name, made)
    result = colorize_film(source, tmp_path / "out.mkv", LOSSLESS, colorizer=formula_colorizer)
    before, after = pictures(source), pictures(tmp_path / "out.mkv")
    assert result.frames == len(after) == len(before) == COUNT
    first = before[0][0]
    # FFmpeg gives two pictures of a program stream one time now and then; the second one comes a quarter of a frame later.
    near = Fraction(1, 1000) if len({time for time, _ in before}) == COUNT else Fraction(1, 50)
    for (time, luma), (time_after, luma_after) in zip(before, after, strict=True):
        assert abs((time - first) - (time_after - after[0][0])) <= near  # Matroska's clock has milliseconds
        np.testing.assert_array_equal(luma, luma_after)
    assert not any("could not be decoded" in warning for warning in result.warnings)


def test_a_part_begins_at_zero_with_its_sound_and_chapters(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(codec="ffv1", sound=True, chapters=True))
    part = Settings(film=FilmSettings(codec="ffv1", start=0.4, duration=0.5))
    result = colorize_film(source, tmp_path / "out.mkv", part, colorizer=formula_colorizer)
    assert result.frames == 13  # 0.40, 0.44, ... 0.88
    whole, cut = pictures(source), pictures(tmp_path / "out.mkv")
    assert [time for time, _ in cut] == [time - Fraction(2, 5) for time, _ in whole[10:23]]
    np.testing.assert_array_equal(cut[0][1], whole[10][1])
    inside = [(t, b) for t, b in packets(source, "audio") if 0.4 <= t < 0.9]
    assert [data for _, data in packets(tmp_path / "out.mkv", "audio")] == [data for _, data in inside]
    assert all(
        abs(t - Fraction(2, 5) - u) <= Fraction(1, 1000)
        for (t, _), (u, _) in zip(inside, packets(tmp_path / "out.mkv", "audio"), strict=True)
    )
    with av.open(str(tmp_path / "out.mkv")) as container:
        spans = [(float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"])) for c in container.chapters()]
    assert spans == [(0.0, pytest.approx(0.1)), (pytest.approx(0.1), pytest.approx(0.5))]


def test_a_start_beyond_the_end_is_refused_in_one_sentence(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made())
    late = Settings(film=FilmSettings(start=99.0))
    with pytest.raises(UsageError, match=r"--start"):
        colorize_film(source, tmp_path / "out" / "out.mkv", late, colorizer=formula_colorizer)
    assert not list((tmp_path / "out").iterdir())


def test_strict_streams_fail_before_anything_is_done(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(subtitles="subrip"))
    strict = Settings(film=FilmSettings(strict_streams=True))
    with pytest.raises(OutputError, match="subtitle stream"):
        colorize_film(source, tmp_path / "out" / "out.mp4", strict, colorizer=formula_colorizer)
    assert not (tmp_path / "out").exists()
    colorize_film(source, tmp_path / "out.mkv", strict, colorizer=formula_colorizer)  # Matroska holds them


def test_damaged_or_short_sound_does_not_end_the_film(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(sound=True))
    spoiled = bytearray(source.read_bytes())
    sound = [data for _, data in packets(source, "audio")]
    for data in sound[5:15]:
        at = spoiled.find(data)
        spoiled[at : at + len(data)] = bytes(len(data))
    (tmp_path / "spoiled.mkv").write_bytes(spoiled)
    result = colorize_film(tmp_path / "spoiled.mkv", tmp_path / "out.mkv", LOSSLESS, colorizer=formula_colorizer)
    assert result.frames == 30
    assert len(packets(tmp_path / "out.mkv", "audio")) == len(sound)  # copied as it is: what to make of it is the player's


@pytest.mark.parametrize("suffix", sorted(CODECS_OF_SUFFIX))
def test_the_plan_knows_which_codecs_a_container_holds(tmp_path: Path, suffix: str) -> None:
    held = []
    for codec, encoder in CODECS.items():
        path = tmp_path / f"{codec}{suffix}"
        try:
            with unchanged_scheduling(), av.open(path, "w", format=MUXERS[suffix]) as container:
                profile = encoder.profile(None, alpha=False)
                options = dict((*encoder.more, *profile.options))
                stream = container.add_stream(encoder.name, rate=25, options=options)
                stream.width, stream.height = 256, 128
                stream.pix_fmt = "yuv422p10le" if profile.sampling == "422" else "yuv420p"
                for n in range(3):  # of one or two frames, x265 leaves the decoding times uninitialized
                    frame = av.VideoFrame(256, 128, stream.pix_fmt)
                    for plane in frame.planes:
                        plane.update(bytes(plane.buffer_size))
                    frame.pts = n
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
            if len(pictures(path)) == 3:
                held.append(codec)
        except (ValueError, av.error.FFmpegError):
            continue
    assert tuple(held) == CODECS_OF_SUFFIX[suffix]


def test_films_below_one_coding_unit_are_not_given_to_the_encoder_that_they_crash(tmp_path: Path) -> None:
    source = make_film(tmp_path / "small.mkv", Made(width=48, height=32))
    with pytest.raises(UsageError, match="48x32; choose another --codec"):
        colorize_film(source, tmp_path / "out.mkv", Settings(film=FilmSettings(codec="hevc")), colorizer=formula_colorizer)
    assert [path.name for path in tmp_path.iterdir()] == ["small.mkv"]


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_films_of_one_or_two_frames_become_hevc(tmp_path: Path, suffix: str, frames: int) -> None:
    source = make_film(tmp_path / "short.mkv", Made(width=128, height=64, pts=range(0, 40 * frames, 40)))
    result = tmp_path / f"out{suffix}"
    colorize_film(source, result, Settings(film=FilmSettings(codec="hevc")), colorizer=formula_colorizer)
    assert [time for time, _ in pictures(result)] == [Fraction(n, 25) for n in range(frames)]
