"""Promises over made photographs of every format, size, depth, layout and option: hypothesis looks for one that breaks them."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from batchcolor.color.conversion import lightness_of_gray, rgb_to_lab
from batchcolor.photos import Provenance, Treatment, colorize_photos, probe
from batchcolor.settings import ColorSettings, PhotoSettings
from tests.support import formula_colorizer

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
LOSSY = {".jpg": 2.0, ".webp": 3.0, ".avif": 3.0}  # what coding may cost of L in the mean, at the qualities drawn


@dataclass(frozen=True)
class Made:
    """A photograph to make. tone: factors on R, G and B; None: one channel."""

    suffix: str
    height: int
    width: int
    deep: bool
    tone: tuple[float, float, float] | None
    alpha: bool
    orientation: int
    seed: int
    xmp: bool
    resolution: float | None
    options: tuple[str, ...]


@st.composite
def photos(draw: st.DrawFn) -> Made:
    suffix = draw(st.sampled_from([".jpg", ".png", ".tif", ".webp", ".avif"]))
    tiff_options = st.sampled_from([(), ("lzw",), ("deflate",), ("packbits",), ("tile",), ("bigtiff",), ("tile", "deflate")])
    jpeg_options = st.sampled_from([(), ("optimize_coding",), ("interlace",)])
    return Made(
        suffix=suffix,
        height=draw(st.integers(1, 90)),
        width=draw(st.integers(1, 90)),
        deep=suffix in (".png", ".tif") and draw(st.booleans()),
        tone=draw(st.sampled_from([None, (1.0, 1.0, 1.0), (1.0, 0.9, 0.7), (0.8, 0.9, 1.0)])),
        alpha=suffix in (".png", ".tif", ".webp") and draw(st.booleans()),
        orientation=draw(st.integers(1, 8)) if suffix != ".avif" else 1,
        seed=draw(st.integers(0, 2**16)),
        xmp=draw(st.booleans()),
        resolution=draw(st.sampled_from([None, 300.0, 72.0, 1200.0])) if suffix in (".jpg", ".png", ".tif") else None,
        options=draw(tiff_options if suffix == ".tif" else jpeg_options if suffix == ".jpg" else st.just(())),
    )


CHOICES = st.fixed_dictionaries(
    {
        "quality": st.sampled_from([None, 75, 90, 95, 100]),
        "color_pages": st.sampled_from(["copy", "recolor"]),
        "provenance": st.booleans(),
        "saturation": st.sampled_from([0.0, 0.5, 1.0, 3.0]),
        "upscaling": st.sampled_from(["guided", "bicubic"]),
    }
)


def pixels_of(made: Made) -> np.ndarray:
    """`(H, W, channels)`: smooth, with some grain."""
    rng = np.random.default_rng(made.seed)
    y, x = np.mgrid[: made.height, : made.width]
    plane = 0.5 + 0.4 * np.sin(x / (5 + made.seed % 23)) * np.cos(y / (4 + made.seed % 19)) + rng.normal(0, 0.01, x.shape)
    plane = np.clip(plane, 0, 1)
    planes = [plane] if made.tone is None else [plane * factor for factor in made.tone]
    if made.alpha:
        planes.append(np.clip(x / max(1, made.width - 1), 0, 1))
    peak = 65535 if made.deep else 255
    return np.rint(np.dstack(planes) * peak).astype(np.uint16 if made.deep else np.uint8)


def write(made: Made, path: Path) -> np.ndarray:
    pixels = pixels_of(made)
    colors = 1 if made.tone is None else 3
    kind = {(1, False): "b-w", (1, True): "grey16", (3, False): "srgb", (3, True): "rgb16"}[colors, made.deep]
    image = pyvips.Image.new_from_array(pixels).copy(interpretation=kind)
    image.set_type(pyvips.GValue.gint_type, "orientation", made.orientation)
    if made.xmp:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP)
    if made.resolution:
        image = image.copy(xres=made.resolution / 25.4, yres=made.resolution / 25.4)
        image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    options: dict[str, object] = {
        name: True for name in made.options if name in ("tile", "bigtiff", "optimize_coding", "interlace")
    }
    compressions = [name for name in made.options if name in ("lzw", "deflate", "packbits")]
    if compressions:
        options["compression"] = compressions[0]
    if made.suffix == ".webp":
        options |= {"lossless": made.seed % 2 == 0, "exact": True}
    image.write_to_file(str(path), **options)
    return pixels


def read(path: Path) -> np.ndarray:
    """`(H, W, channels)` by Pillow or tifffile; AVIF by libvips, as not every Pillow has it."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    if path.suffix == ".avif" or path.read_bytes()[24:25] == b"\x10":  # Pillow makes 8 bits of 16 in RGB
        return pyvips.Image.new_from_file(str(path)).numpy()
    with Image.open(path) as image:
        return np.asarray(image)


