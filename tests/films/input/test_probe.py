"""Facts about a film from its headers, and estimates where headers lack them."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import pyvips

from batchcolor.errors import SourceError
from batchcolor.films import colorize_film, describe
from batchcolor.films.input.probe import probe
from batchcolor.settings import Settings
from tests.films.made import TICK, Made, make_film
from tests.films.made_by_ffmpeg import make, needs_ffmpeg
from tests.support import formula_colorizer

UNTAGGED = 2  # H.273: "unspecified"


def test_probe_reads_the_headers(tmp_path: Path) -> None:
    info = probe(make_film(tmp_path / "reel.mkv", Made(sound=True, subtitles="subrip")))
    assert (info.codec, info.pixel_format, info.depth) == ("h264", "yuv420p", 8)
    assert (info.width, info.height) == (96, 64)
    assert "matroska" in info.container
    assert info.rate == 25
    assert info.duration_s == pytest.approx(1.2, abs=0.1)
    assert info.frames == pytest.approx(30, abs=2)
    assert info.other_streams in {("audio aac", f"subtitle {name}") for name in ("srt", "subrip")}  # FFmpeg renamed it


def test_mp4_counts_its_frames(tmp_path: Path) -> None:
    assert probe(make_film(tmp_path / "reel.mp4", Made(pts=(0, 40, 80, 500, 501)))).frames == 5


@pytest.mark.parametrize(("tag", "matrix"), [(1, "bt709"), (5, "bt601"), (6, "bt601"), (9, "bt2020")])
def test_the_matrix_is_the_one_in_the_header(tmp_path: Path, tag: int, matrix: str) -> None:
    assert probe(make_film(tmp_path / "reel.mkv", Made(colorspace=tag))).matrix == matrix


@pytest.mark.parametrize(
    ("width", "height", "matrix"), [(720, 576, "bt601"), (720, 480, "bt601"), (1280, 720, "bt709"), (960, 720, "bt709")]
)
def test_without_a_name_the_matrix_is_guessed_from_the_size(tmp_path: Path, width: int, height: int, matrix: str) -> None:
    made = Made(width=width, height=height, colorspace=UNTAGGED, pts=(0, 40), codec="mpeg4")
    assert probe(make_film(tmp_path / "reel.mkv", made)).matrix == matrix


@pytest.mark.parametrize(("tag", "full"), [(0, False), (1, False), (2, True)])
def test_the_range_is_limited_unless_the_film_says_full(tmp_path: Path, tag: int, full: bool) -> None:
    assert probe(make_film(tmp_path / "reel.mkv", Made(color_range=tag))).full_range is full


@pytest.mark.parametrize(
    ("pixel_format", "depth", "full"), [("gray", 8, True), ("gray10le", 10, True), ("yuv420p10le", 10, False)]
)
def test_gray_formats_are_full_range_and_deep_ones_deep(tmp_path: Path, pixel_format: str, depth: int, full: bool) -> None:
    info = probe(make_film(tmp_path / "reel.mkv", Made(pixel_format=pixel_format, codec="ffv1", color_range=0)))
    assert (info.depth, info.full_range) == (depth, full)


def test_the_shape_of_a_pixel_counts_in_the_displayed_size(tmp_path: Path) -> None:
    info = probe(make_film(tmp_path / "reel.mkv", Made(width=720, height=576, sar=Fraction(64, 45), pts=(0, 40))))
    assert info.sar == Fraction(64, 45)
    assert info.display_size == (576, 1024)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_read_in_quarter_turns(tmp_path: Path, degrees: int) -> None:
    info = probe(make_film(tmp_path / "reel.mp4", Made(rotation=degrees)))
    assert info.rotation % 360 == degrees


def test_a_cover_is_not_the_film(tmp_path: Path) -> None:
    path = tmp_path / "with-cover.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "gray"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = container.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        for stream, height, width, count in ((cover, 32, 32, 1), (picture, 64, 96, 5)):
            for n in range(count):
                frame = av.VideoFrame.from_ndarray(np.full((height, width), 90, np.uint8), "gray")
                frame.pts = n
                container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            container.mux(stream.encode(None))
    info = probe(path)
    assert (info.codec, info.width, info.height) == ("h264", 96, 64)
    assert info.other_streams == ("video png",)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("tags", "primaries", "transfer", "said"),
    [
        ((9, 16, 9), "bt2020", "pq", "bt2020 PQ limited"),
        ((9, 18, 9), "bt2020", "hlg", "bt2020 HLG limited"),
        ((9, 14, 9), "bt2020", "sdr", "bt2020 limited"),
        ((2, 2, 9), "bt2020", "sdr", "bt2020 limited"),  # the matrix alone
        ((12, 1, 1), "p3-d65", "sdr", "bt709 limited"),
        ((6, 6, 6), "bt709", "sdr", "bt601 limited"),
    ],
)
def test_wide_gamut_and_high_dynamic_range_are_read_from_the_tags(
    tmp_path: Path, tags: tuple[int, int, int], primaries: str, transfer: str, said: str
) -> None:
    named = ["-color_primaries", tags[0], "-color_trc", tags[1], "-colorspace", tags[2], "-color_range", "tv"]
    source = make(tmp_path / "reel.mp4", ["-c:v", "libx264", "-pix_fmt", "yuv420p10le", *named], seconds=0.2)
    info = probe(source)
    assert (info.primaries, info.transfer, info.coding(10).primaries, info.coding(10).transfer) == (primaries, transfer) * 2
    assert said in describe(info)
    result = colorize_film(source, tmp_path / "out.mp4", Settings(), colorizer=formula_colorizer)
    made = probe(tmp_path / "out.mp4")
    assert (made.primaries, made.transfer, made.matrix) == (primaries, transfer, info.matrix)
    assert result.warnings == ()


@needs_ffmpeg
def test_the_result_names_the_matrix_that_its_colours_are_made_in(tmp_path: Path) -> None:
    source = make(tmp_path / "reel.mp4", ["-c:v", "libx264", "-colorspace", "smpte240m"], seconds=0.2)
    result = colorize_film(source, tmp_path / "out.mp4", Settings(), colorizer=formula_colorizer)
    assert any("the tag of its matrix (7 in H.273) became 6" in warning for warning in result.warnings)


def test_a_film_is_described_in_one_line(tmp_path: Path) -> None:
    line = describe(probe(make_film(tmp_path / "reel.mkv", Made(sound=True, color_range=2, colorspace=5))))
    for part in ("96x64", "h264", "bt601 full", "25 fps", "1.2 s", "audio aac"):
        assert part in line
    assert "\n" not in line


def test_unknown_facts_are_left_out_of_the_description(tmp_path: Path) -> None:
    info = dataclasses.replace(probe(make_film(tmp_path / "reel.mkv", Made())), rate=None, duration_s=None)
    assert "None" not in describe(info)


@pytest.mark.parametrize("case", ["missing", "empty", "folder", "text", "words alone"])
def test_other_files_are_refused_in_one_sentence_with_their_path(tmp_path: Path, case: str) -> None:
    path = tmp_path / "reel.mkv"
    if case == "empty":
        path.touch()
    elif case == "folder":
        path.mkdir()
    elif case == "text":
        path.write_text("once upon a time\n" * 99)
    elif case == "words alone":
        with av.open(str(path), "w") as container:
            words = container.add_mux_stream("subrip", time_base=TICK)
            packet = av.Packet(b"only words")
            packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = words, 0, 0, 100, TICK
            container.mux(packet)
    with pytest.raises(SourceError) as caught:
        probe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_side_data_of_a_kind_that_pyav_does_not_know_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """FFmpeg gives the EXIF of an MJPEG as side data; PyAV knows no such kind and raises `ValueError` for all of them."""
    picture = pyvips.Image.black(64, 48).copy(interpretation="b-w")
    picture.set_type(pyvips.GValue.gstr_type, "exif-ifd0-ImageDescription", "a harbour")
    picture.jpegsave(str(tmp_path / "a.jpg"))
    info = probe(tmp_path / "a.jpg")
    assert (info.width, info.height) == (64, 48)
    assert all("not know" in name for name in info.side_data.others)
