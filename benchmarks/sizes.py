"""Cost against size: frames of a film, megapixels of a photo, photos of a folder. Twice as much should take twice as long.

    python -m benchmarks.sizes [PLOT.svg]

Prints seconds and seconds a unit, start of the program excluded, and draws them (needs matplotlib, of the extra `train`).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pyvips
from skimage import data

from batchcolor.archive.outcome import Status
from batchcolor.archive.plan import Plan, plan
from batchcolor.archive.run import run
from batchcolor.engines.colorizer import Colorizer
from batchcolor.engines.opening import cached_colorizer
from batchcolor.executors import local_executors
from batchcolor.films import colorize_film
from batchcolor.photos import colorize_photos
from batchcolor.runtime.thread_budget import cores
from batchcolor.settings import ModelSettings, PhotoSettings, Settings

from .figures import Figures
from .films import make

FRAMES_OF_DEMO = 192
TIMES, MEGAPIXELS, PHOTOS = (1, 2, 4, 8), (1, 4, 16, 64), (25, 50, 100, 200)


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def films(folder: Path) -> dict[int, float]:
    """Seconds by frames; 640x480, one process."""
    found = {}
    for times in TIMES:
        film = make(folder / f"{times}.mp4", (640, 480), times)
        found[FRAMES_OF_DEMO * times] = seconds(partial(colorize_film, film, folder / "out.mp4", Settings()))
    return found


def picture(megapixels: float) -> np.ndarray:
    side = round((megapixels * 1e6) ** 0.5)
    return cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (side, side), interpolation=cv2.INTER_CUBIC)


def photos_by_size(folder: Path, colorizer: Colorizer) -> dict[int, float]:
    """Seconds by megapixels; 8-bit TIFF."""
    found = {}
    for megapixels in MEGAPIXELS:
        path = folder / f"{megapixels}.tif"
        pyvips.Image.new_from_array(picture(megapixels)).copy(interpretation="b-w").write_to_file(str(path))
        pair = [(path, folder / "out.tif")]
        found[megapixels] = seconds(partial(colorized, pair, colorizer))
    return found


def photos_by_count(folder: Path) -> dict[int, float]:
    """Seconds by number; JPEG of 2 megapixels, one worker a core."""
    found = {}
    pixels = pyvips.Image.new_from_array(picture(2)).copy(interpretation="b-w")
    for count in PHOTOS:
        scans = folder / f"scans-{count}"
        scans.mkdir()
        for n in range(count):
            pixels.write_to_file(str(scans / f"{n:04}.jpg"))
        planned = plan([scans], folder / f"out-{count}")
        found[count] = seconds(partial(ran, planned))
    return found


def colorized(pairs: list[tuple[Path, Path]], colorizer: Colorizer) -> None:
    assert all(result.error is None for result in colorize_photos(pairs, colorizer, PhotoSettings()))


def ran(planned: Plan) -> None:
    with local_executors(cores()) as executors:
        outcomes = run(planned, ModelSettings(), executors, should_stop=lambda: False)
        assert all(outcome.status is Status.DONE for outcome in outcomes)


def plot(rows: dict[str, dict[int, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    for axes, (name, measured) in zip(figure.subplots(1, len(rows)), rows.items(), strict=True):
        axes.plot(list(measured), list(measured.values()), marker="o")
        axes.set_xlabel(name)
        axes.set_ylabel("seconds")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.savefig(path)


def main(target: Path | None = None) -> Figures:
    """Seconds by number of units, by kind of unit."""
    colorizer = cached_colorizer(ModelSettings())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos_by_size(folder, colorizer)  # a warm-up, of everything that is made once
        rows = {
            "frames of 640x480, one process": films(folder),
            "megapixels of a TIFF": photos_by_size(folder, colorizer),
            f"JPEGs of 2 megapixels, {cores()} at once": photos_by_count(folder),
        }
    for name, measured in rows.items():
        print(f"  {name}: " + ", ".join(f"{size}: {s:.2f} s ({1000 * s / size:.1f} ms each)" for size, s in measured.items()))
    if target is not None:
        plot(rows, target)
    return dict(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
