"""Photos in, photos out: every format, depth and layout; lightness, alpha and metadata kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import pyvips

from batchcolor.color.conversion import lightness_of_gray, rgb_to_lab
from batchcolor.errors import OutputError, SourceError
from batchcolor.photos import ENCODERS, PhotoResult, colorize_photos, probe
from batchcolor.settings import ColorSettings, PhotoSettings
from tests.support import formula_colorizer, gradient

# What rounding to 8 (16) bits and JPEG's and WebP's own loss may cost, in L units (mean over the picture).
L_TOLERANCE = {".jpg": 0.5, ".webp": 1.0, ".avif": 1.0}
DEEP = {".png", ".tif"}
WRITTEN_HERE = sorted(ENCODERS.keys() - {".heic", ".heif", ".j2k", ".jp2", ".jpx"})  # those need another libvips


def save(pixels: np.ndarray, path: Path, **fields: object) -> Path:
    interpretation = {(2, "uint8"): "b-w", (2, "uint16"): "grey16", (3, "uint8"): "srgb", (3, "uint16"): "rgb16"}
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    image = image.copy(interpretation=interpretation[min(pixels.ndim, 3), str(pixels.dtype)])
    if pixels.ndim == 3 and pixels.shape[2] == 2:
        image = image.copy(interpretation="b-w")
    for name, value in fields.items():
        image.set_type(pyvips.GValue.gint_type, name, value)
    image.write_to_file(str(path))
    return path


def colorize(source: Path, target: Path, **settings: object) -> None:
    (result,) = colorize_photos([(source, target)], formula_colorizer(), PhotoSettings(**settings))  # type: ignore[arg-type]
    if result.error is not None:
        raise result.error


def load(path: Path) -> np.ndarray:
    pixels: np.ndarray = pyvips.Image.new_from_file(str(path)).numpy()
    return pixels


def lightness(pixels: np.ndarray) -> np.ndarray:
    peak = np.float32(np.iinfo(pixels.dtype).max)
    return rgb_to_lab(pixels[..., :3].transpose(2, 0, 1).astype(np.float32) / peak)[0]


@pytest.mark.parametrize("suffix", WRITTEN_HERE)
def test_a_gray_photo_is_coloured_and_keeps_its_lightness(tmp_path: Path, suffix: str) -> None:
    gray = gradient(120, 200)
    source = save(gray, tmp_path / f"in{suffix}")
    colorize(source, tmp_path / f"out{suffix}")
    result = load(tmp_path / f"out{suffix}")
    assert result.shape == (120, 200, 3)
    assert np.ptp(result.astype(int), axis=2).mean() > 5
    wanted = (
        lightness(load(source)) if suffix in (".webp", ".avif") else lightness_of_gray(load(source).squeeze() / np.float32(255))
    )
    assert np.abs(lightness(result) - wanted).mean() < L_TOLERANCE.get(suffix, 0.5)


@pytest.mark.parametrize("suffix", sorted(DEEP))
def test_sixteen_bits_stay_sixteen_bits_without_steps(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.linspace(20000, 30000, 2000).astype(np.uint16), (40, 1))
    colorize(save(ramp, tmp_path / f"in{suffix}"), tmp_path / f"out{suffix}")
    result = load(tmp_path / f"out{suffix}")
    assert result.dtype == np.uint16
    L = lightness(result)[20]
    assert np.abs(L - lightness_of_gray(ramp[20].astype(np.float32) / 65535)).max() < 0.01
    assert len(np.unique(result[20, :, 1])) > 1500  # 8 bits would leave forty


def test_sixteen_bits_become_eight_where_the_format_has_no_more(tmp_path: Path) -> None:
    source = save(gradient(50, 60, 65535), tmp_path / "in.tif")
    colorize(source, tmp_path / "out.jpg")
    assert load(tmp_path / "out.jpg").dtype == np.uint8


@pytest.mark.parametrize("depth", [8, 16])
def test_alpha_passes_through_untouched(tmp_path: Path, depth: int) -> None:
    peak = 2**depth - 1
    gray = gradient(60, 80, peak)
    alpha = np.flip(gray, 1)
    image = pyvips.Image.new_from_array(gray).bandjoin(pyvips.Image.new_from_array(np.ascontiguousarray(alpha)))
    image.copy(interpretation="b-w" if depth == 8 else "grey16").pngsave(str(tmp_path / "in.png"))
    colorize(tmp_path / "in.png", tmp_path / "out.png")
    result = load(tmp_path / "out.png")
    assert result.shape == (60, 80, 4)
    np.testing.assert_array_equal(result[..., 3], alpha)


@pytest.mark.parametrize(
    ("suffix", "lossless"), [(".png", False), (".tif", False), (".webp", True), (".webp", False), (".avif", False)]
)
def test_transparent_pixels_keep_their_lightness(tmp_path: Path, suffix: str, lossless: bool) -> None:
    gray = gradient(64, 64)
    alpha = np.zeros_like(gray)
    alpha[:, 32:] = 255
    image = pyvips.Image.new_from_array(np.dstack([gray, gray, gray, alpha])).copy(interpretation="srgb")
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    image.write_to_file(str(source), **({"exact": True, "lossless": lossless} if suffix == ".webp" else {}))
    colorize(source, target)
    hidden = (slice(4, 60), slice(4, 28))
    difference = np.abs(lightness(load(target))[hidden] - lightness(load(source))[hidden])
    assert difference.mean() < (0.5 if lossless or suffix in DEEP else L_TOLERANCE[suffix])
    np.testing.assert_array_equal(load(target)[..., 3] > 127, alpha > 127)


@pytest.mark.parametrize("depth", [8, 16])
def test_sepia_keeps_its_lightness_and_loses_its_tone(tmp_path: Path, depth: int) -> None:
    peak = 2**depth - 1
    gray = gradient(80, 90, peak)[..., None].astype(np.float64) / peak
    sepia = (gray ** np.array([0.8, 1.0, 1.4]) * peak + 0.5).astype(np.uint16 if depth == 16 else np.uint8)
    colorize(save(sepia, tmp_path / "in.png"), tmp_path / "out.png")
    result = load(tmp_path / "out.png")
    assert np.abs(lightness(result) - lightness(sepia)).mean() < 0.3
    assert np.abs(result.astype(float) - sepia).max() > 0.05 * peak


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_network_sees_photos_upright_and_the_orientation_stays(tmp_path: Path, orientation: int) -> None:
    upright = gradient(96, 160)
    upright[:30] = 250  # sky: where the result must be lightest and so has its own ab
    save(upright, tmp_path / "upright.png")
    colorize(tmp_path / "upright.png", tmp_path / "wanted.png")
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright, 1), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    save(stored, tmp_path / "in.tif", orientation=orientation)
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    result = pyvips.Image.new_from_file(str(tmp_path / "out.tif"))
    assert result.get("orientation") == orientation
    difference = np.abs(result.autorot().numpy().astype(int) - load(tmp_path / "wanted.png"))
    assert difference.mean() < 1.0


def test_resolution_exif_and_xmp_are_kept(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(gradient(64, 64)).copy(interpretation="b-w", xres=600 / 25.4, yres=600 / 25.4)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "A. Photographer")
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    image.jpegsave(str(tmp_path / "in.jpg"))
    colorize(tmp_path / "in.jpg", tmp_path / "out.jpg")
    result = pyvips.Image.new_from_file(str(tmp_path / "out.jpg"))
    assert round(result.xres * 25.4) == 600
    assert "A. Photographer" in result.get("exif-ifd0-Artist")
    assert bytes(result.get("xmp-data")) == xmp


def test_a_gray_profile_is_honoured_and_replaced_by_an_rgb_one(tmp_path: Path) -> None:
    rgb = np.repeat(gradient(64, 64)[..., None], 3, 2)
    image = pyvips.Image.new_from_array(rgb).copy(interpretation="srgb").icc_export(output_profile="p3")
    image.tiffsave(str(tmp_path / "in.tif"))
    colorize(tmp_path / "in.tif", tmp_path / "out.tif")
    result = pyvips.Image.new_from_file(str(tmp_path / "out.tif"))
    assert "icc-profile-data" in result.get_fields()
    assert np.abs(lightness(result.numpy()) - lightness_of_gray(gradient(64, 64) / np.float32(255))).mean() < 0.5


def test_every_colour_of_the_result_keeps_the_source_lightness_even_at_extreme_saturation(tmp_path: Path) -> None:
    gray = gradient(100, 100)
    save(gray, tmp_path / "in.png")
    pair = [(tmp_path / "in.png", tmp_path / "out.png")]
    assert list(colorize_photos(pair, formula_colorizer(), PhotoSettings(), color=ColorSettings(saturation=3.0))) == [
        PhotoResult()
    ]
    difference = np.abs(lightness(load(tmp_path / "out.png")) - lightness_of_gray(gray / np.float32(255)))
    assert difference.max() < 1.0  # clipping channels would move it by ten and more


def test_sources_are_never_written(tmp_path: Path) -> None:
    source = save(gradient(40, 40), tmp_path / "in.png")
    before = hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns
    source.chmod(0o444)
    colorize(source, tmp_path / "out.png")
    assert (hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns) == before


def test_the_same_photo_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    source = save(gradient(70, 90), tmp_path / "in.tif")
    for name in ("a.tif", "b.tif"):
        colorize(source, tmp_path / name)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_a_truncated_photo_is_one_sentence_and_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    whole = save(noise, tmp_path / f"whole{suffix}").read_bytes()
    source, out = tmp_path / f"cut{suffix}", tmp_path / "out"
    source.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=f"cut{suffix}.*"):
        colorize(source, out / source.name)
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"), [("empty.jpg", b""), ("text.png", b"not a picture at all"), ("zeros.tif", bytes(4096))]
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        probe(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_photo_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        probe(tmp_path / "none.jpg")


def test_one_bad_photo_does_not_stop_its_batch(tmp_path: Path) -> None:
    good = [save(gradient(50, 50 + n), tmp_path / f"{n}.png") for n in range(3)]
    bad = tmp_path / "bad.png"
    bad.write_bytes(good[0].read_bytes()[:100])
    pairs = [(path, tmp_path / "out" / path.name) for path in (good[0], bad, good[1], good[2])]
    results = list(colorize_photos(pairs, formula_colorizer(), PhotoSettings()))
    assert [result.error is None for result in results] == [True, False, True, True]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]


def test_a_folder_in_the_place_of_the_result_is_an_output_error(tmp_path: Path) -> None:
    source = save(gradient(30, 30), tmp_path / "in.png")
    (tmp_path / "out.png").mkdir()
    with pytest.raises(OutputError, match=r"out\.png"):
        colorize(source, tmp_path / "out.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.png", "out.png"]


def test_an_animation_is_refused_and_not_cut_down_to_its_first_picture(tmp_path: Path) -> None:
    page = pyvips.Image.new_from_array(gradient(40, 40)).copy(interpretation="b-w")
    both = page.join(page.invert(), "vertical").copy()
    both.set_type(pyvips.GValue.gint_type, "page-height", 40)
    both.webpsave(str(tmp_path / "two.webp"))
    with pytest.raises(SourceError, match="2 pictures"):
        probe(tmp_path / "two.webp")


@pytest.mark.parametrize("samples", [np.float32, np.int32])
def test_samples_that_are_neither_8_nor_16_bits_are_refused(tmp_path: Path, samples: type) -> None:
    pyvips.Image.new_from_array(gradient(40, 40).astype(samples)).tiffsave(str(tmp_path / "in.tif"))
    with pytest.raises(SourceError, match="only 8 and 16 bits"):
        colorize(tmp_path / "in.tif", tmp_path / "out.tif")


@pytest.mark.parametrize("suffix", [".heic", ".jp2"])
def test_formats_that_this_libvips_lacks_are_one_sentence(tmp_path: Path, suffix: str) -> None:
    source = save(gradient(40, 40), tmp_path / "in.png")
    with pytest.raises(OutputError, match="this libvips writes no"):
        colorize(source, tmp_path / f"out{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
