"""Kinds of photographs that people have: each read as it is meant, or refused in a true sentence, and nothing changed in silence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from batchcolor.color.conversion import lightness_of_gray, rgb_to_lab
from batchcolor.errors import SourceError
from batchcolor.photos import PhotoResult, colorize_photos, probe
from batchcolor.photos.metadata import jpeg_structure, read_pages
from batchcolor.settings import PhotoSettings
from tests.support import formula_colorizer, gradient

GRAY = gradient(60, 80)
DEEP = gradient(60, 80, 65535)


def colorize(source: Path, target: Path, **settings: object) -> PhotoResult:
    (result,) = colorize_photos([(source, target)], formula_colorizer(), PhotoSettings(**settings))  # type: ignore[arg-type]
    if result.error is not None:
        raise result.error
    return result


def lightness(pixels: np.ndarray) -> np.ndarray:
    return rgb_to_lab(np.moveaxis(pixels[..., :3], -1, 0).astype(np.float32) / np.iinfo(pixels.dtype).max)[0]


def off(target: Path, gray: np.ndarray) -> float:
    """Mean difference of the result's lightness from that of `gray`, by tifffile or Pillow."""
    pixels = tifffile.imread(target) if target.suffix == ".tif" else shown(target)
    wanted = lightness_of_gray(gray.astype(np.float32) / np.iinfo(gray.dtype).max)
    return float(np.abs(lightness(pixels) - wanted).mean())


