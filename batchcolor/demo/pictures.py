"""The demo's photos: scikit-image's own pictures, turned gray, in every format that matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from ..color.conversion import gray_of_lightness, rgb_to_lab


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """name: the file it becomes (the suffix says how it is stored); load: its true colours, uint8 sRGB `(H, W, 3)`."""

    name: str
    load: Callable[[], np.ndarray]


PICTURES = (
    DemoPicture("astronaut.jpg", data.astronaut),
    DemoPicture("cat.png", data.chelsea),
    DemoPicture("coffee-16bit.tif", data.coffee),
    DemoPicture("rocket.jpg", data.rocket),
    DemoPicture("motorcycle.webp", lambda: np.ascontiguousarray(data.stereo_motorcycle()[0])),
)


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB `(H, W, 3)` -> gray of the same lightness, float32 `(H, W)`, 0..1."""
    L = rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[0]
    return gray_of_lightness(L)


def write_pictures(truth: Path, input_: Path) -> list[str]:
    """Write each picture's true colours below `truth` and its gray below `input_`; returns the file names."""
    for picture in PICTURES:
        rgb = picture.load()
        peak, dtype = (65535, np.uint16) if picture.name.endswith(".tif") else (255, np.uint8)
        gray = (gray_of(rgb) * peak + 0.5).astype(dtype)
        _write(input_ / picture.name, gray)
        _write(truth / picture.name, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return [picture.name for picture in PICTURES]


def _write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, encoded = cv2.imencode(path.suffix, pixels)
    if not done:
        raise RuntimeError(f"OpenCV cannot encode {path.suffix}")
    path.write_bytes(encoded.tobytes())  # not cv2.imwrite: it fails on names that the system's code page lacks
