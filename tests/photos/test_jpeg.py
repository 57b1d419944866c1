"""JPEGs by their own planes: L stays, gray stays gray, and whatever libvips reads and keeps is read and kept."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

import batchcolor.photos
from batchcolor.color.conversion import fit_gamut, lab_to_rgb, lightness_of_gray, rgb_to_lab
from batchcolor.color.upsampling import ChromaMap
from batchcolor.errors import OutputError, SourceError
from batchcolor.photos import PhotoResult, colorize_photos
from batchcolor.photos.jpeg import decode, encode
from batchcolor.photos.planes import Planes, colored_planes
from batchcolor.photos.read import PhotoRows
from batchcolor.settings import PhotoSettings
from tests.support import formula_colorizer, gradient


def flat_map(a: float, b: float) -> ChromaMap:
    offset = np.stack([np.full((8, 8), a, np.float32), np.full((8, 8), b, np.float32)])
    return ChromaMap.of(np.zeros_like(offset), offset)


def lightness(rgb: np.ndarray) -> np.ndarray:
    return rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[0]


def decoded(gray: np.ndarray, chroma: ChromaMap, *, halved: bool) -> np.ndarray:
    """RGB `(H, W, 3)` of what a viewer shows, at a quality that adds next to nothing."""
    rgb: np.ndarray = simplejpeg.decode_jpeg(encode(colored_planes(gray, chroma, halved=halved), 100, None), "RGB")
    return rgb


@pytest.mark.parametrize("halved", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 33), (120, 200)])
def test_without_chroma_the_photo_stays_as_it_is(size: tuple[int, int], halved: bool) -> None:
    gray = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    planes = colored_planes(gray, flat_map(0, 0), halved=halved)
    np.testing.assert_array_equal(planes.luma, gray)
    assert np.unique([planes.cb, planes.cr]).tolist() == [128]


@settings(max_examples=60, deadline=None)
@given(code=st.integers(0, 255), a=st.floats(-100, 100), b=st.floats(-100, 100), halved=st.booleans())
def test_a_flat_colour_is_the_formulas(code: int, a: float, b: float, halved: bool) -> None:
    gray = np.full((32, 48), code, np.uint8)
    L = np.full((1, 32, 48), lightness_of_gray(np.float32(code / 255)), np.float32)
    ab = fit_gamut(L, np.stack([np.full((32, 48), a, np.float32), np.full((32, 48), b, np.float32)]))
    made = decoded(gray, flat_map(a, b), halved=halved)
    # Rounding of three planes, their codes being up to 1.8 of RGB's, and the table's steps, which the border of the gamut magnifies.
    assert float(np.abs(made - 255 * lab_to_rgb(L, ab).transpose(1, 2, 0)).max()) <= 8
    assert float(np.abs(lightness(made) - L).max()) <= 1.2


@pytest.mark.parametrize("halved", [True, False])
@pytest.mark.parametrize("size", [(301, 452), (300, 450)])
def test_lightness_stays_where_colour_changes(size: tuple[int, int], halved: bool) -> None:
    gray = gradient(*size)
    offset = np.zeros((2, 8, 8), np.float32)
    offset[0, :, 4:], offset[1, 4:] = 60, -50
    made = decoded(gray, ChromaMap.of(np.zeros_like(offset), offset), halved=halved)
    off = np.abs(lightness(made) - lightness_of_gray(gray.astype(np.float32) / 255))
    assert float(off.mean()) < 0.3
    assert float(np.percentile(off, 99)) < 1.0


JPEGS: dict[str, Callable[[pyvips.Image], pyvips.Image]] = {
    "gray": lambda image: image,
    "gray in three planes": lambda image: image.colourspace("srgb"),
    "sepia": lambda image: (image.colourspace("srgb") * [1, 0.9, 0.7]).cast("uchar"),
}


@pytest.mark.parametrize("layout", JPEGS)
@pytest.mark.parametrize("subsampling", ["on", "off"])
def test_pixels_are_those_that_libvips_reads(tmp_path: Path, layout: str, subsampling: str) -> None:
    image = pyvips.Image.new_from_array(gradient(301, 452)).copy(interpretation="b-w")
    JPEGS[layout](image).jpegsave(str(tmp_path / "in.jpg"), subsample_mode=subsampling)
    pixels = pyvips.Image.new_from_file(str(tmp_path / "in.jpg")).numpy().reshape(301, 452, -1)
    samples = decode((tmp_path / "in.jpg").read_bytes())
    assert samples is not None
    np.testing.assert_array_equal(samples.transpose(1, 2, 0), pixels)


def odd_sampling() -> bytes:
    """4:4:1, as a picture of 4:1:1 has that was turned without loss; its blocks are then another picture's, but whole."""
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    content = bytearray(simplejpeg.encode_jpeg(rgb, colorsubsampling="411"))
    content[content.index(b"\xff\xc0") + 11] = 0x14
    return bytes(content)


