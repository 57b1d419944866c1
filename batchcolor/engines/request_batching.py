"""Batches across callers: requests that several threads make at about the same time go to the engine together.

A worker seldom has a full batch at hand (a film's chunk has a key frame now and then, a photo is one picture), and a GPU takes about as
long for one picture as for sixteen.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from ..errors import DeviceLost
from .colorizer import Colorizer

_PATIENCE_S = 0.004  # what a request may wait for others: a fraction of what a batch takes
_DISPATCHERS = 2  # while the engine computes one batch, the next is prepared


@dataclass(slots=True, eq=False)
class _Request:
    lightness: Sequence[np.ndarray]
    answer: Future[list[np.ndarray]] = field(default_factory=Future)


class RequestBatcher:
    """Gathers the requests of several threads into batches for one colorizer. To be closed by `close`.

    callers: how many threads make requests; once all of them wait, the batch goes at once. `joined` and `left` change it.
    """

    def __init__(self, colorizer: Colorizer, callers: int = 0) -> None:
        self._colorizer, self._callers = colorizer, callers
        self._waiting: deque[_Request] = deque()
        self._unanswered = 0
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._dispatch, name="gatherer", daemon=True) for _ in range(_DISPATCHERS)]
        for thread in self._threads:
            thread.start()

    def joined(self) -> None:
        with self._changed:
            self._callers += 1

    def left(self) -> None:
        with self._changed:
            self._callers -= 1
            self._changed.notify_all()

    def ab(self, lightness: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As `Colorizer.ab`; waits for its turn."""
        request = _Request(lightness)
        with self._changed:
            if self._closed:
                raise RuntimeError("this gatherer is closed")
            self._waiting.append(request)
            self._unanswered += 1
            self._changed.notify_all()
        return request.answer.result()

    def close(self) -> None:
        """Answer the pending requests and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _dispatch(self) -> None:
        while gathered := self._gather():
            self._answer(gathered)
            with self._changed:
                self._unanswered -= len(gathered)
                self._changed.notify_all()

    def _gather(self) -> list[_Request]:
        """The next requests, a batch of pictures if so many come in time; none at the end."""
        with self._changed:
            while True:
                while not self._waiting:
                    if self._closed:
                        return []
                    self._changed.wait()
                deadline = time.monotonic() + _PATIENCE_S
                while self._waiting and self._worth_waiting() and (remaining := deadline - time.monotonic()) > 0:
                    self._changed.wait(remaining)
                if gathered := self._take():  # else the other dispatcher was quicker
                    return gathered

    def _worth_waiting(self) -> bool:
        """Whether the batch is not full and another request may still arrive."""
        pictures = sum(len(request.lightness) for request in self._waiting)
        return not self._closed and pictures < self._colorizer.batch_size and self._unanswered < self._callers

    def _take(self) -> list[_Request]:
        """Requests of up to a batch of pictures, at least one if there is any."""
        gathered: list[_Request] = []
        pictures = 0
        while self._waiting and (not gathered or pictures + len(self._waiting[0].lightness) <= self._colorizer.batch_size):
            gathered.append(self._waiting.popleft())
            pictures += len(gathered[-1].lightness)
        return gathered

    def _answer(self, gathered: list[_Request]) -> None:
        try:
            answers = iter(self._colorizer.ab([plane for request in gathered for plane in request.lightness]))
        except Exception as exc:
            if len(gathered) == 1 or isinstance(exc, DeviceLost):
                for request in gathered:
                    request.answer.set_exception(exc)
                return
            for request in gathered:  # one's error is not the others'
                self._answer([request])
            return
        for request in gathered:
            request.answer.set_result([next(answers) for _ in request.lightness])
