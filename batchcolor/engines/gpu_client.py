"""A colorizer whose network runs in another process, which owns the GPU (`gpu_server`)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DeviceLost
from ..settings import DeviceName, EngineName, Precision
from .base import Hints, Prediction
from .colorizer import Colorizer
from .devices import SHARED

_TRIES = 3  # of a request whose server ends
_RESTART_S = 120.0  # what a server may take to start again: it imports torch
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says about itself when a client connects."""

    name: EngineName
    device: str
    precision: Precision
    takes_hints: bool
    tolerance: float
    network_size: int
    side_multiple: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class Service:
    """Where the servers of a run listen, one for each GPU; written as the name of a device, it travels with the settings."""

    key: bytes
    addresses: tuple[str, ...]

    def device_name(self) -> DeviceName:
        return f"{SHARED}{self.key.hex()}|{'|'.join(self.addresses)}"

    @classmethod
    def of(cls, device: DeviceName) -> Service:
        key, *addresses = device.removeprefix(SHARED).split("|")
        return cls(bytes.fromhex(key), tuple(addresses))


class RemoteEngine:
    """The engine in the server, as `Engine` describes it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._address = service.addresses[os.getpid() % len(service.addresses)]  # workers have neighbouring numbers
        self._mine = threading.local()  # a connection for each thread
        self.welcome = self._connected()[1]
        self.name, self.device, self.precision = self.welcome.name, self.welcome.device, self.welcome.precision
        self.takes_hints, self.tolerance = self.welcome.takes_hints, self.welcome.tolerance

    def __call__(self, L: np.ndarray) -> np.ndarray:
        return np.stack(self.ab([plane[0] for plane in L]))

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        given = None if hints is None else [Hints(*each) for each in zip(*hints, strict=True)]
        answers: list[Prediction] = self.call("predict", [plane[0] for plane in L], given)
        features = zip(*(answer.features for answer in answers), strict=True)
        return Prediction(np.stack([answer.ab for answer in answers]), tuple(np.stack(each) for each in features))

    def ab(self, lightness: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As `Colorizer.ab`."""
        result: list[np.ndarray] = self.call("ab", list(lightness))
        return result

    def call(self, method: str, *arguments: Any) -> Any:
        """What the colorizer's method returns in the server; both sides are pickled.

        A server that ends is waited for until it has been replaced. Raises `DeviceLost` after the third, and what the method raises.
        """
        for _ in range(_TRIES):
            connection, _welcome = self._connected()
            try:
                connection.send((method, arguments))
                answer = connection.recv()
            except (EOFError, OSError):
                connection.close()
                del self._mine.connected
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer
        raise DeviceLost(
            f"the process that owns {self.device} ended {_TRIES} times at these pictures; try --device cpu for them"
        )

    def _connected(self) -> tuple[Connection, ServerInfo]:
        if not hasattr(self._mine, "connected"):
            self._mine.connected = self._connect()
        connected: tuple[Connection, ServerInfo] = self._mine.connected
        return connected

    def _connect(self) -> tuple[Connection, ServerInfo]:
        deadline = time.monotonic() + _RESTART_S
        while True:
            try:
                connection = Client(self._address, authkey=self._service.key)
                return connection, connection.recv()
            except (EOFError, OSError) as exc:
                if _is_over(self._address) or time.monotonic() > deadline:
                    raise DeviceLost("the process that owns the GPU is gone; its last message says why") from exc
            time.sleep(_POLL_S)


def failure_marker(address: str) -> Path:
    """The file that says that a server will not be replaced again."""
    return Path(address).with_suffix(".gone")


def _is_over(address: str) -> bool:
    """Whether nobody will listen there again, as far as the file system tells: Windows has no file for it."""
    return os.name != "nt" and (not Path(address).parent.exists() or failure_marker(address).exists())


class SharedColorizer(Colorizer):
    """As `Colorizer`, for a worker: batches and memory are the server's business."""

    def __init__(self, device: DeviceName) -> None:
        engine = RemoteEngine(Service.of(device))
        welcome = engine.welcome
        super().__init__(
            engine,
            side_multiple=welcome.side_multiple,
            network_size=welcome.network_size,
            batch_size=welcome.batch_size,
        )
        self._remote = engine

    def ab(self, lightness: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._remote.ab(lightness) if lightness else []
