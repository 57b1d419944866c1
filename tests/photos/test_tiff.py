"""Every kind of TIFF that scanners write, and pages: each coloured, in their order, each with its own size, depth and tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from batchcolor.color.conversion import lightness_of_gray, rgb_to_lab
from batchcolor.errors import OutputError, SourceError
from batchcolor.photos import PhotoResult, Provenance, Treatment, colorize_photos, probe
from batchcolor.photos.read import small_lab
from batchcolor.settings import PhotoSettings
from tests.support import formula_colorizer, gradient

GRAY = gradient(150, 200)


def pil(path: Path, mode: str = "L", **options: object) -> None:
    Image.fromarray(GRAY).convert(mode).save(path, **options)  # type: ignore[arg-type]


KINDS = {
    "ccitt g4": lambda path: pil(path, "1", compression="group4"),
    "ccitt g3": lambda path: pil(path, "1", compression="group3"),
    "1 bit": lambda path: pil(path, "1"),
    "lzw": lambda path: pil(path, compression="tiff_lzw"),
    "packbits": lambda path: pil(path, compression="packbits"),
    "deflate": lambda path: pil(path, compression="tiff_adobe_deflate"),
    "jpeg": lambda path: pil(path, compression="jpeg", quality=95),
    "palette": lambda path: pil(path, "P"),
    "cmyk": lambda path: pil(path, "CMYK"),
    "min is white": lambda path: tifffile.imwrite(path, 255 - GRAY, photometric="miniswhite"),
    "min is white, 16 bits": lambda path: tifffile.imwrite(path, 65535 - GRAY.astype(np.uint16) * 257, photometric="miniswhite"),
    "tiled": lambda path: tifffile.imwrite(path, GRAY, tile=(64, 64)),
    "big tiff": lambda path: tifffile.imwrite(path, GRAY, bigtiff=True),
    "big-endian": lambda path: tifffile.imwrite(path, GRAY.astype(np.uint16) * 257, byteorder=">"),
    "planar rgb": lambda path: tifffile.imwrite(path, np.stack([GRAY] * 3), photometric="rgb", planarconfig="separate"),
}  # fmt: skip


def colorize(source: Path, target: Path, provenance: Provenance | None = None, **settings: object) -> PhotoResult:
    photo = PhotoSettings(**settings)  # type: ignore[arg-type]
    (result,) = colorize_photos([(source, target)], formula_colorizer(), photo, provenance=provenance)
    if result.error is not None:
        raise result.error
    return result


def lightness(rgb: np.ndarray) -> np.ndarray:
    return rgb_to_lab(np.moveaxis(rgb[..., :3], -1, 0).astype(np.float32) / np.iinfo(rgb.dtype).max)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_tiff_keeps_its_lightness_and_depth(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    KINDS[kind](source)
    colorize(source, target)
    result = tifffile.imread(target)
    assert result.shape == (150, 200, 3)
    assert result.dtype == (np.uint16 if kind in ("min is white, 16 bits", "big-endian") else np.uint8)
    wanted = (
        np.asarray(Image.fromarray(GRAY).convert("1")).astype(np.uint8) * 255
        if kind in ("1 bit", "ccitt g4", "ccitt g3")
        else GRAY
    )
    tolerance = 6.0 if kind == "cmyk" else 1.0  # CMYK has no exact meaning without a profile
    assert np.abs(lightness(result) - lightness_of_gray(wanted / np.float32(255))).mean() < tolerance
    assert np.ptp(result.astype(int), axis=2).max() > 5 or kind in ("1 bit", "ccitt g4", "ccitt g3")


def ycbcr(rgb: np.ndarray, red: float, blue: float) -> np.ndarray:
    """Y, Cb, Cr codes of TIFF 6.0, section 21."""
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    codes = np.stack([y, (b - y) / (2 - 2 * blue) * 127 / 127.5 + 128, (r - y) / (2 - 2 * red) * 127 / 127.5 + 128], -1)
    return np.rint(codes).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("compression", [None, "lzw", "zstd"])
@pytest.mark.parametrize(("red", "blue"), [(0.299, 0.114), (0.2126, 0.0722)])
def test_ycbcr_without_jpeg_is_converted_by_its_coefficients(
    tmp_path: Path, compression: str | None, red: float, blue: float
) -> None:
    rgb = np.rint(GRAY[..., None] * np.array([1.0, 0.9, 0.7])).astype(np.uint8)
    tags = [(529, "2I", 3, (round(red * 10000), 10000, round((1 - red - blue) * 10000), 10000, round(blue * 10000), 10000), True),
            (530, "H", 2, (1, 1), True)]  # fmt: skip
    source = tmp_path / "in.tif"
    tifffile.imwrite(source, ycbcr(rgb, red, blue), photometric="ycbcr", compression=compression, extratags=tags, metadata=None)
    colorize(source, tmp_path / "out.tif", color_pages="copy")
    assert np.abs(lightness(tifffile.imread(tmp_path / "out.tif")) - lightness(rgb)).mean() < 0.6


def test_ycbcr_of_sixteen_bits_is_refused(tmp_path: Path) -> None:
    codes = np.dstack([GRAY.astype(np.uint16) * 257, *[np.full(GRAY.shape, 32768, np.uint16)] * 2])
    tags = [(530, "H", 2, (1, 1), True)]
    tifffile.imwrite(tmp_path / "in.tif", codes, photometric="ycbcr", extratags=tags, metadata=None)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="Y'CbCr of 16 bits a sample, which is not supported here"):
        colorize(tmp_path / "in.tif", tmp_path / "out.tif")


def test_the_network_sees_inks_as_the_result_has_them(tmp_path: Path) -> None:
    black = np.full((64, 64, 4), 255, np.uint8)
    pyvips.Image.new_from_array(black).copy(interpretation="cmyk").tiffsave(str(tmp_path / "in.tif"))
    colorize(tmp_path / "in.tif", tmp_path / "out.tif", color_pages="recolor")
    assert lightness(tifffile.imread(tmp_path / "out.tif")).max() < 2
    assert small_lab(tmp_path / "in.tif", 0, (32, 32))[0].max() < 2


@pytest.mark.parametrize("layout", [{}, {"planarconfig": "separate"}, {"planarconfig": "separate", "tile": (64, 64)}])
def test_colours_that_are_multiplied_by_alpha_are_divided_again(tmp_path: Path, layout: dict[str, object]) -> None:
    gray = GRAY.astype(np.uint16) * 257
    alpha = np.broadcast_to(np.linspace(20000, 65535, GRAY.shape[1]), GRAY.shape).astype(np.uint16)
    multiplied = np.rint(gray * (alpha / 65535)).astype(np.uint16)
    pixels = np.stack([multiplied, multiplied, multiplied, alpha], 0 if layout else -1)
    tifffile.imwrite(tmp_path / "in.tif", pixels, photometric="rgb", extrasamples=["assocalpha"], **layout)  # type: ignore[arg-type]
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    result = tifffile.imread(tmp_path / "out.tif")
    assert np.abs(lightness(result) - lightness_of_gray(gray / np.float32(65535))).mean() < 0.1
    np.testing.assert_array_equal(result[..., 3], alpha)


def pages_of_all_kinds(path: Path, **options: object) -> list[np.ndarray]:
    pages = [GRAY, gradient(90, 60, 65535), np.dstack([gradient(40, 70)] * 3), gradient(300, 20)]
    with tifffile.TiffWriter(path, **options) as file:  # type: ignore[arg-type]
        for number, page in enumerate(pages):
            file.write(
                page,
                photometric="rgb" if page.ndim == 3 else "minisblack",
                description=f"page {number}",
                resolution=(300 + number, 300 + number),
                extratags=[(315, "s", 0, f"artist {number}", True), (285, "s", 0, f"name {number}", True)],
                metadata=None,
            )
    return pages


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_every_page_is_coloured_and_keeps_its_size_depth_and_tags(tmp_path: Path, options: dict[str, object]) -> None:
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    pages = pages_of_all_kinds(source, **options)
    colorize(source, target, Provenance("lite", "00" * 32))
    with tifffile.TiffFile(target) as file:
        assert len(file.pages) == len(pages)
        for number, (page, gray) in enumerate(zip(file.pages, pages, strict=True)):
            result = page.asarray()
            assert (result.shape[:2], result.dtype) == (gray.shape[:2], gray.dtype)
            peak = np.float32(np.iinfo(gray.dtype).max)
            wanted = lightness_of_gray((gray[..., 0] if gray.ndim == 3 else gray) / peak)
            assert np.abs(lightness(result) - wanted).mean() < 0.5
            assert page.tags["ImageDescription"].value == f"page {number}"
            assert page.tags["Artist"].value == f"artist {number}"
            assert page.tags["PageName"].value == f"name {number}"
            assert page.tags["XResolution"].value == (300 + number, 1)
            assert b"compositeWithTrainedAlgorithmicMedia" in page.tags["XMP"].value
    for number in range(len(pages)):  # and another reader can read them
        assert pyvips.Image.new_from_file(str(target), page=number).avg() > 0


def test_more_pages_than_fit_into_one_batch(tmp_path: Path) -> None:
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    with tifffile.TiffWriter(source) as file:
        for number in range(37):
            file.write(np.full((30, 40), 5 * number, np.uint8), photometric="minisblack")
    colorize(source, target)
    with tifffile.TiffFile(target) as result:
        found = [float(lightness(page.asarray()).mean()) for page in result.pages]
    assert found == pytest.approx([float(lightness_of_gray(np.float32(5 * n / 255))) for n in range(37)], abs=0.6)


def test_pages_become_no_jpeg_and_nothing_stays_behind(tmp_path: Path) -> None:
    pages_of_all_kinds(tmp_path / "in.tif")
    with pytest.raises(OutputError, match="4 pages"):
        colorize(tmp_path / "in.tif", tmp_path / "out.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_a_damaged_page_leaves_nothing(tmp_path: Path) -> None:
    pages_of_all_kinds(tmp_path / "in.tif")
    whole = (tmp_path / "in.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "in.tif") as file:
        cut = file.pages[3].dataoffsets[0]
    (tmp_path / "in.tif").write_bytes(whole[:cut] + b"\0" * 10)
    with pytest.raises(SourceError, match="cut off"):
        colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_a_page_with_colours_of_its_own_keeps_them_among_gray_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colourful = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        file.write(GRAY, photometric="minisblack")
        file.write(colourful, photometric="rgb")
    assert colorize(tmp_path / "in.tif", tmp_path / "out.tif").treatment is Treatment.COLORIZED
    with tifffile.TiffFile(tmp_path / "out.tif") as result:
        assert np.ptp(result.pages[0].asarray().astype(int), axis=2).mean() > 5
        np.testing.assert_array_equal(result.pages[1].asarray(), colourful)


def test_probe_tells_the_number_of_pages(tmp_path: Path) -> None:
    pages_of_all_kinds(tmp_path / "in.tif")
    assert probe(tmp_path / "in.tif").pages == 4
