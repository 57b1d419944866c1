"""A web server on loopback that misbehaves on demand, and small weights."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from batchcolor.generators import GENERATORS, Generator, Hints
from batchcolor.generators.checkpoint import Checkpoint, save
from batchcolor.weights import CATALOGUE, KnownWeights, Mirror


class SmallGenerator(Generator):
    """Three convolutions, 160 kB of weights: registered for the tests of fetching and verifying."""

    architecture: ClassVar[str] = "small"
    side_multiple: ClassVar[int] = 8

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 2, 1))

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        return self.layers(L / 100)


@dataclass
class Page:
    """What the server answers at one path.

    sent: how many bytes of the body each request gets before the connection ends, in turn; then all. length: the Content-Length
    that is claimed (None: the true one; -1: none at all). pause_s: after every ten bytes.
    """

    body: bytes
    sent: list[int] = field(default_factory=list)
    ranges: bool = True
    wrong_range: bool = False
    length: int | None = None
    kind: str = "application/octet-stream"
    status: int = 200
    location: str = ""
    etag: str = '"first"'
    pause_s: float = 0.0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        page = self.server.pages[self.path]
        asked = self.headers.get("Range", "")
        self.server.asked.append((self.path, asked))
        self.server.agents.add(self.headers.get("User-Agent", ""))
        if page.location:
            self.send_response(302)
            self.send_header("Location", page.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        unchanged = self.headers.get("If-Range", page.etag) == page.etag
        if page.ranges and unchanged and (wanted := re.fullmatch(r"bytes=(\d+)-", asked)):
            start = int(wanted[1])
        whole = len(page.body)
        if start and start >= whole:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{whole}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if start and page.status == 200:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start + page.wrong_range}-{whole - 1}/{whole}")
        else:
            self.send_response(page.status)
        body = page.body[start:]
        if page.length != -1:
            self.send_header("Content-Length", str(len(body) if page.length is None else page.length))
        self.send_header("Content-Type", page.kind)
        self.send_header("ETag", page.etag)
        self.end_headers()
        if page.sent:
            body = body[: page.sent.pop(0)]
        with contextlib.suppress(ConnectionError):  # a client that refuses the rest hangs up
            if not page.pause_s:
                self.wfile.write(body)
                return
            for begin in range(0, len(body), 10):
                self.wfile.write(body[begin : begin + 10])
                time.sleep(page.pause_s)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    """pages: by path. asked: (path, Range) of every request so far. agents: the User-Agents seen."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str]] = []
        self.agents: set[str] = set()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def publish(self, path: str, page: Page, **knowledge: Any) -> Mirror:
        self.pages[path] = page
        return Mirror(self.url(path), **knowledge)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> type[SmallGenerator]:
    """The small architecture, registered."""
    monkeypatch.setitem(GENERATORS, "small", SmallGenerator)
    return SmallGenerator


@pytest.fixture
def weights_bytes(small: type[SmallGenerator], tmp_path: Path) -> bytes:
    """A checkpoint file of the small architecture."""
    torch.manual_seed(5)
    path = tmp_path / "published.safetensors"
    save(Checkpoint("small", {}, small().state_dict()), path)
    return path.read_bytes()


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adds weights named `small` with the given mirrors to the catalogue and returns them."""

    def add(*mirrors: Mirror) -> KnownWeights:
        known = KnownWeights("small", "small", "for tests", "CC0-1.0", "tests", "small.safetensors", mirrors)
        monkeypatch.setitem(CATALOGUE, "small", known)
        return known

    return add
