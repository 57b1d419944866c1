"""How a run ends early: on Ctrl-C, on SIGTERM, or when its time is up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from ..errors import ExitCode
from ..runtime.atomic_write import remove_unfinished

_GRACE_S = 8.0  # for the items in progress; examples for service managers allow twenty


class Stop:
    """Whether a signal requested the run to stop."""

    def __init__(self) -> None:
        self._signalled = threading.Event()

    def signal(self) -> None:
        self._signalled.set()

    @property
    def interrupted(self) -> bool:
        return self._signalled.is_set()


@contextlib.contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM stops the run after the items in progress, or after eight seconds; a second one stops it at once."""
    patience: list[threading.Timer] = []

    def on_signal(*_: object) -> None:
        if stop.interrupted:
            raise KeyboardInterrupt
        stop.signal()
        timer = threading.Timer(_GRACE_S, _abandon)
        timer.daemon = True
        timer.start()
        patience.append(timer)

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for timer in patience:
            timer.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _abandon() -> None:
    """End the process, whatever its threads are doing, with nothing half-written left."""
    remove_unfinished()
    sys.stderr.write("Interrupted; the items under way were abandoned, the next run does them again.\n")
    sys.stderr.flush()
    os._exit(int(ExitCode.INTERRUPTED))
