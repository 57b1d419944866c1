"""Luma is exact to a code whatever has to be converted: every format, size, tag and codec."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor.color.conversion import KR_KB, YCbCr
from batchcolor.films import colorize_film
from batchcolor.films.input.planes import luma_plane, scaled_luma, to_picture_format
from batchcolor.films.input.probe import FilmInfo
from batchcolor.films.output.encode import picture_format
from batchcolor.films.output.encoders import CODECS
from batchcolor.settings import FilmSettings, PhotoSettings, Settings
from tests.films.made import pictures
from tests.support import formula_colorizer

UNTAGGED = 2
SIZES = {(64, 48): "bt601", (1280, 96): "bt709"}
PLANAR = ("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv420p10le", "yuv420p10be", "yuv422p10be", "yuv444p12be", "yuv420p9le",
          "yuv420p14le", "yuv444p16le", "yuv420p16be", "gray", "gray10le", "gray10be", "gray12le", "gray14le", "gray16le",
          "gray16be", "nv12", "p010le", "p010be", "nv16")  # fmt: skip
PACKED = ("uyvy422", "yuyv422", "yvyu422", "y210le", "vuya", "xv30le")
HIGH = ("p010le", "p010be")


def info_of(frame: av.VideoFrame, matrix: str, full: bool) -> FilmInfo:
    return FilmInfo(
        container="", codec="rawvideo", width=frame.width, height=frame.height, pixel_format=frame.format.name,
        depth=max(c.bits for c in frame.format.components), rate=Fraction(25), frames=1, duration_s=1.0, sar=Fraction(1),
        matrix=matrix, full_range=full, rotation=0, other_streams=(),
    )  # fmt: skip


def with_luma(luma: np.ndarray, name: str) -> av.VideoFrame:
    """A frame of a planar format with these luma codes and chroma of all kinds."""
    height, width = luma.shape
    frame = av.VideoFrame(width, height, name)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    rng = np.random.default_rng(1)
    bits = frame.format.components[0].bits
    for n, plane in enumerate(frame.planes):
        codes = np.zeros((plane.height, plane.line_size // (1 if bits == 8 else 2)), np.uint8 if bits == 8 else np.uint16)
        values = luma if n == 0 else rng.integers(1 << (bits - 2), 3 << (bits - 2), codes.shape)
        codes[: values.shape[0], : values.shape[1]] = values
        codes <<= 16 - bits if name in HIGH else 0
        plane.update((codes.byteswap() if frame.format.is_big_endian else codes).tobytes())
    return frame


def ramp(size: tuple[int, int], bits: int, full: bool) -> np.ndarray:
    """Every code of a range, `(H, W)`."""
    low, high = (0, 2**bits) if full else (16 << (bits - 8), (235 << (bits - 8)) + 1)
    width, height = size
    return np.resize(np.arange(low, high), width * height).reshape(height, width).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("codec", ["h264", "prores", "ffv1", "av1"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", PLANAR)
def test_luma_of_every_planar_format_is_exact(name: str, full: bool, size: tuple[int, int], codec: str) -> None:
    bits = av.VideoFormat(name).components[0].bits
    luma = ramp(size, bits, full)
    frame = with_luma(luma, name)
    info = info_of(frame, SIZES[size], full)
    picture = picture_format(info, CODECS[codec])
    made = luma_plane(to_picture_format(frame, info, picture)).astype(np.int64)
    depth = picture.coding.depth
    peak = (2**depth - 1) / (2**bits - 1) if full else 2.0 ** (depth - bits)
    exact = luma * peak
    assert np.abs(made - exact).max() <= 0.5 + 1e-3
    if bits == depth:
        np.testing.assert_array_equal(made, luma)


@pytest.mark.parametrize("codec", ["h264", "prores", "ffv1"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PACKED)
def test_luma_of_packed_formats_is_exact(name: str, size: tuple[int, int], codec: str) -> None:
    bits = av.VideoFormat(name).components[0].bits
    luma = ramp(size, bits, False)
    matrix = {"bt601": "ITU601", "bt709": "ITU709"}[SIZES[size]]
    planar = with_luma(luma, "yuv444p" if bits == 8 else "yuv444p10le")
    kept = {"src_colorspace": matrix, "dst_colorspace": matrix, "src_color_range": "MPEG", "dst_color_range": "MPEG"}
    frame = planar.reformat(format=name, **kept)
    frame.colorspace, frame.color_range = UNTAGGED, 0
    info = info_of(frame, SIZES[size], False)
    picture = picture_format(info, CODECS[codec])
    made = luma_plane(to_picture_format(frame, info, picture)).astype(np.int64)
    np.testing.assert_array_equal(made, luma.astype(np.int64) << (picture.coding.depth - bits))


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("name", ["rgb24", "bgr24", "gbrp", "rgb48le", "gbrp10le"])
def test_rgb_is_coded_with_the_film_s_own_matrix(name: str, matrix: str) -> None:
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    rgb = coarse.repeat(8, 0).repeat(8, 1)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=name, src_color_range="JPEG", dst_color_range="JPEG")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    info = info_of(frame, matrix, False)
    picture = picture_format(info, CODECS["ffv1"])
    made = luma_plane(to_picture_format(frame, info, picture)).astype(float)
    coding: YCbCr = picture.coding
    kr, kb = KR_KB[matrix]
    y = rgb.astype(float) @ np.array([kr, 1 - kr - kb, kb]) / 255
    exact = coding.luma_offset + y * coding.luma_span
    assert np.abs(made - exact).max() <= 2 ** (coding.depth - 8) + 0.5


def test_codes_beyond_the_range_of_a_format_are_cut_to_it() -> None:
    luma = np.full((48, 64), 700, np.uint16)
    luma[5, 7] = 1094  # as libavcodec leaves it in damaged pictures of ten bits
    frame = with_luma(luma, "yuv420p10le")
    info = info_of(frame, "bt601", False)
    made = luma_plane(to_picture_format(frame, info, picture_format(info, CODECS["h264"])))
    assert made[5, 7] == 1023
    assert (np.delete(made.ravel(), 5 * 64 + 7) == 700).all()


def test_rounding_never_passes_the_largest_code() -> None:
    codes = np.arange(2**10, dtype=np.uint16)[None]
    assert scaled_luma(codes, 10, YCbCr(0.3, 0.1, depth=8)).max() == 255


@pytest.mark.parametrize(("name", "codec"), [("uyvy422", "rawvideo"), ("gray16be", "rawvideo"), ("yuv420p", "ffv1")])
def test_an_untagged_hd_film_keeps_its_luma_in_prores(tmp_path: Path, name: str, codec: str) -> None:
    luma = ramp((1280, 96), 8, False)
    matrix = {"src_colorspace": "ITU709", "dst_colorspace": "ITU709", "src_color_range": "MPEG", "dst_color_range": "MPEG"}
    source = tmp_path / "in.mov" if codec == "rawvideo" else tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 96, name
        for n in range(3):
            frame = with_luma(
                luma if name != "gray16be" else luma.astype(np.uint16) * 257, "gray16be" if name == "gray16be" else "yuv422p"
            )
            if frame.format.name != name:
                frame = frame.reformat(format=name, **matrix)
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    before = [y.astype(np.int64) for _, y in pictures(source)] if name == "yuv420p" else None
    settings = Settings(photo=PhotoSettings(color_pages="recolor"), film=FilmSettings(codec="ffv1"))
    colorize_film(source, tmp_path / "out.mkv", settings, colorizer=formula_colorizer)
    for n, (_, after) in enumerate(pictures(tmp_path / "out.mkv")):
        scale = 257 if after.dtype == np.uint16 else 1
        np.testing.assert_array_equal(after.astype(np.int64), before[n] if before else luma.astype(np.int64) * scale)
    colorize_film(
        source, tmp_path / "out.mov", replace(settings, film=FilmSettings(codec="prores")), colorizer=formula_colorizer
    )
    for _, after in pictures(tmp_path / "out.mov"):  # ProRes loses some codes of ten bits, and no more
        mean = after.astype(float).mean() / 4
        assert mean == pytest.approx(luma.mean() * (1 if name != "gray16be" else 255.75 / 255), abs=0.3)