def shown(path: Path) -> np.ndarray:
    """RGB as Pillow decodes it."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def left_out(result: PhotoResult) -> str:
    """What the one warning names; empty where there is none."""
    assert len(result.warnings) <= 1
    return "".join(result.warnings).partition("cannot hold: ")[2]


# TIFF


def packed(values: np.ndarray, bits: int) -> bytes:
    """Rows of samples of so many bits, each row padded to a byte."""
    spread = (values[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def tiff_of_bits(path: Path, bits: int) -> np.ndarray:
    """A gray TIFF of 6, 10, 12 or 14 bits a sample; returns the picture it shows, of 16 bits."""
    values = (DEEP >> (16 - bits)).astype(np.int64)
    data = packed(values, bits)
    entries = [
        (256, 3, 1, DEEP.shape[1]), (257, 3, 1, DEEP.shape[0]), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
        (277, 3, 1, 1), (278, 3, 1, DEEP.shape[0]), (279, 4, 1, len(data)),
    ]  # fmt: skip
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + table)
    return np.rint(values * (65535 / (2**bits - 1))).astype(np.uint16)


@pytest.mark.parametrize("bits", [6, 10, 12, 14])
def test_tiffs_of_odd_bits_are_read(tmp_path: Path, bits: int) -> None:
    pytest.importorskip("imagecodecs")
    shown = tiff_of_bits(tmp_path / "in.tif", bits)
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    assert tifffile.imread(tmp_path / "out.tif").dtype == (np.uint16 if bits > 8 else np.uint8)
    assert off(tmp_path / "out.tif", shown) < 0.3


@pytest.mark.parametrize("compression", ["zstd", "lzma", "lerc", "png"])
def test_tiffs_of_rare_compressions_are_read(tmp_path: Path, compression: str) -> None:
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "in.tif", DEEP, compression=compression, resolution=(300, 300))
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    assert off(tmp_path / "out.tif", DEEP) < 0.05
    with tifffile.TiffFile(tmp_path / "out.tif") as result:
        assert result.pages[0].tags["XResolution"].value == (300, 1)


def test_a_subsampled_ycbcr_tiff_is_no_picture_with_alpha(tmp_path: Path) -> None:
    """libvips reads one as RGB with an opaque alpha that the file does not have."""
    Image.fromarray(np.dstack([GRAY] * 3)).convert("YCbCr").save(tmp_path / "in.tif", compression="jpeg", quality=95)
    assert not probe(tmp_path / "in.tif").alpha
    for order in "<", ">":
        chroma, blocks = bytes([128, 128]), GRAY.reshape(30, 2, 40, 2).swapaxes(1, 2).reshape(-1, 4)
        data = b"".join(block.tobytes() + chroma for block in blocks)
        entries = [
            (256, 3, 1, 80), (257, 3, 1, 60), (258, 3, 3, 0), (259, 3, 1, 1), (262, 3, 1, 6), (273, 4, 1, 0), (277, 3, 1, 3),
            (278, 3, 1, 60), (279, 4, 1, len(data)), (530, 3, 2, 0), (532, 5, 6, 0),
        ]  # fmt: skip
        size = 8 + 2 + 12 * len(entries) + 4
        extra = struct.pack(f"{order}3H", 8, 8, 8), struct.pack(f"{order}12I", *(0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1))
        values = {258: size, 532: size + 6, 273: size + 54}
        table = struct.pack(f"{order}H", len(entries))
        for tag, kind, count, value in entries:
            short = struct.pack(f"{order}HH", 2, 2) if tag == 530 else struct.pack(f"{order}HH", value, 0)
            inline = short if kind == 3 and tag != 258 else struct.pack(f"{order}I", values.get(tag, value))
            table += struct.pack(f"{order}HHI", tag, kind, count) + inline
        header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
        (tmp_path / "in.tif").write_bytes(header + table + bytes(4) + b"".join(extra) + data)
        colorize(tmp_path / "in.tif", tmp_path / "out.tif")
        assert tifffile.imread(tmp_path / "out.tif").shape == (60, 80, 3)
        assert off(tmp_path / "out.tif", GRAY) < 0.6


def test_without_imagecodecs_a_rare_tiff_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiff_of_bits(tmp_path / "in.tif", 12)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"12 bits a sample, which needs: pip install 'batchcolor\[tiff\]'"):
        probe(tmp_path / "in.tif")


@pytest.mark.parametrize("photometric", ["cielab", "icclab"])
@pytest.mark.parametrize("deep", [False, True])
def test_cielab_tiffs_keep_their_lightness(tmp_path: Path, photometric: str, deep: bool) -> None:
    pytest.importorskip("imagecodecs")
    L = np.linspace(5, 95, 80)[None].repeat(60, 0)
    peak = {("cielab", False): 255, ("icclab", False): 255, ("cielab", True): 65535, ("icclab", True): 0xFF00}[
        photometric, deep
    ]
    zero = (2**15 if deep else 2**7) if photometric == "icclab" else 0
    lab = np.dstack([np.rint(L / 100 * peak), np.full_like(L, zero), np.full_like(L, zero)])
    tifffile.imwrite(tmp_path / "in.tif", lab.astype(np.uint16 if deep else np.uint8), photometric=photometric)
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    assert np.abs(lightness(tifffile.imread(tmp_path / "out.tif")) - L).max() < (0.1 if deep else 0.6)


EXTRAS: dict[str, tuple[np.ndarray, dict[str, object], str, int]] = {
    # channels, how they are written, what is named, channels of the result
    "gray, infrared": (np.dstack([DEEP, DEEP // 3]), {"extrasamples": ["unspecified"]}, "an extra channel, such as infrared", 3),
    "gray, two more": (np.dstack([GRAY] * 3), {"extrasamples": ["unspecified"] * 2}, "2 extra channels", 3),
    "gray, alpha": (np.dstack([GRAY, GRAY]), {"extrasamples": ["unassalpha"]}, "", 4),
    "gray, alpha, planes": (np.stack([GRAY, GRAY]), {"extrasamples": ["unassalpha"], "planarconfig": "separate"}, "", 4),
    "gray, infrared, alpha": (
        np.dstack([GRAY, GRAY // 2, GRAY]), {"extrasamples": ["unspecified", "unassalpha"]}, "an extra channel, such as infrared", 4,
    ),
    "rgb, infrared": (np.dstack([GRAY] * 3 + [GRAY // 2]), {"photometric": "rgb", "extrasamples": ["unspecified"]},
                      "an extra channel, such as infrared", 3),
    "rgb, tiles in planes": (np.stack([GRAY] * 3), {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 16)}, "", 3),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTRAS)
def test_extra_channels_are_no_alpha_and_named(tmp_path: Path, name: str) -> None:
    pixels, how, named, channels = EXTRAS[name]
    if "tile" in how:
        pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "in.tif", pixels, **{"photometric": "minisblack", "planarconfig": "contig", **how})  # type: ignore[arg-type]
    assert left_out(colorize(tmp_path / "in.tif", tmp_path / "out.tif")) == named
    assert tifffile.imread(tmp_path / "out.tif").shape == (60, 80, channels)
    assert off(tmp_path / "out.tif", DEEP if pixels.dtype == np.uint16 else GRAY) < 0.3


@pytest.mark.parametrize("tag", [33723, 34377, 700])
@pytest.mark.parametrize("kind", ["I", "H"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_streams_in_tags_of_numbers_keep_their_bytes(tmp_path: Path, tag: int, kind: str, order: str) -> None:
    stream = bytes(range(1, 41))
    numbers = np.frombuffer(stream, f"{order}u{ {'I': 4, 'H': 2}[kind] }").tolist()
    tifffile.imwrite(
        tmp_path / "in.tif", GRAY, byteorder=order, extratags=[(tag, kind, len(numbers), tuple(numbers), True)]  # type: ignore[arg-type]
    )  # fmt: skip
    assert stream in (tmp_path / "in.tif").read_bytes()
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    assert stream in (tmp_path / "out.tif").read_bytes()


def test_subifds_and_damaged_tags_are_named(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        file.write(GRAY, subifds=1)
        file.write(GRAY[::2, ::2], subfiletype=1)
    assert left_out(colorize(tmp_path / "in.tif", tmp_path / "out.tif")) == "further pictures (SubIFDs)"


def test_errors_of_later_pages_name_the_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        file.write(GRAY)
        file.write(GRAY.astype(np.float32))
    with pytest.raises(SourceError, match=r"in\.tif: page 2: has samples of 32 bits"):
        colorize(tmp_path / "in.tif", tmp_path / "out.tif")


def test_a_tiff_without_resolution_gets_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "in.tif", GRAY, resolution=None, metadata=None)
    data = bytearray((tmp_path / "in.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "in.tif") as file:
        page = file.pages[0]
        for tag in (282, 283, 296):
            if tag in page.tags:
                struct.pack_into("<H", data, page.tags[tag].offset, 65000 + tag)  # a private tag instead
    (tmp_path / "in.tif").write_bytes(data)
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as result:
        assert result.pages[0].tags["ResolutionUnit"].value == 1


# PNG


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def png(path: Path, pixels: np.ndarray, *chunks: tuple[bytes, bytes], behind: bytes = b"") -> Path:
    """A PNG with these chunks before its pixels."""
    deep, color = pixels.dtype == np.uint16, 2 if pixels.ndim == 3 else 0
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16 if deep else 8, color, 0, 0, 0)
    rows = pixels.astype(">u2" if deep else "u1").reshape(len(pixels), -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts) + behind)
    return path


@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 1 / 2.6])
@pytest.mark.parametrize("bands", [1, 3])
def test_png_gamma_is_honoured(tmp_path: Path, gamma: float, bands: int) -> None:
    linear = np.tile(np.linspace(0.02, 1, 80), (60, 1))
    stored = np.rint(linear**gamma * 65535).astype(np.uint16)
    png(
        tmp_path / "in.png", stored if bands == 1 else np.dstack([stored] * 3), (b"gAMA", struct.pack(">I", round(gamma * 1e5)))
    )
    colorize(tmp_path / "in.png", tmp_path / "out.png")
    result = pyvips.Image.new_from_file(str(tmp_path / "out.png")).numpy()
    wanted = 116 * np.where(linear > 0.008856, np.cbrt(linear), 7.787 * linear + 16 / 116) - 16
    assert np.abs(lightness(result) - wanted).max() < 0.2


def test_png_gamma_of_srgb_or_beside_a_better_word_changes_nothing(tmp_path: Path) -> None:
    gamma = struct.pack(">I", 100_000)
    for name, chunks in {
        "plain": [(b"gAMA", struct.pack(">I", 45_455))],
        "srgb": [(b"gAMA", gamma), (b"sRGB", b"\0")],
        "cicp": [(b"gAMA", gamma), (b"cICP", bytes([1, 13, 0, 1]))],
    }.items():
        colorize(png(tmp_path / f"{name}.png", GRAY, *chunks), tmp_path / f"{name}-out.png")
        assert off(tmp_path / f"{name}-out.png", GRAY) < 0.3, name


def test_png_chromaticities_are_honoured(tmp_path: Path) -> None:
    """A green of Adobe RGB's primaries, which sRGB has as well, and its luminance by the standard's own row of Y."""
    green = np.full((40, 40, 3), (110, 140, 100), np.uint8)
    linear = [((value / 255 + 0.055) / 1.055) ** 2.4 for value in (110, 140, 100)]
    wanted = 116 * np.cbrt(0.29734 * linear[0] + 0.62736 * linear[1] + 0.07529 * linear[2]) - 16
    adobe = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    chunk = struct.pack(">8I", *(round(value * 1e5) for value in adobe))
    colorize(png(tmp_path / "in.png", green, (b"cHRM", chunk)), tmp_path / "out.png", color_pages="recolor")
    assert lightness(shown(tmp_path / "out.png")).mean() == pytest.approx(wanted, abs=0.3)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_by_its_name(tmp_path: Path, transfer: int, name: str) -> None:
    with pytest.raises(SourceError, match=rf"an HDR picture \({name}\), which is not supported"):
        probe(png(tmp_path / "in.png", DEEP, (b"cICP", bytes([9, transfer, 0, 1]))))
    header = struct.pack(">I", 24) + b"ftypavif" + bytes(4) + b"mif1avif"
    color = struct.pack(">I", 19) + b"colrnclx" + struct.pack(">HHHB", 9, transfer, 9, 128)
    (tmp_path / "in.avif").write_bytes(header + color)
    with pytest.raises(SourceError, match=rf"an HDR picture \({name}\)"):
        probe(tmp_path / "in.avif")


def test_an_animated_png_is_refused_like_other_animations(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has 2 pictures, an animation"):
        probe(png(tmp_path / "two.png", GRAY, (b"acTL", struct.pack(">II", 2, 0))))
    assert probe(png(tmp_path / "one.png", GRAY, (b"acTL", struct.pack(">II", 1, 0)))).pages == 1


def test_a_png_without_resolution_gets_none_and_one_with_keeps_it(tmp_path: Path) -> None:
    colorize(png(tmp_path / "a.png", GRAY), tmp_path / "a-out.png")
    assert b"pHYs" not in (tmp_path / "a-out.png").read_bytes()
    chunk = struct.pack(">IIB", 11811, 11811, 1)
    colorize(png(tmp_path / "b.png", GRAY, (b"pHYs", chunk)), tmp_path / "b-out.png")
    assert png_chunk(b"pHYs", chunk) in (tmp_path / "b-out.png").read_bytes()


def test_png_chunks_are_copied_where_they_say_so_and_named_where_not(tmp_path: Path) -> None:
    safe, unsafe = (b"vpAg", bytes(9)), (b"sTER", b"\0")
    source = png(tmp_path / "in.png", GRAY, safe, unsafe, (b"sBIT", b"\x08"), behind=b"hidden")
    result = colorize(source, tmp_path / "out.png")
    assert left_out(result) == "PNG chunks (sTER), 6 bytes behind the picture"
    assert png_chunk(*safe) in (tmp_path / "out.png").read_bytes()


# JPEG


def jpeg(path: Path, pixels: np.ndarray = GRAY, quality: int = 90) -> bytes:
    Image.fromarray(pixels).save(path, quality=quality)
    return path.read_bytes()


def with_segments(content: bytes, *segments: tuple[int, bytes]) -> bytes:
    made = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    return content[:2] + made + content[2:]


def test_a_jpeg_that_lacks_its_last_marker_alone_is_read_with_a_warning(tmp_path: Path) -> None:
    whole = jpeg(tmp_path / "in.jpg")
    (tmp_path / "in.jpg").write_bytes(whole[:-2])
    (warning,) = colorize(tmp_path / "in.jpg", tmp_path / "out.jpg").warnings
    assert "end-of-image marker is missing" in warning
    assert off(tmp_path / "out.jpg", shown(_written(tmp_path / "whole.jpg", whole))[..., 0]) < 0.6


def test_a_jpeg_that_lacks_pixels_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    whole = jpeg(tmp_path / "in.jpg", noise)
    for cut in (100, len(whole) // 2):
        (tmp_path / "in.jpg").write_bytes(whole[:-cut])
        with pytest.raises(SourceError, match="damaged"):
            colorize(tmp_path / "in.jpg", tmp_path / "out.jpg")


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_what_lies_behind_a_jpeg_is_named_and_claims_about_it_go(tmp_path: Path) -> None:
    xmp = (
        b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        b'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" dc:source="album 3"/></rdf:RDF></x:xmpmeta>'
    )
    mpf = b"MPF\0II*\0" + bytes(30)
    content = with_segments(
        jpeg(tmp_path / "in.jpg"),
        (0xE1, xmp),
        (0xE2, mpf),
        (0xEB, b"JP\0\1jumb"),
        (0xE5, b"RMETA\0keep me"),
        (0xE0, b"II\x1a\0\0\0HEAPJPGM own"),
    )
    video = b"\0\0\0\x18ftypmp42" + bytes(2000)
    result = colorize(_written(tmp_path / "in.jpg", content + video), tmp_path / "out.jpg")
    named = left_out(result)
    for what in ("an index of further pictures (MPF)", "behind the picture (a video)", "content credentials"):
        assert what in named
    made = (tmp_path / "out.jpg").read_bytes()
    assert b"MotionPhoto" not in made
    assert b"album 3" in made
    assert b"RMETA\0keep me" in made
    assert b"HEAPJPGM own" in made
    assert b"MPF\0" not in made
    assert made.endswith(b"\xff\xd9")


def test_exif_of_several_segments_stays_whole(tmp_path: Path) -> None:
    note = bytes(range(256)) * 350  # 90 kB
    entry = struct.pack("<HHII", 0x9286, 7, len(note), 26)
    exif = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4) + note
    parts = [exif[at : at + 65527] for at in range(0, len(exif), 65527)]
    content = with_segments(jpeg(tmp_path / "in.jpg"), *((0xE1, b"Exif\0\0" + part) for part in parts))
    result = colorize(_written(tmp_path / "in.jpg", content), tmp_path / "out.jpg")
    assert result.warnings == ()
    (told,) = read_pages(tmp_path / "out.jpg")
    assert told.exif == exif


@pytest.mark.parametrize("quality", [30, 60, 75, 90, 95, 98, 100])
def test_the_quality_of_a_jpeg_is_told_from_its_tables(tmp_path: Path, quality: int) -> None:
    assert abs((jpeg_structure.parse(jpeg(tmp_path / "in.jpg", quality=quality)).quality or 0) - quality) <= 1


def test_a_jpeg_is_as_good_as_its_source_unless_a_quality_is_asked_for(tmp_path: Path) -> None:
    jpeg(tmp_path / "in.jpg", quality=98)
    for asked, found in ((None, 98), (70, 70)):
        colorize(tmp_path / "in.jpg", tmp_path / "out.jpg", quality=asked)
        assert abs((jpeg_structure.parse((tmp_path / "out.jpg").read_bytes()).quality or 0) - found) <= 1


# WebP, AVIF, BMP and what is not read


def test_lossless_webp_stays_lossless_unless_a_quality_is_asked_for(tmp_path: Path) -> None:
    Image.fromarray(GRAY).convert("RGB").save(tmp_path / "in.webp", lossless=True)
    colorize(tmp_path / "in.webp", tmp_path / "out.webp")
    assert b"VP8L" in (tmp_path / "out.webp").read_bytes()[:64]
    assert off(tmp_path / "out.webp", GRAY) < 0.3
    colorize(tmp_path / "in.webp", tmp_path / "lossy.webp", quality=80)
    assert b"VP8 " in (tmp_path / "lossy.webp").read_bytes()[:64]


def test_a_rotation_is_applied_once(tmp_path: Path) -> None:
    """An AVIF whose container turns it: libheif has turned the pixels, so neither EXIF nor XMP may turn them again."""
    image = pyvips.Image.new_from_array(GRAY).copy(interpretation="b-w")
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Orientation", "6 (Right-top, Short, 1 components, 2 bytes)")
    image.heifsave(str(tmp_path / "in.avif"), compression="av1")
    turned = pyvips.Image.new_from_file(str(tmp_path / "in.avif"))
    for suffix in (".avif", ".jpg", ".tif"):
        colorize(tmp_path / "in.avif", tmp_path / f"out{suffix}")
        result = pyvips.Image.new_from_file(str(tmp_path / f"out{suffix}"))
        assert (result.width, result.height) == (turned.width, turned.height)
        assert not result.get_typeof("orientation") or result.get("orientation") == 1


def test_fewer_bits_are_named(tmp_path: Path) -> None:
    png(tmp_path / "named.jpg", DEEP)
    assert left_out(colorize(tmp_path / "named.jpg", tmp_path / "out.jpg")) == "more than 8 bits a sample"
    assert left_out(colorize(tmp_path / "named.jpg", tmp_path / "out.webp")) == "more than 8 bits a sample"
    assert left_out(colorize(tmp_path / "named.jpg", tmp_path / "out.png")) == ""


def bmp(mode: str) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(GRAY).convert(mode).save(path, dpi=(300, 300))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_bmp_is_read(tmp_path: Path, mode: str) -> None:
    bmp(mode)(tmp_path / "in.bmp")
    colorize(tmp_path / "in.bmp", tmp_path / "out.png")
    assert off(tmp_path / "out.png", GRAY) < 0.6
    with Image.open(tmp_path / "out.png") as result:
        assert result.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_bytes_between_the_segments_of_a_jpeg_cost_no_metadata(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(GRAY).copy(interpretation="b-w")
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></x:xmpmeta>"
    image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    content, comment = image.jpegsave_buffer(), b"\xff\xfe\0\x06scan"
    (tmp_path / "in.jpg").write_bytes(content[:2] + comment + bytes(range(1, 17)) + content[2:])
    colorize(tmp_path / "in.jpg", tmp_path / "out.jpg")
    (result,) = read_pages(tmp_path / "out.jpg")
    assert result.xmp == xmp


@pytest.mark.parametrize("size", [10, 54, 200])
def test_a_bmp_that_is_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    cv2.imwrite(str(tmp_path / "in.bmp"), GRAY)
    (tmp_path / "in.bmp").write_bytes((tmp_path / "in.bmp").read_bytes()[:size])
    with pytest.raises(SourceError):
        colorize(tmp_path / "in.bmp", tmp_path / "out.png")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF"), (b"8BPS\0\1" + bytes(60), "a Photoshop file"),
        (b"8BPS\0\2" + bytes(60), r"a large Photoshop file \(PSB\)"),
        (b"GIF89a" + bytes(60), "a GIF"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an XML file"),
        (b"\xff\x0a" + bytes(60), "a JPEG XL"), (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "a JPEG 2000"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(60), "a raw photo"), (b"FUJIFILMCCD-RAW " + bytes(60), "a raw photo"),
    ],
)  # fmt: skip
def test_kinds_that_are_not_read_are_named_and_not_called_damaged(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "scan.jpg").write_bytes(content)
    with pytest.raises(SourceError, match=rf"scan\.jpg: is {kind}.* not supported here") as caught:
        probe(tmp_path / "scan.jpg")
    assert "damaged" not in str(caught.value)


def test_a_dng_is_a_raw_photo_and_no_tiff(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "in.dng", GRAY, extratags=[(50706, "B", 4, (1, 4, 0, 0), True)])
    with pytest.raises(SourceError, match=r"is a raw photo \(DNG\), which is not supported here"):
        probe(tmp_path / "in.dng")


def test_a_source_that_changes_while_it_is_read_gives_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(GRAY).save(tmp_path / "in.png")
    colorizer = formula_colorizer()
    seen = colorizer.ab

    def replaced(planes: list[np.ndarray]) -> list[np.ndarray]:
        Image.fromarray(gradient(60, 81)).save(tmp_path / "in.png")
        return seen(planes)

    monkeypatch.setattr(colorizer, "ab", replaced)
    (result,) = colorize_photos([(tmp_path / "in.png", tmp_path / "out.png")], colorizer, PhotoSettings())
    assert isinstance(result.error, SourceError)
    assert "was changed while it was read" in str(result.error)
    assert not (tmp_path / "out.png").exists()
