"""One process owns a GPU and computes for all workers of a run.

Each worker with a CUDA context of its own would take half a gigabyte of the GPU's memory, and their small batches would wait for each
other. Workers send planes of lightness instead, a quarter of a megabyte each, through a socket that only this user can open; what
arrives from several of them goes to the GPU together. A GPU fault ends only the server, which is
replaced; the workers then repeat their requests.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Listener
from multiprocessing.context import AuthenticationError, SpawnProcess
from pathlib import Path
from typing import NoReturn

from ..errors import BatchcolorError, DeviceLost
from ..settings import ModelSettings
from .colorizer import Colorizer
from .gpu_client import ServerInfo, Service, failure_marker
from .request_batching import RequestBatcher

log = logging.getLogger(__name__)

_RESTARTS = 5  # of each server in a run
_BACKLOG = 64  # workers that connect at the same time

Opener = Callable[[ModelSettings], Colorizer]


@contextlib.contextmanager
def serve(models: list[ModelSettings], opener: Opener) -> Iterator[Service]:
    """A server for each of `models`. opener: opens a colorizer in the server's process; picklable. Raises what `opener` raises."""
    key = secrets.token_bytes(16)
    with tempfile.TemporaryDirectory(prefix="batchcolor-gpu-", ignore_cleanup_errors=True) as folder:
        servers = [_Server(model, opener, _address(Path(folder), n), key) for n, model in enumerate(models)]
        try:
            for server in servers:
                server.start()
            for server in servers:
                server.wait_until_ready()
            yield Service(key, tuple(server.address for server in servers))
        finally:
            for server in servers:
                server.stop()


def _address(folder: Path, number: int) -> str:
    return rf"\\.\pipe\{folder.name}-{number}" if sys.platform == "win32" else str(folder / f"{number}.socket")


class _Server:
    """A server's process, as the driver sees it: started, replaced when it ends by itself, stopped."""

    def __init__(self, model: ModelSettings, opener: Opener, address: str, key: bytes) -> None:
        self.address = address
        self._model, self._opener, self._key = model, opener, key
        self._stopping = False
        self._changing = threading.Lock()  # of the process: while it is replaced it cannot be stopped
        self._process: SpawnProcess | None = None
        self._supervisor = threading.Thread(target=self._supervise, name="gpu-server", daemon=True)

    def start(self) -> None:
        with self._changing:
            if self._stopping:
                return
            # A fresh interpreter: forked copies of a process with threads are not to be trusted.
            context = multiprocessing.get_context("spawn")
            self._driver, theirs = context.Pipe()
            arguments = (self._model, self._opener, self.address, self._key, theirs)
            self._process = context.Process(target=_serve, args=arguments, daemon=True)
            self._process.start()
            theirs.close()

    def wait_until_ready(self) -> None:
        error = self._message()
        if error is not None:
            raise error
        self._supervisor.start()

    def _message(self) -> BatchcolorError | None:
        """None: it is ready. Otherwise why it is not, or why it ended."""
        try:
            message: BatchcolorError | None = self._driver.recv()
        except (EOFError, OSError):
            return DeviceLost(f"the process for {self._model.device} ended; try --device cpu")
        return message

    def _supervise(self) -> None:
        """Wait for the end of the process and replace it, until that has been in vain too often."""
        for left in range(_RESTARTS, -1, -1):
            error = self._message()
            if self._stopping:
                return
            self._end_process()
            if left:
                log.warning("%s; its process is replaced", str(error).partition(";")[0])
                self.start()
                if self._message() is not None:
                    break
        if not self._stopping:
            if sys.platform != "win32":
                failure_marker(self.address).touch()  # clients need not wait for it
            log.error("%s fails again and again; the rest of this run cannot use it", self._model.device)

    def stop(self) -> None:
        self._stopping = True
        self._end_process()
        if self._supervisor.is_alive():
            self._supervisor.join()

    def _end_process(self) -> None:
        with self._changing:
            if self._process is not None:
                self._process.kill()
                self._process.join()
            if sys.platform != "win32":
                Path(self.address).unlink(missing_ok=True)


def _serve(model: ModelSettings, opener: Opener, address: str, key: bytes, driver: Connection) -> None:
    """The server's process: opens the network, then answers whoever connects, until the driver is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group; the driver says when to stop
        signal.signal(number, signal.SIG_IGN)
    try:
        colorizer = opener(model)
    except BatchcolorError as exc:
        driver.send(exc)
        return
    gatherer = RequestBatcher(colorizer)
    with Listener(address, authkey=key, backlog=_BACKLOG) as listener:
        threading.Thread(target=_accept, args=(listener, colorizer, gatherer, driver), daemon=True).start()
        driver.send(None)
        with contextlib.suppress(EOFError, OSError):
            driver.recv()  # nothing comes; its end is the driver's end


def _accept(listener: Listener, colorizer: Colorizer, gatherer: RequestBatcher, driver: Connection) -> None:
    while True:
        try:
            connection = listener.accept()
        except (AuthenticationError, EOFError):
            continue
        except OSError:  # the listener is closed
            return
        threading.Thread(target=_answer, args=(connection, colorizer, gatherer, driver), daemon=True).start()


def _answer(connection: Connection, colorizer: Colorizer, gatherer: RequestBatcher, driver: Connection) -> None:
    """Answer one client's requests until it is gone."""
    engine = colorizer.engine
    gatherer.joined()
    try:
        connection.send(
            ServerInfo(
                engine.name,
                engine.device,
                engine.precision,
                engine.takes_hints,
                engine.tolerance,
                colorizer.network_size,
                colorizer.side_multiple,
                colorizer.batch_size,
            )
        )
        while True:
            method, arguments = connection.recv()
            # Batches across workers are worth waiting for where pictures come one by one, which is what `ab` is for.
            target = gatherer if method == "ab" else colorizer
            try:
                answer: object = getattr(target, method)(*arguments)
            except DeviceLost as exc:
                _end(driver, exc)
            except Exception as exc:
                answer = exc if isinstance(exc, BatchcolorError) else RuntimeError(f"{type(exc).__name__}: {exc}")
            connection.send(answer)
    except (EOFError, OSError):
        pass
    finally:
        gatherer.left()


def _end(driver: Connection, reason: DeviceLost) -> NoReturn:
    """End this process at once: CUDA's own exit code would wait for a GPU that does not answer."""
    with contextlib.suppress(OSError):
        driver.send(reason)
    os._exit(1)
