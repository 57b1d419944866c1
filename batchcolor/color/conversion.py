"""Colour spaces: sRGB, CIELAB (D65) and Y'CbCr, for numpy arrays, torch tensors and `compiled.Traced` planes alike.

Pictures are planar: the colour axis is the third from the end, `(..., 3, H, W)`, float32 unless stated otherwise.

- sRGB transfer curve and primaries: IEC 61966-2-1:1999.
- CIELAB: CIE 15:2004, section 8.2.1, white point D65 (the sum of each row of the sRGB matrix, so that R=G=B has a=b=0 exactly).
- Wide gamuts and high dynamic range: `film_light`.
- Y'CbCr: ITU-R BT.601-7, BT.709-6, BT.2020-2; quantization by ITU-T H.273 (equations 30 to 35).

All values are display-referred. Nothing is clipped unless a docstring says so.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .film_light import Primaries, Transfer, hlg_decode, hlg_encode, pq_decode, pq_encode, rgb_to_xyz

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")

# IEC 61966-2-1, linear sRGB -> XYZ; rows X, Y, Z.
SRGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=np.float64)
_WHITE = SRGB_TO_XYZ.sum(axis=1)
# Scaled so that white is (1, 1, 1) on both sides: gray stays gray to the last bit that float32 has.
_RGB_TO_XYZ_N = SRGB_TO_XYZ / _WHITE[:, None]
_XYZ_N_TO_RGB = np.linalg.inv(_RGB_TO_XYZ_N)

_DELTA = 6.0 / 29.0
_GAMUT_SLACK = 1e-5  # of linear light: float32 noise around pure white and black
_BISECTIONS = 12  # halves the interval of the chroma scale to 1/4096


def _namespace(x: Any) -> Any:
    """numpy for its arrays and duck arrays, else torch, which is not imported here."""
    return np if isinstance(x, np.ndarray | np.generic) or hasattr(x, "__array_function__") else sys.modules["torch"]


def _planes(x: Array) -> tuple[Array, ...]:
    """The colour planes of `(..., C, H, W)` as C arrays `(..., H, W)`."""
    return tuple(x[..., c, :, :] for c in range(x.shape[-3]))


def srgb_decode(encoded: Array) -> Array:
    """Non-linear sRGB 0..1 -> linear light 0..1 (IEC 61966-2-1, 5.2). Values outside 0..1 are clipped first."""
    xp = _namespace(encoded)
    v = xp.clip(encoded, 0.0, 1.0)
    return xp.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def srgb_encode(linear: Array) -> Array:
    """Linear light 0..1 -> non-linear sRGB 0..1 (IEC 61966-2-1, 5.2). Values outside 0..1 are clipped first."""
    xp = _namespace(linear)
    v = xp.clip(linear, 0.0, 1.0)
    return xp.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def _lab_f(t: Array) -> Array:
    """CIE 15:2004, equation 8.6; `t` is X/Xn, Y/Yn or Z/Zn, at least 0."""
    xp = _namespace(t)
    cube_root = xp.clip(t, _DELTA**3, None) ** (1 / 3)
    return xp.where(t > _DELTA**3, cube_root, t / (3 * _DELTA**2) + 4 / 29)


def _lab_f_inverse(f: Array) -> Array:
    xp = _namespace(f)
    return xp.where(f > _DELTA, f * f * f, 3 * _DELTA**2 * (f - 4 / 29))


def luminance_of_linear(red: Array, green: Array, blue: Array) -> Array:
    """Linear sRGB planes 0..1 -> relative luminance 0..1, any shape (IEC 61966-2-1, the matrix's row of Y)."""
    share = _RGB_TO_XYZ_N[1].tolist()
    return share[0] * red + share[1] * green + share[2] * blue


def lightness_of_linear(y: Array) -> Array:
    """Relative luminance 0..1 -> L 0..100, any shape (CIE 15:2004, equation 8.3)."""
    return 116 * _lab_f(y) - 16


def lightness_of_gray(gray: Array) -> Array:
    """Non-linear gray value 0..1 (R=G=B, or normalized luma) -> L 0..100, any shape."""
    return lightness_of_linear(srgb_decode(gray))


def gray_of_lightness(L: Array) -> Array:
    """L 0..100 -> non-linear sRGB gray 0..1, any shape; inverse of `lightness_of_gray`."""
    return srgb_encode(_lab_f_inverse((L + 16) / 116))


def rgb_to_lab(rgb: Array) -> Array:
    """Non-linear sRGB 0..1 `(..., 3, H, W)` -> CIELAB of the same shape: L 0..100, a and b in about -108..98."""
    xp = _namespace(rgb)
    r, g, b = _planes(srgb_decode(rgb))
    m = _RGB_TO_XYZ_N.tolist()
    fx, fy, fz = (_lab_f(row[0] * r + row[1] * g + row[2] * b) for row in m)
    return xp.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], -3)


