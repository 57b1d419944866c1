"""Scaling chroma up: guided against bicubic. True ab is averaged down, scaled up again, and compared with itself.

Pictures: those that come with scikit-image, and those of a folder given as arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.color.upsampling import UPSCALERS, apply_map

from .figures import Figures

EDGE_SHARE = 85  # percentile of the lightness gradient over which a pixel counts as an edge


def errors(rgb: np.ndarray, factor: int) -> dict[str, tuple[float, float]]:
    """Mean squared error of ab over all pixels and over edges, per upscaler, for ab at 1/factor and the network's L at 4/factor."""
    lab = rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)
    L, height, width = lab[0], rgb.shape[0], rgb.shape[1]
    h, w = max(4, round(height / factor)), max(4, round(width / factor))
    ab = np.stack([cv2.resize(plane, (w, h), interpolation=cv2.INTER_AREA) for plane in lab[1:]])
    small_L = cv2.resize(L, (4 * w, 4 * h), interpolation=cv2.INTER_AREA)
    gradient = np.hypot(cv2.Sobel(L, cv2.CV_32F, 1, 0), cv2.Sobel(L, cv2.CV_32F, 0, 1))
    edges = gradient > np.percentile(gradient, EDGE_SHARE)
    found = {}
    for name, upscaler in UPSCALERS.items():
        error = np.square(apply_map(upscaler(small_L, ab), L) - lab[1:]).sum(0)
        found[name] = (float(error.mean()), float(error[edges].mean()))
    return found


def main(folders: list[Path]) -> Figures:
    """Squared error of guided upsampling over that of bicubic, over all pixels and at edges, by factor."""
    pictures = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.stereo_motorcycle()[0]]
    for folder in folders:
        for path in sorted(folder.iterdir()):
            bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
            if bgr is not None:
                pictures.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    print(f"{len(pictures)} pictures; squared ab error, all pixels / edges")
    ratios: Figures = {}
    for factor in (8, 16, 32):
        rows = [errors(picture, factor) for picture in pictures]
        mean = {name: np.mean([row[name] for row in rows], axis=0) for name in UPSCALERS}
        shown = ", ".join(f"{name} {all_:.1f} / {edge:.1f}" for name, (all_, edge) in mean.items())
        ratio = mean["guided"] / mean["bicubic"]
        print(f"  {factor:3}x: {shown}; guided / bicubic {ratio[0]:.2f} / {ratio[1]:.2f}")
        ratios[str(factor)] = {"all": float(ratio[0]), "edges": float(ratio[1])}
    return {"pictures": len(pictures), "ratios": ratios}


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
