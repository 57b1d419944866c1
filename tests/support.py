"""Shared by tests of several packages: a colorizer without weights, and pictures with known colours."""

from __future__ import annotations

import importlib.util
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import pytest

from batchcolor.engines.base import Hints, Prediction
from batchcolor.engines.colorizer import Colorizer
from batchcolor.errors import OutOfMemory
from batchcolor.settings import Precision


class FormulaEngine:
    """An engine without a network: ab at a quarter of the size, a = L / 4, b = 20 - L / 5.

    fits: the largest batch it takes. largest_side: of a picture that it takes.
    """

    name = "formula"
    device = "cpu"
    precision: Precision = "float32"
    takes_hints = False
    tolerance = 0.0

    def __init__(self, fits: int = 10**6, delta: float = 0.0, largest_side: int = 10**6) -> None:
        self.fits, self.delta, self.largest_side = fits, delta, largest_side
        self.batches: list[tuple[int, ...]] = []
        self._lock = threading.Lock()

    def __call__(self, L: np.ndarray) -> np.ndarray:
        with self._lock:
            self.batches.append(L.shape)
        if len(L) > self.fits or max(L.shape[-2:]) > self.largest_side:
            raise OutOfMemory("the batch does not fit")
        n, _, h, w = L.shape
        small = L[:, 0, : h // 4 * 4, : w // 4 * 4].reshape(n, h // 4, 4, w // 4, 4).mean((2, 4))
        return np.stack([small / 4 + self.delta, 20 - small / 5], 1).astype(np.float32)

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        """Its features: the lightness and what a blur makes of it."""
        ab = self(L)
        blurred = np.stack([cv2.blur(plane[0], (9, 9))[None] for plane in L])
        return Prediction(ab, (L[:, :, ::4, ::4].copy(), blurred[:, :, ::8, ::8].copy()))


def formula_colorizer(fits: int = 10**6, batch_size: int = 16, network_size: int = 64) -> Colorizer:
    return Colorizer(FormulaEngine(fits), side_multiple=32, network_size=network_size, batch_size=batch_size)


def gradient(height: int, width: int, peak: int = 255) -> np.ndarray:
    """A smooth gray picture with an edge in it, uint8 or uint16 `(H, W)`, using the whole range."""
    y, x = np.mgrid[:height, :width]
    ramp = (x / max(1, width - 1) * 0.7 + y / max(1, height - 1) * 0.3) * peak
    ramp[height // 4 : height // 2, width // 3 : width // 2] = peak * 0.1
    return (ramp + 0.5).astype(np.uint16 if peak > 255 else np.uint8)


KEPT = ".batchcolor"  # what their names begin with


def results(output: Path) -> list[str]:
    """Names of all files below an output tree, sorted; what a run keeps for the next one is no result."""
    found = (path.relative_to(output) for path in output.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not any(part.startswith(KEPT) for part in path.parts[:-1]))


EXIFTOOL, CHROMEDRIVER, FFMPEG, FFPROBE = "exiftool", "chromedriver", "ffmpeg", "ffprobe"
_PACKAGES = {
    EXIFTOOL: "libimage-exiftool-perl",
    CHROMEDRIVER: "chromium-driver",
    FFMPEG: "ffmpeg",
    FFPROBE: "ffmpeg",
}


def needs(program: str) -> pytest.MarkDecorator:
    """Skip where an outside program is missing, saying how to get it; with BATCHCOLOR_TESTS_SKIP=no, as in CI, nothing is skipped."""
    missing = shutil.which(program) is None and os.environ.get("BATCHCOLOR_TESTS_SKIP") != "no"
    return pytest.mark.skipif(missing, reason=f"{program} is not installed (Debian: {_PACKAGES[program]})")


# Ray has no wheel for every platform and Python.
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None and os.environ.get("BATCHCOLOR_TESTS_SKIP") != "no",
    reason="Ray is not installed (pip install 'batchcolor[ray]')",
)


def commands_of(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """(name, command) of each, whether it is imported already or not."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
