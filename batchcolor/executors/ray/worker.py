"""What runs in a worker process of the cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from queue import Empty, SimpleQueue
from typing import Any

from ...errors import BatchcolorError
from ...runtime import thread_budget as threads
from ...runtime.extras import needs_torch, torch_installed
from ...runtime.version import __version__
from ..base import Work, picklable, run_job
from ..worker_logs import LogSender
from ..worker_pool import EventKind
from .options import Preparation

# As in `worker_pool.WorkerEvent`; after a result or an error nothing follows.
Said = tuple[EventKind, Any]


class Worker:
    """Does one job at a time, in a thread of its own, so that calls get through meanwhile. An actor in Ray's terms.

    Every job has a number, and later jobs have larger ones. folder: the driver's own, so that relative paths mean the same here.
    """

    def __init__(self, folder: str, thread_limit: int) -> None:
        with contextlib.suppress(OSError):  # whether paths lead anywhere is for the preparation to say
            os.chdir(folder)
        threads.limit(thread_limit)
        self._said: SimpleQueue[Said] = SimpleQueue()
        logging.getLogger().addHandler(LogSender(lambda record: self._said.put(("log", record))))
        self.stopped = 0  # the last job that has been told to stop, and all before it

    def preparation(self, version: str, gpus: float, check: Preparation | None) -> str | None:
        """What keeps this machine from doing jobs, in words; None: nothing does. version: of the driver's batchcolor."""
        if version != __version__:
            return f"has batchcolor {__version__}, and this machine has {version}; install the same version on all"
        if gpus:
            if not torch_installed():
                return needs_torch("its share of GPUs (--job-gpus)")
            import torch

            if not torch.cuda.is_available():
                return "was asked for a GPU, and PyTorch finds none there; install a build for its GPU, or leave --job-gpus out"
        try:
            if check is not None:
                check()
        except BatchcolorError as exc:
            return str(exc)
        return None

    def begin(self, number: int, work: Work[Any, Any], job: Any) -> list[Said]:
        """Begin a job and return, as soon as it says something, what it says."""
        threading.Thread(target=self._run, args=(number, work, job), name="job", daemon=True).start()
        return self.more()

    def more(self) -> list[Said]:
        """What the job says next; waits for it."""
        said = [self._said.get()]
        with contextlib.suppress(Empty):
            while True:
                said.append(self._said.get_nowait())
        return said

    def stop(self, number: int) -> None:
        """Tell a job that the run is about to end."""
        self.stopped = number

    def _run(self, number: int, work: Work[Any, Any], job: Any) -> None:
        outcome = run_job(work, job, _WorkerContext(self, number, self._said))
        self._said.put(("result", outcome.result) if outcome.error is None else ("error", picklable(outcome.error)))


class _WorkerContext:
    """The context of a job in a worker of a cluster."""

    def __init__(self, worker: Worker, number: int, said: SimpleQueue[Said]) -> None:
        self._worker, self._number, self._said = worker, number, said

    def should_stop(self) -> bool:
        return self._worker.stopped >= self._number

    def report(self, message: Any) -> None:
        self._said.put(("message", message))

    def begin_part(self, part: Any, limit_s: float | None = None) -> None:
        self._said.put(("part", (part, limit_s)))
