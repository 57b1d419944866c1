"""How a run ends early: on Ctrl-C, on SIGTERM, or when its time is up."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator

import click

from ..errors import ExitCode
from ..runtime.atomic_write import remove_unfinished

_GRACE_S = 8.0  # for the items under way; service managers and cron jobs are asked to wait ten
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Stop:
    """Asked between items whether to go on. interrupted: by a signal, not by the clock."""

    def __init__(self, runtime_s: float | None = None) -> None:
        self._deadline = None if runtime_s is None else time.monotonic() + runtime_s
        self._signalled = threading.Event()

    def signal(self) -> None:
        self._signalled.set()

    @property
    def interrupted(self) -> bool:
        return self._signalled.is_set()

    def __call__(self) -> bool:
        return self.interrupted or (self._deadline is not None and time.monotonic() >= self._deadline)


@contextlib.contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks to stop after the items under way, and abandons them after eight seconds; a second one at once."""
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


class Duration(click.ParamType[float]):
    """90, 45m, 6h, 1h30m, 2d: seconds where no unit is given."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        parts = re.fullmatch(r"(?:\d+(?:\.\d+)?[smhd])+|\d+(?:\.\d+)?", str(value).strip())
        if parts is None:
            self.fail(f"{value!r} is no time; write 90, 45m, 6h or 1h30m", param, ctx)
        found = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", parts[0])
        return sum(float(number) * _UNITS_S[unit or "s"] for number, unit in found)
