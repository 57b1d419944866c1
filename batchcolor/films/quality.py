"""Figures of a finished film for its report: how colourful, how steady, how near its luma is to the source's."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import av.error
import cv2
import numpy as np

from ..color.conversion import lab_to_rgb
from ..metrics import ColorDistribution, WarpError, colourfulness
from ..runtime.ffmpeg import open_input
from .input.planes import luma_plane

_LUMA_EVERY = 25  # frames, of which one is compared with the source
# Luma samples of it that are remembered until the segment can be decoded; whole planes of UHD would take half a gigabyte.
_LUMA_SAMPLES = 1 << 16


class Metrics(Protocol):
    def add(self, L: np.ndarray, ab: np.ndarray, luma: np.ndarray) -> None: ...
    def figures(self, segment: Path) -> dict[str, float]: ...


class NoMetrics:
    """Used without --measure."""

    def add(self, L: np.ndarray, ab: np.ndarray, luma: np.ndarray) -> None:
        return None

    def figures(self, segment: Path) -> dict[str, float]:
        return {}


class QualityMetrics:
    """Takes a chunk's frames one by one, at the smoother's size, and says at its end:

    colourfulness (Hasler and Suesstrunk), cdc and warp_error (`metrics`), all means over frames; luma_mse: of every 25th frame against
    the source, on an even grid of samples, 8-bit code values squared, absent where this FFmpeg cannot decode the codec.
    """

    def __init__(self) -> None:
        self._count = 0
        self._colour: list[float] = []
        self._distribution, self._warp = ColorDistribution(), WarpError()
        self._lumas: dict[int, np.ndarray] = {}

    def add(self, L: np.ndarray, ab: np.ndarray, luma: np.ndarray) -> None:
        """L float32 `(h, w)`; ab float32 `(2, h', w')`; luma: code values `(H, W)`."""
        if self._count % _LUMA_EVERY == 0:
            self._lumas[self._count] = _sampled(luma).copy()
        self._count += 1
        small = cv2.resize(L, ab.shape[:0:-1], interpolation=cv2.INTER_AREA)
        rgb = (lab_to_rgb(small[None], ab) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
        self._colour.append(colourfulness(rgb))
        self._distribution.add(rgb)
        self._warp.add(small, ab)

    def figures(self, segment: Path) -> dict[str, float]:
        found = {"frames": float(self._count), "colourfulness": float(np.mean(self._colour)), "warp_error": self._warp.value}
        cdc = self._distribution.value
        if np.isfinite(cdc):
            found["cdc"] = cdc
        errors = self._luma_errors(segment)
        if errors:
            found["luma_mse"] = float(np.mean(errors))
        return found

    def _luma_errors(self, segment: Path) -> list[float]:
        errors = []
        try:
            with open_input(segment) as container:
                for n, frame in enumerate(container.decode(video=0)):
                    if n in self._lumas:
                        scale = 2.0 ** (8 - frame.format.components[0].bits)
                        difference = _sampled(luma_plane(frame)).astype(np.float32) - self._lumas[n]
                        errors.append(float(np.square(difference * np.float32(scale)).mean()))
        except av.error.FFmpegError:
            return []
        return errors


def _sampled(luma: np.ndarray) -> np.ndarray:
    """Every n-th sample of every n-th row of `(H, W)`; n is odd, so that all places within an encoder's blocks have their turn."""
    n = max(1, int((luma.size / _LUMA_SAMPLES) ** 0.5)) | 1
    return luma[::n, ::n]
