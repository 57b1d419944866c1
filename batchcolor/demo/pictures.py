"""The demo's photos: four free pictures (PICTURES.md names their authors and licences), turned gray, in the common file formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ..color.conversion import gray_of_lightness, rgb_to_lab

_FOLDER = Path(__file__).parent


@cache
def photograph(file: str) -> np.ndarray:
    """One of the pictures beside this module in its true colours, uint8 sRGB `(H, W, 3)`, read-only."""
    bgr = cv2.imdecode(np.frombuffer((_FOLDER / file).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    rgb: np.ndarray = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    rgb.setflags(write=False)
    return rgb


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """name: file name, whose suffix chooses the format. load: returns the true colours, uint8 sRGB `(H, W, 3)`."""

    name: str
    load: Callable[[], np.ndarray]


PICTURES = (
    DemoPicture("astronaut.jpg", lambda: photograph("astronaut.webp")),
    DemoPicture("cat.png", lambda: photograph("chelsea.webp")),
    DemoPicture("coffee-16bit.tif", lambda: photograph("coffee.webp")),
    DemoPicture("rocket.jpg", lambda: photograph("rocket.jpg")),
    DemoPicture("cup.webp", lambda: photograph("coffee.webp")[90:360, 130:490]),
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
    path.write_bytes(encoded.tobytes())  # not cv2.imwrite: on Windows it fails for names outside the system's code page
