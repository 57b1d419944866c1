"""Peak resident memory of `batchcolor colorize` against the size of its input.

python -m benchmarks.memory
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pyvips
from skimage import data

from .figures import Figures
from .films import make

MEGAPIXELS = (2, 100, 200)
FILM_LENGTHS = (8, 156)  # times the demo's film of 192 frames: one minute and twenty at 25 frames a second
_INTERVAL_S = 0.05


def peak_mb(source: Path, output: Path) -> float:
    """Largest resident memory of one process of a run with one job, in MB; the child processes of a film count one by one."""
    command = [sys.executable, "-m", "batchcolor", "colorize", str(source), "-o", str(output), "--quiet", "--jobs", "1"]
    with subprocess.Popen(command) as run:
        process, peak = psutil.Process(run.pid), 0
        while run.poll() is None:
            with contextlib.suppress(psutil.Error):  # of a process that has just ended
                peak = max(peak, *(each.memory_info().rss for each in [process, *process.children(recursive=True)]))
            time.sleep(_INTERVAL_S)
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return peak / 1e6


def make_scan(path: Path, megapixels: int) -> Path:
    """A gray TIFF of 16 bits."""
    side = round((megapixels * 1e6) ** 0.5)
    gray = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (side, side), interpolation=cv2.INTER_CUBIC)
    image = pyvips.Image.new_from_array(gray.astype(np.uint16) * 257).copy(interpretation="grey16")
    image.tiffsave(str(path), compression="deflate", tile=True)
    return path


def main() -> Figures:
    """Megabytes by megapixels of a TIFF, and by frames of a film."""
    photos, films = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for megapixels in MEGAPIXELS:
            photos[str(megapixels)] = peak_mb(make_scan(folder / f"{megapixels}.tif", megapixels), folder / "out.tif")
            print(f"  a TIFF of {megapixels} megapixels and 16 bits: {photos[str(megapixels)]:.0f} MB")
        for times in FILM_LENGTHS:
            film = make(folder / f"{times}.mp4", (640, 480), times)
            films[str(192 * times)] = peak_mb(film, folder / "out.mp4")
            print(f"  a film of {192 * times:,} frames of 640x480: {films[str(192 * times)]:.0f} MB")
    return {"tiff_mb": photos, "film_mb": films}


if __name__ == "__main__":
    main()
