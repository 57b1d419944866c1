"""Photos: wall time of a batch against libvips decoding and re-encoding the same files; memory of a large one and of many."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pyvips
from skimage import data

from .timing import median_seconds

COUNT = 100
SIDE = (1200, 1680)  # 2 megapixels


def make_photos(folder: Path) -> list[Path]:
    """`COUNT` gray 2-megapixel JPEGs made from scikit-image's pictures, each another crop."""
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    rng = np.random.default_rng(0)
    paths = []
    for n in range(COUNT):
        gray = cv2.cvtColor(pictures[n % len(pictures)], cv2.COLOR_RGB2GRAY)
        top, left = rng.integers(0, 60), rng.integers(0, 60)
        large = cv2.resize(gray[top:, left:], SIDE[::-1], interpolation=cv2.INTER_CUBIC)
        path = folder / f"{n:04}.jpg"
        pyvips.Image.new_from_array(large).copy(interpretation="b-w").jpegsave(str(path), Q=90)
        paths.append(path)
    return paths


def plain(path: Path) -> None:
    """What libvips alone needs: decode, to RGB, encode."""
    image = pyvips.Image.new_from_file(str(path), access="sequential").colourspace("srgb")
    image.jpegsave_buffer(Q=92, optimize_coding=True, subsample_mode="off")


def main() -> None:
    from batchcolor.archive.executors import local_executor
    from batchcolor.cli.options import default_workers
    from batchcolor.colorizer import open_colorizer
    from batchcolor.photos import colorize_photos
    from batchcolor.settings import ModelSettings, PhotoSettings

    workers = default_workers()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        photos = make_photos(folder)
        colorizer = open_colorizer(ModelSettings())

        def reference() -> None:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(plain, photos))

        def colorize(batch: list[Path]) -> None:
            pairs = [(path, folder / "out" / path.name) for path in batch]
            assert all(result.error is None for result in colorize_photos(pairs, colorizer, PhotoSettings()))

        def ours() -> None:
            batches = [photos[n : n + 8] for n in range(0, len(photos), 8)]
            assert all(o.error is None for o in local_executor(workers).map(colorize, batches, lambda: False))

        seconds = median_seconds({"libvips": reference, "batchcolor": ours}, repeats=3)
        engine = colorizer.engine
        print(f"{COUNT} gray JPEGs of {SIDE[0] * SIDE[1] / 1e6:.1f} MP, {workers} workers, {engine.name} {engine.precision}:")
        for name, median in seconds.items():
            print(f"  {name:12}{COUNT / median:8.1f} photos/s")
        print(f"  wall time, batchcolor / libvips: {seconds['batchcolor'] / seconds['libvips']:.2f}")
    print("Memory (tests, each in a process of its own):")
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-s", "-m", "slow", "tests/photos/test_memory.py"], check=True)


if __name__ == "__main__":
    main()
