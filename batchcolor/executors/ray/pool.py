"""Workers on the machines of a cluster: as many as fit, on the machines that are available at the time."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import ActorDiedError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...errors import ClusterError
from ...runtime.version import __version__
from ..base import POLL_INTERVAL_S, Work
from ..worker_pool import Assignment
from .cluster import Node, nodes
from .options import Preparation, RayOptions
from .worker import Worker, WorkerMessage

log = logging.getLogger(__name__)

_CHECK_INTERVAL_S = 1.0  # for machines that came or left
_PATIENCE_S = 600.0  # without a single worker
_STARTS = 3  # of workers on a machine that die before they are ready, one after the other
_NAMED = 4  # machines in a sentence
_CALLS = 3  # that a worker takes at once: one that waits for its job, one that stops it, one to spare

# `worker_pool.py` counts deaths and retries jobs, so Ray itself must retry nothing.
_ACTOR = ray.remote(max_restarts=0, max_task_retries=0, max_concurrency=_CALLS)(Worker)
_numbers = itertools.count(1)  # of jobs


class RemoteWorker:
    """A worker of the cluster, as the driver sees it. assignment: the job it is at."""

    def __init__(self, node: Node, options: RayOptions, preparation: Preparation | None, events: SimpleQueue[Arrival]) -> None:
        self.node = node
        self.assignment: Assignment[Any] | None = None
        self._number, self._answers = 0, events
        # Which machine is ours to say: Ray would try one that cannot do the jobs again and again.
        placement = NodeAffinitySchedulingStrategy(node.id, soft=False)
        placed = _ACTOR.options(num_cpus=options.cpus, num_gpus=options.gpus, scheduling_strategy=placement)
        self._actor = placed.remote(str(Path.cwd()), options.cpus)
        self._ask(self._actor.preparation.remote(__version__, options.gpus, preparation))

    def assign(self, work: Work[Any, Any], assignment: Assignment[Any]) -> None:
        self.assignment, self._number = assignment, next(_numbers)
        self._ask(self._actor.begin.remote(self._number, work, assignment.job))

    def listen(self) -> None:
        """Request the next message of its job."""
        self._ask(self._actor.more.remote())

    def request_stop(self) -> None:
        self._actor.stop.remote(self._number)

    def end(self) -> None:
        """End its process, whatever it is doing."""
        with contextlib.suppress(Exception):  # it is dead, or the cluster is
            ray.kill(self._actor)

    def _ask(self, answer: Any) -> None:
        # A callback an answer: waiting for all of them together takes longer the more workers there are.
        answer.future().add_done_callback(lambda answered: self._answers.put((self, answered)))


Arrival = tuple[RemoteWorker, "Future[Any]"]


class Pool:
    """As many workers as fit, each with the CPUs and GPUs of the options. Machines that join later get workers, too.

    A machine whose worker fails its preparation (`Worker.preparation`) is named in a warning and gets no jobs.
    """

    def __init__(self, options: RayOptions, preparation: Preparation | None) -> None:
        self._options, self._preparation = options, preparation
        self._answers: SimpleQueue[Arrival] = SimpleQueue()
        self._starting: set[RemoteWorker] = set()
        self._ready: set[RemoteWorker] = set()
        self.idle: list[RemoteWorker] = []
        self._there: dict[str, Node] = {}
        self._unfit: dict[str, str] = {}  # why, by id of the machine
        self._failed_starts: Counter[str] = Counter()
        self._checked = float("-inf")
        self._had_workers, self._alone_since = False, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in [*self._starting, *self._ready]:
            worker.end()

    def update(self) -> None:
        """Check the cluster, at most once a second, and start workers where they fit.

        Raises `ClusterError` if no machine can run the jobs, or if there was no worker for ten minutes.
        """
        now = time.monotonic()
        if now - self._checked < _CHECK_INTERVAL_S:
            return
        self._checked = now
        there = nodes()
        for gone in self._there.keys() - there.keys() - self._unfit.keys():
            log.warning("%s left the cluster; its jobs are repeated elsewhere", self._there[gone].name)
        self._there = there
        self._start_workers()
        if self._ready:
            self._had_workers, self._alone_since = True, now
        elif not self._starting and not self._had_workers:
            raise ClusterError(self._nowhere())
        elif now - self._alone_since > _PATIENCE_S:
            raise ClusterError(
                f"for {_PATIENCE_S / 60:.0f} minutes no machine of the cluster had resources for a job; the next run continues"
            )

    def arrivals(self) -> Iterator[tuple[RemoteWorker, Future[list[WorkerMessage]]]]:
        """Answers of busy workers within a short wait; workers that have just started are handled here."""
        with contextlib.suppress(Empty):
            worker, answer = self._answers.get(timeout=POLL_INTERVAL_S)
            while True:
                if worker in self._starting:
                    self._receive(worker, answer)
                elif worker in self._ready:
                    yield worker, answer
                worker, answer = self._answers.get_nowait()

    def drop(self, worker: RemoteWorker) -> None:
        """Give up a worker that is dead, or is to be; another one is started in its place."""
        worker.end()
        self._ready.discard(worker)
        self._checked = float("-inf")

    def _start_workers(self) -> None:
        workers = [*self._starting, *self._ready]
        free = Counter({node.id: self._fitting(node) for node in self._there.values() if node.id not in self._unfit})
        free.subtract(worker.node.id for worker in workers if worker.node.id in free)
        wanted = sum(free.values()) if self._options.workers is None else self._options.workers - len(workers)
        for _ in range(wanted):
            if not free or max(free.values()) <= 0:
                return
            emptiest = max(free, key=free.__getitem__)
            free[emptiest] -= 1
            self._starting.add(RemoteWorker(self._there[emptiest], self._options, self._preparation, self._answers))

    def _fitting(self, node: Node) -> int:
        """How many workers a machine holds."""
        of_cpus = int(node.cpus / self._options.cpus)
        return min(of_cpus, int(node.gpus / self._options.gpus)) if self._options.gpus else of_cpus

    def _receive(self, worker: RemoteWorker, answer: Future[str | None]) -> None:
        """A worker is ready, or says why it never will be, or has died."""
        self._starting.discard(worker)
        node = worker.node
        try:
            why = answer.result()
        except RayError as exc:
            self._failed_starts[node.id] += 1
            why = _why_no_start(exc, self._failed_starts[node.id])
            if why is None:
                self.drop(worker)
                return
        if why is None:
            self._failed_starts.pop(node.id, None)
            self._ready.add(worker)
            self.idle.append(worker)
            return
        self.drop(worker)
        if node.id not in self._unfit:
            self._unfit[node.id] = f"{node.name}: {why}"
            log.warning("%s; it gets no jobs", self._unfit[node.id])

    def _nowhere(self) -> str:
        """Why there is no worker and none to be waited for."""
        if self._unfit:
            first, *others = self._unfit.values()
            return f"no machine of the cluster can do the jobs; {first}{f' ({len(others)} more: see above)' if others else ''}"
        requested = f"{self._options.cpus} CPU" + (f" and {self._options.gpus:g} GPU" if self._options.gpus else "")
        found = ", ".join(f"{node.name}: {node.cpus:g} CPU, {node.gpus:g} GPU" for node in list(self._there.values())[:_NAMED])
        return f"no machine of the cluster has the {requested} that a job requests ({found}); request less with --job-cpus, --job-gpus"


def _why_no_start(error: RayError, times: int) -> str | None:
    """What to tell of a machine where a worker ended before it was ready; None: another one may have more luck."""
    if isinstance(error, RayTaskError) or (isinstance(error, ActorDiedError) and error.actor_init_failed):
        *_, last = str(error).strip().splitlines()
        return f"no worker can be started there ({last.strip()}); install batchcolor {__version__} there"
    return "workers there die as they start; there may be too little memory" if times >= _STARTS else None