def lab_to_linear(L: Array, a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Planes of CIELAB -> planes of linear sRGB, not clipped: outside 0..1 means out of gamut."""
    fy = (L + 16) / 116
    x, y, z = _lab_f_inverse(fy + a / 500), _lab_f_inverse(fy), _lab_f_inverse(fy - b / 200)
    red, green, blue = (row[0] * x + row[1] * y + row[2] * z for row in _XYZ_N_TO_RGB.tolist())
    return red, green, blue


def in_gamut(red: Array, green: Array, blue: Array) -> Array:
    """Whether linear sRGB planes are within 0..1, up to rounding."""
    xp = _namespace(red)
    lowest, highest = xp.minimum(xp.minimum(red, green), blue), xp.maximum(xp.maximum(red, green), blue)
    return (lowest >= -_GAMUT_SLACK) & (highest <= 1 + _GAMUT_SLACK)


def fit_gamut(L: Array, ab: Array) -> Array:
    """Shrink chroma until the colour exists in sRGB; L and hue stay.

    L: `(..., 1, H, W)`, 0..100; ab: `(..., 2, H, W)`. Returns ab of the same shape. Colours inside the gamut come back
    unchanged; others end inside it, within 1/4096 of the largest chroma found by bisection along the line to gray.
    Clipping channels instead would move hue and lightness.
    """
    xp = _namespace(ab)
    (lightness,) = _planes(L)
    a, b = _planes(ab)
    lightness = xp.broadcast_to(lightness, a.shape)
    outside = ~in_gamut(*lab_to_linear(lightness, a, b))
    if not bool(outside.any()):
        return ab
    scale = xp.ones_like(a)
    scale[outside] = _fitting_scale(lightness[outside], a[outside], b[outside])
    return xp.stack([a * scale, b * scale], -3)


def _fitting_scale(L: Array, a: Array, b: Array) -> Array:
    """The factor on chroma that leads to the gamut's border, 0..1; for colours outside, any shape."""
    xp = _namespace(a)
    low, high = xp.zeros_like(a), xp.ones_like(a)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        fits = in_gamut(*lab_to_linear(L, middle * a, middle * b))
        low, high = xp.where(fits, middle, low), xp.where(fits, high, middle)
    return low


def _lab_to_fitted_linear(L: Array, ab: Array) -> tuple[Array, Array, Array]:
    """L `(..., 1, H, W)` and ab `(..., 2, H, W)` -> planes of linear sRGB, 0..1 but for float noise, chroma shrunk to the gamut."""
    xp = _namespace(ab)
    (lightness,) = _planes(L)
    a, b = _planes(ab)
    lightness = xp.broadcast_to(lightness, a.shape)
    linear = lab_to_linear(lightness, a, b)
    outside = ~in_gamut(*linear)
    if bool(outside.any()):
        # Few pixels are outside as a rule: the search runs on those alone.
        lightness_o, a_o, b_o = lightness[outside], a[outside], b[outside]
        scale = _fitting_scale(lightness_o, a_o, b_o)
        for plane, fitted in zip(linear, lab_to_linear(lightness_o, scale * a_o, scale * b_o), strict=True):
            plane[outside] = fitted
    return linear


def lab_to_rgb(L: Array, ab: Array) -> Array:
    """L `(..., 1, H, W)` and ab `(..., 2, H, W)` -> non-linear sRGB 0..1 `(..., 3, H, W)`, chroma shrunk to the gamut."""
    xp = _namespace(ab)
    return srgb_encode(xp.stack(_lab_to_fitted_linear(L, ab), -3))


def largest_chroma(lightness_steps: int, hue_steps: int) -> np.ndarray:
    """The sRGB gamut's boundary as a table: the largest chroma that fits, for every lightness and hue.

    Returns float32 `(lightness_steps, hue_steps)`; rows are L = 0..100 evenly, columns h_ab = 0..360 degrees evenly, both
    ends included (the first and last column are the same hue).
    """
    L = np.linspace(0, 100, lightness_steps, dtype=np.float32)[None, :, None]
    hue = np.linspace(0, 2 * np.pi, hue_steps, dtype=np.float32)[None, None, :]
    reach = 150.0  # beyond every sRGB colour (blue has the largest chroma, 133.8)
    L = np.broadcast_to(L, (1, lightness_steps, hue_steps))
    ab = np.concatenate([np.cos(hue), np.sin(hue)]).astype(np.float32) * np.float32(reach)
    ab = np.broadcast_to(ab, (2, lightness_steps, hue_steps))
    a, b = fit_gamut(np.ascontiguousarray(L), np.ascontiguousarray(ab))
    return np.hypot(a, b)


@dataclass(frozen=True, slots=True)
class YCbCr:
    """One way of coding Y'CbCr in integers: luma weights, range, depth, primaries and transfer function.

    kr, kb: weights of red and blue in luma. full: full range (0..2^n-1), else limited (16..235 at 8 bit). depth: bits a sample.
    transfer: sdr stands for all curves of standard dynamic range, which displays show much as sRGB's.
    """

    kr: float
    kb: float
    full: bool = False
    depth: int = 8
    primaries: Primaries = "bt709"
    transfer: Transfer = "sdr"

    @property
    def luma_offset(self) -> float:
        return 0.0 if self.full else 16.0 * 2 ** (self.depth - 8)

    @property
    def luma_span(self) -> float:
        return 2.0**self.depth - 1 if self.full else 219.0 * 2 ** (self.depth - 8)

    @property
    def chroma_span(self) -> float:
        return 2.0**self.depth - 1 if self.full else 224.0 * 2 ** (self.depth - 8)

    @property
    def chroma_center(self) -> int:
        return 1 << (self.depth - 1)


KR_KB = {
    "bt601": (0.299, 0.114),  # BT.601-7, 2.5.1
    "bt709": (0.2126, 0.0722),  # BT.709-6, 3.2
    "bt2020": (0.2627, 0.0593),  # BT.2020-2, table 4, non-constant luminance
}


def gray_of_luma(luma: Array, coding: YCbCr) -> Array:
    """Luma code values, any shape and real type -> non-linear gray; 0..1 except for foot- and headroom."""
    return (luma - coding.luma_offset) * (1.0 / coding.luma_span)


@cache
def lightness_table(coding: YCbCr) -> np.ndarray:
    """L float32, 0..100, for every luma code of a gray picture; highlights beyond white have that of white."""
    codes = np.arange(2**coding.depth, dtype=np.float32)
    gray = gray_of_luma(codes, coding)
    if coding.transfer == "sdr":
        return lightness_of_gray(gray).astype(np.float32)
    light = pq_decode(gray) if coding.transfer == "pq" else hlg_decode(gray, gray, gray)[0]
    return lightness_of_linear(np.clip(light, 0, 1)).astype(np.float32)


@cache
def _from_srgb(primaries: Primaries) -> np.ndarray:
    """Linear sRGB -> linear RGB of wider primaries, `(3, 3)`; white stays (1, 1, 1)."""
    return np.asarray(np.linalg.inv(rgb_to_xyz(primaries)) @ _RGB_TO_XYZ_N)


def lab_to_chroma(L: Array, ab: Array, coding: YCbCr) -> Array:
    """L `(..., 1, H, W)` and ab `(..., 2, H, W)` -> Cb, Cr code values `(..., 2, H, W)`, float, not rounded.

    Chroma is shrunk to sRGB's gamut, which the other primaries contain, and coded with the film's own primaries and transfer.
    """
    xp = _namespace(ab)
    planes = _lab_to_fitted_linear(L, ab)
    if coding.primaries != "bt709":
        red, green, blue = planes
        r, g, b = (row[0] * red + row[1] * green + row[2] * blue for row in _from_srgb(coding.primaries).tolist())
        planes = r, g, b
    match coding.transfer:
        case "sdr":
            rgb = srgb_encode(xp.stack(planes, -3))
        case "pq":
            rgb = pq_encode(xp.stack(planes, -3))
        case "hlg":
            rgb = xp.stack(hlg_encode(*planes), -3)
    return rgb_to_chroma(rgb, coding)


def coded_rgb_to_lab(rgb: np.ndarray, primaries: Primaries, transfer: Transfer) -> np.ndarray:
    """Non-linear RGB 0..1 `(3, H, W)` as a film codes it -> CIELAB float32 of the same shape.

    Highlights have their own hue and white's luminance.
    """
    match transfer:
        case "sdr":
            r, g, b = _planes(srgb_decode(rgb))
        case "pq":
            r, g, b = _planes(pq_decode(rgb))
        case "hlg":
            r, g, b = hlg_decode(*_planes(rgb))
    matrix = _RGB_TO_XYZ_N if primaries == "bt709" else rgb_to_xyz(primaries)
    xyz = np.stack([row[0] * r + row[1] * g + row[2] * b for row in matrix.tolist()])
    fx, fy, fz = _lab_f(xyz / np.maximum(1, xyz[1]))
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)]).astype(np.float32)


