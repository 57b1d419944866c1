"""Photos: wall time of a batch against libvips decoding and re-encoding the same files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pyvips
from skimage import data

from .figures import Figures
from .timing import median_seconds

COUNT = 100
SIDE = (1200, 1680)  # 2 megapixels


def make_photos(folder: Path, count: int) -> list[Path]:
    """2-megapixel JPEGs made from scikit-image's pictures, each another crop: gray, gray in RGB, and sepia."""
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    rng = np.random.default_rng(0)
    paths = []
    for n in range(count):
        gray = cv2.cvtColor(pictures[n % len(pictures)], cv2.COLOR_RGB2GRAY)
        top, left = rng.integers(0, 60), rng.integers(0, 60)
        large = cv2.resize(gray[top:, left:], SIDE[::-1], interpolation=cv2.INTER_CUBIC)
        image = pyvips.Image.new_from_array(large).copy(interpretation="b-w")
        if n % 3:
            image = image.colourspace("srgb") * ([1, 1, 1] if n % 3 == 1 else [1, 0.9, 0.7])
        path = folder / f"{n:04}.jpg"
        image.cast("uchar").jpegsave(str(path), Q=90)
        paths.append(path)
    return paths


def make_scans(folder: Path) -> list[Path]:
    """Sixteen gray TIFFs of 2 megapixels and 16 bits, packed as archives have them, with the grain of a scanner."""
    rng = np.random.default_rng(0)
    paths = []
    for n, photo in enumerate(make_photos(folder, 16)):
        gray = pyvips.Image.new_from_file(str(photo)).colourspace("b-w").numpy().squeeze().astype(np.float32)
        deep = np.clip((gray + rng.normal(0, 0.5, gray.shape)) * 257, 0, 65535).astype(np.uint16)
        image = pyvips.Image.new_from_array(deep).copy(interpretation="grey16")
        paths.append(folder / f"scan{n:02}.tif")
        image.tiffsave(str(paths[-1]), compression="deflate", predictor="horizontal")
    return paths


def plain(path: Path) -> None:
    """What libvips alone needs: decode, encode as it is."""
    pyvips.Image.new_from_file(str(path), access="sequential").jpegsave(f"{path}.plain.jpg", Q=92)


def plain_scan(path: Path) -> None:
    """The same for a TIFF, packed as a result is."""
    image = pyvips.Image.new_from_file(str(path), access="sequential")
    image.tiffsave(f"{path}.plain.tif", compression="deflate", predictor="horizontal")


def plain_scan_rgb(path: Path) -> None:
    """The same in three channels."""
    image = pyvips.Image.new_from_file(str(path), access="sequential").colourspace("rgb16")
    image.tiffsave(f"{path}.rgb.tif", compression="deflate", predictor="horizontal")


def plain_rgb(path: Path) -> None:
    """The same, encoded as a coloured result is: three channels, none of them halved."""
    image = pyvips.Image.new_from_file(str(path), access="sequential").colourspace("srgb")
    image.jpegsave(f"{path}.rgb.jpg", Q=92, subsample_mode="off")


def main() -> Figures:
    """Photos a second and ratios of wall time, by kind of file."""
    from batchcolor.archive.outcome import Status
    from batchcolor.archive.photo_jobs import PhotoWork, photo_outcomes, photos_per_job
    from batchcolor.archive.plan import Item
    from batchcolor.archive.walk import Kind
    from batchcolor.engines.engine_info import EngineInfo
    from batchcolor.engines.opening import open_colorizer
    from batchcolor.executors import local_executors
    from batchcolor.photos import Provenance
    from batchcolor.runtime.thread_budget import cores
    from batchcolor.settings import ModelSettings

    workers = cores()
    colorizer = open_colorizer(ModelSettings())
    work = PhotoWork(EngineInfo.of(colorizer.engine).resolve_auto(ModelSettings()), Provenance("lite", "00" * 32))

    def reference(work: Callable[[Path], None], photos: list[Path]) -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, photos))

    def ours(photos: list[Path], folder: Path) -> None:
        items = [Item(path, folder / "out" / path.name, Kind.PHOTO) for path in photos]
        count = photos_per_job(len(items), executors.photos, 16, on_cpu=True)
        outcomes = photo_outcomes(executors.photos, work, items, count, lambda: False)
        assert {outcome.status for outcome in outcomes} == {Status.DONE}

    rows: Figures = {}
    with tempfile.TemporaryDirectory() as name, local_executors(workers) as executors:
        folder = Path(name)
        for what, photos, as_is, rgb in (
            ("JPEGs, 8 bits", make_photos(folder, COUNT), plain, plain_rgb),
            ("TIFFs, 16 bits, gray", make_scans(folder), plain_scan, plain_scan_rgb),
        ):
            seconds = median_seconds(
                {
                    "libvips": partial(reference, as_is, photos),
                    "libvips, RGB": partial(reference, rgb, photos),
                    "batchcolor": partial(ours, photos, folder),
                },
                repeats=3,
            )
            engine = f"{colorizer.engine.name} {colorizer.engine.precision}"
            print(f"{len(photos)} {what}, {SIDE[0] * SIDE[1] / 1e6:.1f} MP, {workers} workers, {engine}:")
            for runner, median in seconds.items():
                print(f"  {runner:14}{len(photos) / median:8.1f} photos/s")
            for runner in ("libvips", "libvips, RGB"):
                print(f"  wall time, batchcolor / {runner}: {seconds['batchcolor'] / seconds[runner]:.2f}")
            rows[what] = {
                "photos": len(photos),
                "photos_per_s": {runner: len(photos) / median for runner, median in seconds.items()},
                "ratio": seconds["batchcolor"] / seconds["libvips"],
                "ratio_rgb": seconds["batchcolor"] / seconds["libvips, RGB"],
            }
    return rows


if __name__ == "__main__":
    main()
