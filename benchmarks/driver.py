"""What the driver does for a photo, with as many workers as this machine has no cores for.

    python -m benchmarks.driver [PHOTOS]

A run as `batchcolor colorize` has it (plan, jobs, outcomes, times of results, manifest), on files in memory where the system has
/dev/shm, with 16 and with 64 worker processes. Workers read no pixels; they sleep as long as a photo of 2 megapixels takes a core.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from batchcolor.archive import run as runs
from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.output_tree import Redo, open_tree
from batchcolor.archive.photo_jobs import PhotoBatch, PhotoWork
from batchcolor.archive.plan import plan
from batchcolor.engines.engine_info import EngineInfo
from batchcolor.executors import JobContext, local_executors
from batchcolor.photos import Stage
from batchcolor.runtime.file_stamp import FileStamp
from batchcolor.settings import ModelSettings

from .figures import Figures

WORKERS = (16, 64)
NAP_S = 0.1
PHOTOS = 8000
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Sleeping(PhotoWork):
    """Photos that take their time and nothing else; each leaves an empty result."""

    def prepare(self) -> None:
        return None

    def __call__(self, batch: PhotoBatch, context: JobContext) -> None:
        limit_s = batch.items[0].settings.photo.photo_timeout
        for index, item in enumerate(batch.items):
            stamp = FileStamp.of(item.source)
            for stage in Stage:
                for _ in range(2):  # once more when the size is known
                    context.begin_part((index, stage.value), limit_s)
            time.sleep(NAP_S)
            item.target.parent.mkdir(exist_ok=True)
            item.target.touch()
            context.report((index, Outcome(item.source, item.target, item.kind, Status.DONE, NAP_S, source_stamp=stamp)))


def driver(folder: Path, workers: int, photos: int) -> Figures:
    """Photos a second, and microseconds of the driver's processor time a photo, once all workers are at work."""
    scans, output = folder / "scans", folder / f"out-{workers}"
    scans.mkdir(exist_ok=True)
    for n in range(photos):
        (scans / f"{n:06}.jpg").touch()
    model, tally = ModelSettings(), 0
    with ExitStack() as stack:
        stack.enter_context(patch.object(runs, "PhotoWork", Sleeping))
        stack.enter_context(patch.object(runs, "_engine_info", lambda *_: EngineInfo("openvino", "float32", "cpu")))
        tree = stack.enter_context(open_tree(output, model.weights))
        whole = plan([scans], output)
        todo = tree.select(whole.items, Redo()).plan(whole)
        executors = stack.enter_context(local_executors(workers))
        warm = min(photos // 2, 16 * workers)  # every worker has begun its second job
        started = used = 0.0
        for outcome in runs.run(todo, model, executors, should_stop=lambda: False):
            tree.record(outcome)
            tally += outcome.status is Status.DONE
            if tally == warm:
                started, used = time.perf_counter(), time.process_time()
        took, used = time.perf_counter() - started, time.process_time() - used
    counted = tally - warm
    print(
        f"  {workers} workers: {counted / took:,.0f} photos/s of {workers / NAP_S:,.0f} possible; "
        f"the driver: {used / counted * 1e6:,.0f} us of processor time a photo"
    )
    return {"photos_per_s": counted / took, "possible_per_s": workers / NAP_S, "photo_us": used / counted * 1e6}


def main(photos: int = PHOTOS) -> Figures:
    """By the number of workers, see `driver`."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        return {str(workers): driver(Path(name), workers, photos) for workers in WORKERS}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
