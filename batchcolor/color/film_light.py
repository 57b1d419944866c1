"""How films code light: the primaries of wide gamuts, and the transfer functions of high dynamic range, PQ and HLG.

- Primaries: ITU-T H.273, table 2.
- PQ and HLG: ITU-R BT.2100-2, tables 4 and 5; HLG as a display of 1000 cd/m2 shows it, with a system gamma of 1.2.
- The white of a picture, which is 1 here, is 203 cd/m2 in both (ITU-R BT.2408-7, 2.1): brighter are highlights.

Values are numpy arrays or torch tensors of any shape; light is relative to the picture's white.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")
Primaries = Literal["bt709", "bt2020", "p3-dci", "p3-d65"]
Transfer = Literal["sdr", "pq", "hlg"]

_D65 = (0.3127, 0.3290)
# x, y of red, green, blue and white. BT.709's are those of sRGB, which all colours are made in.
_WIDE: dict[str, tuple[tuple[float, float], ...]] = {
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    "p3-dci": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    "p3-d65": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_WHITE_CD, _PQ_PEAK_CD, _HLG_PEAK_CD = 203.0, 10_000.0, 1_000.0
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A = 0.17883277
_B, _C = 1 - 4 * _A, 0.5 - _A * float(np.log(4 * _A))
_GAMMA = 1.2
_LUMINANCE = 0.2627, 0.6780, 0.0593  # BT.2100-2, table 5: of HLG's own primaries
_DARKEST = 1e-9  # of light: what is below counts as black


def _namespace(x: Any) -> Any:
    return np if isinstance(x, np.ndarray | np.generic) else sys.modules["torch"]


def rgb_to_xyz(primaries: Primaries) -> np.ndarray:
    """Linear RGB -> XYZ for wide primaries, float64 `(3, 3)`, scaled so that white is (1, 1, 1) on both sides."""
    chromaticities = np.array(_WIDE[primaries])
    columns = np.stack([chromaticities[:, 0], chromaticities[:, 1], 1 - chromaticities.sum(axis=1)]) / chromaticities[:, 1]
    red, green, blue, white = columns.T
    colours = np.stack([red, green, blue], 1)
    scaled: np.ndarray = colours * np.linalg.solve(colours, white)
    return scaled / white[:, None]


def pq_encode(light: Array) -> Array:
    """Light -> PQ signal 0..1 (BT.2100-2, table 4, inverse EOTF)."""
    xp = _namespace(light)
    power = xp.clip(light * (_WHITE_CD / _PQ_PEAK_CD), 0.0, 1.0) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def pq_decode(signal: Array) -> Array:
    """PQ signal -> light, 0..49 (BT.2100-2, table 4, EOTF). Signals outside 0..1 are clipped first."""
    xp = _namespace(signal)
    power = xp.clip(signal, 0.0, 1.0) ** (1 / _M2)
    return (xp.clip(power - _C1, 0.0, None) / (_C2 - _C3 * power)) ** (1 / _M1) * (_PQ_PEAK_CD / _WHITE_CD)


def hlg_encode(red: Array, green: Array, blue: Array) -> tuple[Array, Array, Array]:
    """Planes of light, in BT.2020's primaries -> planes of HLG signal 0..1 (BT.2100-2, table 5, inverse OOTF and OETF)."""
    xp = _namespace(red)
    shown = [xp.clip(plane * (_WHITE_CD / _HLG_PEAK_CD), 0.0, 1.0) for plane in (red, green, blue)]
    luminance = sum(weight * plane for weight, plane in zip(_LUMINANCE, shown, strict=True))
    scene = [xp.clip(plane * xp.clip(luminance, _DARKEST, None) ** (1 / _GAMMA - 1), 0.0, 1.0) for plane in shown]
    r, g, b = (
        xp.where(each <= 1 / 12, (3 * each) ** 0.5, _A * xp.log(xp.clip(12 * each - _B, _DARKEST, None)) + _C) for each in scene
    )
    return r, g, b


def hlg_decode(red: Array, green: Array, blue: Array) -> tuple[Array, Array, Array]:
    """Planes of HLG signal -> planes of light, 0..4.9, in BT.2020's primaries. Signals outside 0..1 are clipped first."""
    xp = _namespace(red)
    signals = [xp.clip(plane, 0.0, 1.0) for plane in (red, green, blue)]
    scene = [xp.where(each <= 0.5, each**2 / 3, (xp.exp((each - _C) / _A) + _B) / 12) for each in signals]
    luminance = sum(weight * plane for weight, plane in zip(_LUMINANCE, scene, strict=True))
    gain = xp.clip(luminance, _DARKEST, None) ** (_GAMMA - 1) * (_HLG_PEAK_CD / _WHITE_CD)
    r, g, b = (plane * gain for plane in scene)
    return r, g, b
