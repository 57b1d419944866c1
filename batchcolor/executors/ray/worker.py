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
WorkerMessage = tuple[EventKind, Any]


class Worker:
    """Does one job at a time, in a thread of its own, so that calls get through meanwhile. An actor in Ray's terms.

    Every job has a number, and later jobs have larger ones. folder: the driver's own, so that relative paths mean the same here.
    """

    def __init__(self, folder: str, thread_limit: int) -> None:
        with contextlib.suppress(OSError):  # the preparation reports missing paths
            os.chdir(folder)
        threads.limit(thread_limit)
        self._messages: SimpleQueue[WorkerMessage] = SimpleQueue()
        logging.getLogger().addHandler(LogSender(lambda record: self._messages.put(("log", record))))
        self.stopped = 0  # number of the last job that must stop; earlier ones stop as well

    def preparation(self, version: str, gpus: float, check: Preparation | None) -> str | None:
        """The reason why this machine cannot run jobs, or None. version: of the driver's batchcolor."""
        if version != __version__:
            return f"has batchcolor {__version__}, and this machine has {version}; install the same version on all"
        if gpus:
            if not torch_installed():
                return needs_torch("its share of GPUs (--job-gpus)")
            import torch

            if not torch.cuda.is_available():
                return "should use a GPU, and PyTorch finds none there; install a build for its GPU, or omit --job-gpus"
        try:
            if check is not None:
                check()
        except BatchcolorError as exc:
            return str(exc)
        return None

    def begin(self, number: int, work: Work[Any, Any], job: Any) -> list[WorkerMessage]:
        """Begin a job; returns its first messages."""
        threading.Thread(target=self._run, args=(number, work, job), name="job", daemon=True).start()
        return self.more()

    def more(self) -> list[WorkerMessage]:
        """The next messages of the job; waits for the first of them."""
        messages = [self._messages.get()]
        with contextlib.suppress(Empty):
            while True:
                messages.append(self._messages.get_nowait())
        return messages

    def stop(self, number: int) -> None:
        """Request that a job stop."""
        self.stopped = number

    def _run(self, number: int, work: Work[Any, Any], job: Any) -> None:
        outcome = run_job(work, job, _WorkerContext(self, number, self._messages))
        self._messages.put(("result", outcome.result) if outcome.error is None else ("error", picklable(outcome.error)))


class _WorkerContext:
    """The context of a job in a worker of a cluster."""

    def __init__(self, worker: Worker, number: int, messages: SimpleQueue[WorkerMessage]) -> None:
        self._worker, self._number, self._messages = worker, number, messages

    def should_stop(self) -> bool:
        return self._worker.stopped >= self._number

    def report(self, message: Any) -> None:
        self._messages.put(("message", message))

    def begin_part(self, part: Any, limit_s: float | None = None) -> None:
        self._messages.put(("part", (part, limit_s)))