def test_other_kinds_and_damage_are_left_to_libvips(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(gradient(64, 64)).copy(interpretation="b-w")
    whole = image.jpegsave_buffer()
    image.colourspace("srgb").colourspace("cmyk").jpegsave(str(tmp_path / "cmyk.jpg"))
    for name, content in {
        "cut.jpg": whole[: len(whole) // 2],
        "empty.jpg": b"",
        "text.jpg": b"no picture",
        "441.jpg": odd_sampling(),
    }.items():
        (tmp_path / name).write_bytes(content)
    for name in ("cmyk.jpg", "cut.jpg", "empty.jpg", "text.jpg", "441.jpg"):
        assert decode((tmp_path / name).read_bytes()) is None, name
    for name in ("cmyk.jpg", "441.jpg"):
        assert colorized(tmp_path / name, tmp_path / f"out-{name}", color_pages="recolor").width == 64


def colorized(source: Path, target: Path, **options: object) -> pyvips.Image:
    settings = PhotoSettings(**options)  # type: ignore[arg-type]
    (result,) = colorize_photos([(source, target)], formula_colorizer(), settings)
    assert replace(result, toned=False) == PhotoResult()
    return pyvips.Image.new_from_file(str(target))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("held", [True, False])
def test_the_resolution_stays_without_exif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, held: bool) -> None:
    if not held:
        monkeypatch.setattr(batchcolor.photos, "_HELD_BYTES", 0)
    source = tmp_path / f"in{suffix}"
    image = pyvips.Image.new_from_array(gradient(64, 80)).copy(interpretation="b-w", xres=600 / 25.4, yres=300 / 25.4)
    if suffix == ".jpg":  # with JFIF's header alone, as scanners write it
        plain = simplejpeg.encode_jpeg_yuv_planes(gradient(64, 80), None, None, quality=90)
        source.write_bytes(plain[:13] + bytes([1]) + (600).to_bytes(2, "big") + (300).to_bytes(2, "big") + plain[18:])
    else:
        image.write_to_file(str(source))
    result = colorized(source, tmp_path / "out.jpg")
    assert (round(25.4 * result.xres), round(25.4 * result.yres)) == (600, 300)


@pytest.mark.parametrize("held", [True, False])
def test_a_profile_becomes_srgbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    if not held:
        monkeypatch.setattr(batchcolor.photos, "_HELD_BYTES", 0)
    rgb = np.repeat(gradient(64, 80)[..., None], 3, 2)
    image = pyvips.Image.new_from_array(rgb).copy(interpretation="srgb").icc_export(output_profile="p3")
    image.jpegsave(str(tmp_path / "in.jpg"), Q=95)
    result = colorized(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert bytes(result.get("icc-profile-data")) == bytes(pyvips.Operation.call("profile_load", "srgb"))
    wanted = lightness_of_gray(gradient(64, 80) / np.float32(255))
    assert float(np.abs(lightness(result.numpy()) - wanted).mean()) < 0.6


@pytest.mark.parametrize(("quality", "subsampling"), [(60, "420"), (92, "420"), (95, "444"), (100, "444")])
@pytest.mark.parametrize("held", [True, False])
def test_chroma_is_halved_below_the_highest_qualities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: int, subsampling: str, held: bool
) -> None:
    if not held:
        monkeypatch.setattr(batchcolor.photos, "_HELD_BYTES", 0)
    pyvips.Image.new_from_array(gradient(64, 81)).copy(interpretation="b-w").jpegsave(str(tmp_path / "in.jpg"))
    colorized(tmp_path / "in.jpg", tmp_path / "out.jpg", quality=quality)
    assert simplejpeg.decode_jpeg_header((tmp_path / "out.jpg").read_bytes()) == (64, 81, "YCbCr", subsampling)


@pytest.mark.parametrize("layout", JPEGS)
def test_large_photos_come_out_the_same_by_way_of_rgb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    image = pyvips.Image.new_from_array(gradient(301, 452)).copy(interpretation="b-w")
    JPEGS[layout](image).jpegsave(str(tmp_path / "in.jpg"), Q=95)
    once = colorized(tmp_path / "in.jpg", tmp_path / "once.jpg", quality=98).numpy().astype(int)
    monkeypatch.setattr(batchcolor.photos, "_HELD_BYTES", 0)
    twice = colorized(tmp_path / "in.jpg", tmp_path / "twice.jpg", quality=98).numpy()
    assert float(np.abs(once - twice).mean()) < 1.2


def test_luma_is_about_as_exact_as_by_libvips() -> None:
    grain = np.random.default_rng(0).normal(0, 4, (301, 452))
    gray = np.clip(gradient(301, 452) + grain, 0, 255).astype(np.uint8)
    image = pyvips.Image.new_from_array(gray).copy(interpretation="b-w")
    for quality in (80, 92, 95, 96):
        ours = encode(colored_planes(gray, flat_map(0, 0), halved=True), quality, None)
        errors = [
            float(np.square(simplejpeg.decode_jpeg(content, "GRAY")[..., 0].astype(float) - gray).mean())
            for content in (ours, image.jpegsave_buffer(Q=quality))
        ]
        assert 10 * np.log10(errors[0] / errors[1]) < 0.3, quality


def before_a_guard_page(plane: np.ndarray) -> np.ndarray:
    """A copy of `plane` whose last byte is the last that may be read: one more, and the process ends."""
    pages = -(-plane.size // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    if sys.platform != "win32":
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        libc = ctypes.CDLL(None, use_errno=True)
        guard = ctypes.c_void_p(base + pages * mmap.PAGESIZE)
        assert libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0  # PROT_NONE
    end = pages * mmap.PAGESIZE
    copy = np.frombuffer(memory, np.uint8, plane.size, end - plane.size).reshape(plane.shape)
    copy[:] = plane
    return copy


@pytest.mark.parametrize(("down", "across"), [(1, 1), (2, 2), (1, 2), (2, 1)])
def test_every_size_is_encoded_from_its_own_samples_alone(down: int, across: int) -> None:
    """Sides of 1 to 70, with every quality among them; the planes end where memory does."""
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(itertools.product(range(1, 71), repeat=2)):
        quality = 1 + number % 100
        luma = before_a_guard_page(random.integers(0, 256, (height, width), np.uint8))
        chroma = before_a_guard_page(np.full((-(-height // down), -(-width // across)), 128, np.uint8))
        made = encode(Planes(luma, chroma, chroma), quality, None)
        back = simplejpeg.decode_jpeg(made, "GRAY")[..., 0]
        assert back.shape == luma.shape
        if quality == 100:
            assert np.abs(back.astype(int) - luma).max() <= 2, (height, width)


@pytest.mark.parametrize("size", [(1945, 2592), (801, 1201), (1333, 1999), (427, 640), (683, 1024)])
def test_photographs_of_odd_sizes_are_colorized(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "in.jpg").write_bytes(simplejpeg.encode_jpeg_yuv_planes(gradient(*size), None, None, quality=92))
    result = colorized(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert (result.height, result.width) == size
    assert float(np.abs(lightness(result.numpy()) - lightness_of_gray(gradient(*size) / np.float32(255))).mean()) < 0.6


def test_a_photo_too_large_for_the_format_is_one_sentence(tmp_path: Path) -> None:
    pyvips.Image.black(65_501, 16).copy(interpretation="b-w").tiffsave(str(tmp_path / "in.tif"))
    settings = PhotoSettings()
    (result,) = colorize_photos([(tmp_path / "in.tif", tmp_path / "out.jpg")], formula_colorizer(), settings)
    assert isinstance(result.error, OutputError)
    assert str(result.error).startswith(f"{tmp_path / 'out.jpg'}: is too large for JPEG")
    assert not (tmp_path / "out.jpg").exists()


def test_a_file_that_is_another_by_the_time_it_is_decoded_is_read_as_libvips_reads_it(tmp_path: Path) -> None:
    first, second = (gradient(64, 80), gradient(48, 40))
    path = tmp_path / "in.jpg"
    path.write_bytes(simplejpeg.encode_jpeg_yuv_planes(first, None, None))
    rows = PhotoRows(path)
    path.unlink()
    path.write_bytes(simplejpeg.encode_jpeg_yuv_planes(second, None, None))
    rows.hold()  # libvips opened the first one and has it still
    assert next(iter(rows)).samples.shape[1] == 80


def test_a_file_removed_during_the_run_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    path.write_bytes(simplejpeg.encode_jpeg_yuv_planes(gradient(64, 80), None, None))
    path.unlink()
    with pytest.raises(SourceError, match=r"in\.jpg: cannot be read"):
        PhotoRows(path)


def test_an_unexpected_error_fails_one_photo_and_not_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "b", "c")
    for name in names:
        shade = gradient(64, 80) // (2 if name == "b" else 1)  # so that this one's bytes are its own
        (tmp_path / f"{name}.jpg").write_bytes(simplejpeg.encode_jpeg_yuv_planes(shade, None, None))
    bad, really = (tmp_path / "b.jpg").read_bytes(), batchcolor.photos.jpeg.decode
    monkeypatch.setattr(batchcolor.photos.jpeg, "decode", lambda content: 1 / 0 if bytes(content) == bad else really(content))
    pairs = [(tmp_path / f"{name}.jpg", tmp_path / f"{name}-out.jpg") for name in names]
    results = list(colorize_photos(pairs, formula_colorizer(), PhotoSettings()))
    assert [type(result.error) for result in results] == [type(None), ZeroDivisionError, type(None)]
    assert [target.exists() for _, target in pairs] == [True, False, True]
