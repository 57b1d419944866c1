"""What runs in a worker process of this machine."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any

from ..runtime import atomic_write
from ..runtime import thread_budget as threads
from .base import Work, picklable, prepare, run_job
from .part_board import PartBoard
from .worker_logs import LogSender

_HELD_S = 0.3  # for which reports are held


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker process is to be like. thread_limit: threads of each library; run_token: of temporary names (`atomic_write`);
    log_level: of `batchcolor`'s loggers."""

    thread_limit: int
    run_token: str
    log_level: int


class _Channel:
    """The connection to the driver, for any thread.

    What jobs report is held for a moment, so that several reports go at once: receiving each by itself is most of the driver's work.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._sending = connection, threading.Lock()
        self._held: list[tuple[str, Any]] = []
        self._holding = threading.Event()
        threading.Thread(target=self._send_held, name="reports", daemon=True).start()

    def report(self, message: Any) -> None:
        with self._sending:
            self._held.append(("message", message))
        self._holding.set()

    def send(self, kind: str, value: Any = None) -> None:
        """Send this now, after the reports before it."""
        with self._sending:
            self._send([*self._held, (kind, value)])

    def _send_held(self) -> None:
        while self._holding.wait():
            time.sleep(_HELD_S)
            with self._sending, contextlib.suppress(OSError):  # the driver is gone, which others notice
                self._holding.clear()
                if self._held:
                    self._send(self._held)

    def _send(self, messages: list[tuple[str, Any]]) -> None:
        self._connection.send(messages)
        self._held = []

    def receive(self) -> tuple[Any, ...]:
        received: tuple[Any, ...] = self._connection.recv()
        return received

    def has_message(self) -> bool:
        return self._connection.poll()


class _Context:
    """The context of a job in a worker process."""

    def __init__(self, channel: _Channel, board: PartBoard) -> None:
        self._channel, self._board, self._stopped = channel, board, False

    def should_stop(self) -> bool:
        try:
            if not self._stopped and self._channel.has_message():
                self._channel.receive()  # nothing but "stop" is sent to a worker that is at work
                self._stopped = True
        except (EOFError, OSError):
            self._stopped = True  # the driver is gone
        return self._stopped

    def report(self, message: Any) -> None:
        self._channel.report(message)

    def begin_part(self, part: Any, limit_s: float | None = None) -> None:
        self._board.write(part, limit_s)


def serve(connection: Connection, board: PartBoard, setup: WorkerSetup) -> None:
    """Do job after job, until the driver closes its end or is gone.

    Messages: ("prepare", work); ("job", work or None for the last one's, job); ("stop",). board: says at which part of a job this
    process is; clear between jobs.
    """
    # Ctrl-C and service managers reach the whole group; the driver says when to stop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, name="driver watch", daemon=True).start()
    atomic_write.use_run_token(setup.run_token)
    channel = _Channel(connection)
    logging.getLogger().addHandler(LogSender(lambda record: channel.send("log", record)))
    logging.getLogger("batchcolor").setLevel(setup.log_level)
    threads.limit(setup.thread_limit)
    work: Work[Any, Any] | None = None
    while True:
        try:
            message = channel.receive()
            if message[0] == "prepare":
                prepare(message[1])
            elif message[0] == "job":
                work = message[1] or work
                assert work is not None, "the first job comes with its work"
                outcome = run_job(work, message[2], _Context(channel, board))
                board.write(None, None)
                if outcome.error is None:
                    channel.send("result", outcome.result)
                else:
                    channel.send("error", picklable(outcome.error))
        except (EOFError, OSError):
            return


def _exit_with_parent() -> None:
    """End this process when the driver has ended, however it did, and whatever job is under way here."""
    driver = multiprocessing.parent_process()
    assert driver is not None, "a worker process has been started by one"
    wait_for([driver.sentinel])
    atomic_write.remove_unfinished()
    os._exit(1)
