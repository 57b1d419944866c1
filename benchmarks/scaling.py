"""What a cluster's driver can do, and what a core can: the figures of docs/scaling.md.

    python -m benchmarks.scaling [JOBS]

Jobs that only sleep show what the driver needs a job, in time and memory; photos and a film show what a core does, with the network and
with one that costs nothing, as the quickest GPU would.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.output_tree import open_tree
from batchcolor.archive.plan import plan
from batchcolor.engines.colorizer import Colorizer
from batchcolor.engines.opening import open_colorizer
from batchcolor.executors import JobContext, RayOptions, ray_executor
from batchcolor.films import colorize_film
from batchcolor.films.input.probe import probe
from batchcolor.films.input.time_range import TimeRange
from batchcolor.films.output.encode import picture_format
from batchcolor.films.output.encoders import CODECS
from batchcolor.films.shots.first_pass import FirstPass
from batchcolor.photos import colorize_photos
from batchcolor.settings import ModelSettings, PhotoSettings, Settings

from . import archive
from .figures import Figures
from .films import make
from .photos import make_photos

WORKERS, NAP_S = 16, 0.02
FILES = 100_000
PHOTOS, TIMES = 40, 4


def megabytes() -> float:
    """Resident memory of this process."""
    return psutil.Process().memory_info().rss / 1e6


def nap(seconds: float, _job: int, _context: JobContext) -> int:
    time.sleep(seconds)
    return _job


def driver(jobs: int) -> Figures:
    """Sleeping jobs through the driver."""
    with ray_executor(RayOptions(workers=WORKERS)) as executor:
        work = partial(nap, NAP_S)
        list(executor.map(work, range(10 * WORKERS), lambda: False))
        before, started, used = megabytes(), time.perf_counter(), time.process_time()
        seen = sum(1 for _ in executor.map(work, range(jobs), lambda: False))
        took, used = time.perf_counter() - started, time.process_time() - used
        print(f"  {seen:,} jobs of {NAP_S * 1000:.0f} ms, {WORKERS} workers on this machine: {seen / took:,.0f} jobs/s")
        after = megabytes()
        print(
            f"  the driver: {used / seen * 1e6:,.0f} us of processor time a job; {before:.0f} MB before, {after:.0f} MB after"
        )
    return {
        "jobs": seen,
        "workers": WORKERS,
        "jobs_per_s": seen / took,
        "job_us": used / seen * 1e6,
        "mb_before": before,
        "mb_after": after,
    }


def bookkeeping(folder: Path) -> Figures:
    """Walking, planning and the manifest."""
    scans, _ = archive.make(folder, FILES)
    before, started = megabytes(), time.perf_counter()
    items = plan([scans], folder / "again").items
    planned, size = FILES / (time.perf_counter() - started), (megabytes() - before) / FILES * 1e6
    print(f"  a plan of {FILES:,}: {planned:,.0f} files/s, {size:,.0f} bytes each")
    with open_tree(folder / "again", Settings().model.weights) as tree:
        started = time.perf_counter()
        for item in items:
            tree.record(Outcome(item.source, item.target, item.kind, Status.DONE))
        recorded = FILES / (time.perf_counter() - started)
    print(f"  the manifest: {recorded:,.0f} outcomes/s")
    return {"plan_files_per_s": planned, "plan_bytes": size, "manifest_per_s": recorded}


class Free:
    """An engine that costs nothing: ab is always nought."""

    name, device, precision, tolerance = "torch", "cpu", "float32", 0.0

    def __call__(self, L: np.ndarray) -> np.ndarray:
        n, _, h, w = L.shape
        return np.zeros((n, 2, h // 4, w // 4), np.float32)


def core(folder: Path) -> Figures:
    """What one core does in a second, with the network and with a free one; and what goes over the storage."""
    real = open_colorizer(ModelSettings(precision="float32"))
    colorizers: dict[str, Colorizer] = {"lite": real, "no network": Colorizer(Free(), side_multiple=32)}  # type: ignore[arg-type]
    photos = make_photos(folder, PHOTOS)
    pairs = [(path, folder / "out" / path.name) for path in photos]
    film = make(folder / "film.mp4", (640, 480), TIMES)
    info = probe(film)
    first_pass = partial(FirstPass, film, info, picture_format(info, CODECS["h264"]), TimeRange())
    frames = sum(1 for _ in first_pass())
    found: Figures = {}
    for name, colorizer in colorizers.items():
        a_photo = processor_seconds(partial(colorize, pairs, colorizer)) / PHOTOS
        opener = partial(lambda colorizer: colorizer, colorizer)
        a_frame = processor_seconds(partial(colorize_film, film, folder / "out.mp4", Settings(), colorizer=opener)) / frames
        found[name] = {"photo_ms": a_photo * 1000, "frame_ms": a_frame * 1000}
        print(
            f"  {name}: a photo of 2 megapixels {a_photo * 1000:.0f} ms of one core, a frame of 640x480 {a_frame * 1000:.1f} ms"
        )
    read, written = (sum(path.stat().st_size for path in column) / PHOTOS / 1e6 for column in zip(*pairs, strict=True))
    print(f"  storage: {read:.2f} MB read, {written:.2f} MB written a photo")
    took = processor_seconds(lambda: list(first_pass()))
    print(f"  the first pass over a film, by the driver: {took / frames * 1000:.2f} ms of one core a frame of 640x480")
    return {**found, "read_mb": read, "written_mb": written, "first_pass_ms": took / frames * 1000}


def colorize(pairs: list[tuple[Path, Path]], colorizer: Colorizer) -> None:
    for start in range(0, len(pairs), 8):
        assert all(result.error is None for result in colorize_photos(pairs[start : start + 8], colorizer, PhotoSettings()))


def processor_seconds(run: Callable[[], object]) -> float:
    """Of all threads of this process, after a warm-up."""
    run()
    before = time.process_time()
    run()
    return time.process_time() - before


def main(jobs: int = 100_000) -> Figures:
    """What one core and the driver do; see the three functions."""
    found = {"driver": driver(jobs)}  # first: this process is small yet
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {**found, "core": core(folder), "bookkeeping": bookkeeping(folder)}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