def rgb_to_chroma(rgb: Array, coding: YCbCr) -> Array:
    """Non-linear RGB 0..1 `(..., 3, H, W)` -> Cb, Cr code values `(..., 2, H, W)`, float, not rounded.

    A gray comes out as exactly `coding.chroma_center` in both planes.
    """
    xp = _namespace(rgb)
    r, g, b = _planes(rgb)
    luma = coding.kr * r + (1 - coding.kr - coding.kb) * g + coding.kb * b
    cb = (b - luma) * (coding.chroma_span / (2 * (1 - coding.kb)))
    cr = (r - luma) * (coding.chroma_span / (2 * (1 - coding.kr)))
    return xp.stack([cb, cr], -3) + coding.chroma_center


def ycbcr_to_rgb(luma: Array, chroma: Array, coding: YCbCr) -> Array:
    """Code values luma `(..., 1, H, W)` and chroma `(..., 2, H, W)` -> non-linear RGB `(..., 3, H, W)`, not clipped."""
    xp = _namespace(luma)
    (y,) = _planes(gray_of_luma(luma, coding))
    cb, cr = _planes((chroma - coding.chroma_center) * (1.0 / coding.chroma_span))
    r = y + 2 * (1 - coding.kr) * cr
    b = y + 2 * (1 - coding.kb) * cb
    g = (y - coding.kr * r - coding.kb * b) / (1 - coding.kr - coding.kb)
    return xp.stack([r, g, b], -3)
