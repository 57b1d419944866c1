"""What Ray costs on one machine: 500 photos through its workers and through as many plain processes.

    python -m benchmarks.ray_overhead [COUNT]

Both have their networks open before the clock starts; plain processes start anew for every run, Ray's workers stay, so the time from the
first outcome on is printed as well.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from batchcolor.archive.outcome import Status
from batchcolor.archive.plan import Plan, plan
from batchcolor.archive.run import run
from batchcolor.executors import Executor, Executors, ProcessExecutor, RayOptions, ray_executor
from batchcolor.settings import ModelSettings

from .figures import Figures
from .photos import COUNT, make_photos

WORKERS, REPEATS = 2, 3
MODEL = ModelSettings(precision="float32")


def make(folder: Path, count: int) -> Path:
    """`count` files of 2 megapixels; a hundred different ones, again and again."""
    originals, scans = folder / "originals", folder / "scans"
    originals.mkdir()
    scans.mkdir()
    photos = make_photos(originals, min(count, COUNT))
    for n in range(count):
        (scans / f"{n:04}.jpg").hardlink_to(photos[n % len(photos)])
    return scans


def seconds(planned: Plan, executor: Executor, output: Path) -> tuple[float, float]:
    """Of a run: all of it; from the first outcome on."""
    shutil.rmtree(output, ignore_errors=True)
    started = time.perf_counter()
    times = []
    for outcome in run(planned, MODEL, Executors(executor, executor), should_stop=lambda: False):
        assert outcome.status is Status.DONE, outcome.error
        times.append(time.perf_counter())
    return times[-1] - started, times[-1] - times[0]


def main(count: int = 500) -> Figures:
    """Wall time on Ray over that of local processes: of the whole run, and from the first outcome on."""
    with tempfile.TemporaryDirectory() as name, ray_executor(RayOptions(workers=WORKERS)) as on_ray:
        folder = Path(name)
        planned = plan([make(folder, count)], folder / "out")
        executors: dict[str, Executor] = {"processes": ProcessExecutor(WORKERS), "ray": on_ray}
        warm = Plan(planned.items[: 8 * WORKERS], ())
        for executor in executors.values():
            seconds(warm, executor, folder / "out")
        measured: dict[str, list[tuple[float, float]]] = {key: [] for key in executors}
        for _ in range(REPEATS):
            for key, executor in executors.items():
                measured[key].append(seconds(planned, executor, folder / "out"))
    print(f"{count} JPEGs of 2 megapixels, {WORKERS} workers, lite float32; medians of {REPEATS}:")
    medians = {key: [statistics.median(column) for column in zip(*rows, strict=True)] for key, rows in measured.items()}
    for key, (whole, rest) in medians.items():
        print(f"  {key:10}{whole:7.2f} s, {count / whole:5.1f} photos/s; from the first outcome on {rest:7.2f} s")
    for what, n in (("all of the run", 0), ("from the first outcome on", 1)):
        print(f"  wall time, ray / processes, {what}: {medians['ray'][n] / medians['processes'][n]:.3f}")
    ratio, later = (ray / local for ray, local in zip(medians["ray"], medians["processes"], strict=True))
    return {"photos": count, "ratio": ratio, "ratio_from_first": later}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
