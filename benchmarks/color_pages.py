"""Telling colour photos from toned ones: how often it goes wrong, on colour pictures and on made-up scans of toned prints of them.

Pictures: those that come with scikit-image, and those of folders given as arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from batchcolor.color.conversion import gray_of_lightness, rgb_to_lab
from batchcolor.color.tone import has_color

from .figures import Figures

# name -> (gamma of R, G, B; the paper's tint)
TONES = {
    "gray": ((1, 1, 1), (1, 1, 1)),
    "sepia": ((0.75, 1, 1.45), (1, 0.97, 0.85)),
    "cyanotype": ((1.5, 1, 0.7), (0.9, 1, 1)),
    "warm": ((0.9, 1, 1.1), (1, 0.98, 0.9)),
    "selenium": ((1.05, 1.1, 1), (1, 0.98, 1)),
    "two tones": ((0.6, 1.2, 1.8), (1, 0.95, 0.75)),
    "yellowed": ((0.8, 1, 1.35), (1, 1, 1)),  # and yellower from left to right
}


def small_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of a small copy, such as the decision is made on. rgb: uint8 `(H, W, 3)`."""
    scale = (256 * 256 / (rgb.shape[0] * rgb.shape[1])) ** 0.5
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return rgb_to_lab(small.transpose(2, 0, 1).astype(np.float32) / 255)


def toned(rgb: np.ndarray, tone: str) -> np.ndarray:
    """A scan of a toned print, with the noise of a scanner and of JPEG. rgb and result: uint8 `(H, W, 3)`."""
    gamma, paper = TONES[tone]
    gray = gray_of_lightness(rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[0])[..., None]
    tint = np.array(paper, np.float64)
    if tone == "yellowed":
        tint = 1 - np.linspace(0, 1, rgb.shape[1])[:, None] * np.array([0, 0.04, 0.15])
    noise = 0.0 if tone == "gray" else np.random.default_rng(0).normal(0, 1.5, rgb.shape)
    scan = np.clip(gray ** np.array(gamma) * tint * 255 + noise, 0, 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", scan[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def main(folders: list[Path]) -> Figures:
    """Pictures of each kind, and how many of them were taken for the other kind."""
    pictures = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if bgr is not None:
            pictures.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    missed = sum(not has_color(small_lab(picture)) for picture in pictures)
    print(f"colour, taken for black-and-white: {missed} of {len(pictures)} ({missed / len(pictures):.1%})")
    taken_for_colour: dict[str, int] = {}
    for tone in TONES:
        wrong = sum(has_color(small_lab(toned(picture, tone))) for picture in pictures)
        print(f"{tone}, taken for colour: {wrong} of {len(pictures)} ({wrong / len(pictures):.1%})")
        taken_for_colour[tone] = wrong
    return {
        "pictures": len(pictures),
        "taken_for_gray": missed,
        "toned": len(pictures) * len(TONES),
        "taken_for_colour": sum(taken_for_colour.values()),
    }


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
