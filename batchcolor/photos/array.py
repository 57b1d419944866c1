"""Colorizing a picture that is already in memory."""

from __future__ import annotations

import cv2
import numpy as np

from ..color.pixel_codes import gray_to_lightness, lab_to_codes, rgb_to_lightness
from ..color.upsampling import UPSCALERS, refined
from ..engines.colorizer import Colorizer
from ..settings import ColorSettings


def colorize_pixels(pixels: np.ndarray, colorizer: Colorizer, color: ColorSettings = ColorSettings()) -> np.ndarray:
    """Gray `(H, W)` or sRGB `(H, W, 3)`, uint8 or uint16 -> sRGB `(H, W, 3)` of the same type and the same lightness.

    Raises `ValueError` for another shape or type.
    """
    gray, rgb = pixels.ndim == 2, pixels.ndim == 3 and pixels.shape[-1] == 3
    if not (gray or rgb) or 0 in pixels.shape or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"pixels of shape {pixels.shape} and type {pixels.dtype} cannot be colorized; give uint8 or uint16, (H, W) or (H, W, 3)"
        )
    L = gray_to_lightness(pixels) if gray else rgb_to_lightness(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    height, width = colorizer.network_shape(*L.shape)
    small = cv2.resize(L, (width, height), interpolation=cv2.INTER_AREA)
    (ab,) = colorizer.ab([small])
    chroma = UPSCALERS[color.upscaling](small, ab * np.float32(color.saturation))
    return lab_to_codes(L, refined(chroma, *L.shape).ab(L, 0), 8 * pixels.itemsize)