def lightness(pixels: np.ndarray) -> np.ndarray:
    values = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    if values.ndim == 2 or values.shape[2] < 3:
        return lightness_of_gray(values if values.ndim == 2 else values[..., 0])
    return rgb_to_lab(values[..., :3].transpose(2, 0, 1))[0]


def check(made: Made, choices: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        source, target = Path(folder) / f"in{made.suffix}", Path(folder) / f"out{made.suffix}"
        write(made, source)
        content = source.read_bytes()
        before = read(source)
        photo = PhotoSettings(**{name: choices[name] for name in ("quality", "color_pages", "provenance")})  # type: ignore[arg-type]
        color = ColorSettings(**{name: choices[name] for name in ("saturation", "upscaling")})  # type: ignore[arg-type]
        provenance = Provenance("lite", "00" * 32) if choices["provenance"] else None
        results = [
            next(iter(colorize_photos([(source, path)], formula_colorizer(), photo, color=color, provenance=provenance)))
            for path in (target, target.with_name(f"again{made.suffix}"))
        ]
        assert [result.error for result in results] == [None, None]
        assert source.read_bytes() == content, "the source was written"
        assert sorted(path.name for path in Path(folder).iterdir()) == sorted([source.name, target.name, f"again{made.suffix}"])
        assert target.read_bytes() == target.with_name(f"again{made.suffix}").read_bytes(), "twice the same is not the same"
        after = read(target)
        assert after.shape[:2] == before.shape[:2]
        assert after.dtype == before.dtype
        lossless = made.suffix in (".png", ".tif") or (made.suffix == ".webp" and made.seed % 2 == 0 and photo.quality is None)
        allowed = 0.7 if lossless else LOSSY[made.suffix] * (1 if choices["saturation"] != 3.0 else 2)
        assert np.abs(lightness(after) - lightness(before)).mean() < allowed
        if made.alpha and lossless:
            np.testing.assert_array_equal(after[..., -1], before[..., -1])
        info = probe(target)
        assert (info.width, info.height, info.orientation) == (made.width, made.height, made.orientation)
        image = pyvips.Image.new_from_file(str(target))
        if made.resolution:
            assert image.xres * 25.4 == pytest.approx(made.resolution, abs=0.5)
        if results[0].treatment is Treatment.COPIED:
            assert target.read_bytes() == content, "a copy is not the source"
        else:
            assert bool(image.get_typeof("xmp-data")) == (made.xmp or bool(provenance))
        assert results[0].warnings == ()


@given(photos(), CHOICES)
@settings(max_examples=100)
def test_promises_hold_for_a_hundred_photographs(made: Made, choices: dict[str, object]) -> None:
    check(made, choices)


@pytest.mark.slow
@given(photos(), CHOICES)
@settings(max_examples=1000)
def test_promises_hold_for_a_thousand_photographs(made: Made, choices: dict[str, object]) -> None:
    check(made, choices)
