"""Headless Chromium through the WebDriver protocol (W3C): real clicks, touches and keys; for tests, benchmarks and screenshots."""

from __future__ import annotations

import base64
import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
]

DELETE, ESCAPE, ENTER, TAB, LEFT, RIGHT = "\ue017", "\ue00c", "\ue007", "\ue004", "\ue012", "\ue014"
CONTROL, SHIFT = "\ue009", "\ue008"

Place = tuple[float, float]


class Browser:
    """A session of chromedriver: a browser with cookies of its own."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client, self._session = client, session

    def command(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._client.request(method, f"/session/{self._session}{path}", json=body if method == "POST" else None)
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    def open(self, address: str) -> None:
        self.command("POST", "/url", {"url": address})

    def run(self, script: str) -> Any:
        return self.command("POST", "/execute/sync", {"script": script, "args": []})

    def run_async(self, script: str, *arguments: Any) -> Any:
        """What the script hands to the function that is its last argument."""
        return self.command("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def element(self, selector: str) -> str:
        found: str = self.command("POST", "/element", {"using": "css selector", "value": selector})[_ELEMENT]
        return found

    def click(self, selector: str) -> None:
        self.command("POST", f"/element/{self.element(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self.command("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def place(self, selector: str, x: float, y: float) -> Place:
        """The place in the window at shares of an element's box."""
        box = self.run(f"return document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click_at(self, selector: str, x: float, y: float) -> None:
        """Click with the mouse at shares of the element's box."""
        self.point([[self.place(selector, x, y)]])

    def point(self, paths: Sequence[Sequence[Place]], kind: str = "mouse") -> None:
        """Press at the start of each path, move along it, and release at its end; all pointers at once. kind: "mouse" or "touch"."""
        self.command("POST", "/actions", {"actions": [_pointer(n, path, kind) for n, path in enumerate(paths)]})

    def press(self, *keys: str) -> None:
        """Press the keys together: the first goes down first and comes up last."""
        actions = [{"type": "keyDown", "value": key} for key in keys] + [
            {"type": "keyUp", "value": key} for key in reversed(keys)
        ]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def wait(self, script: str, seconds: float = 60) -> Any:
        """What the script returns once it is true."""
        return waited(lambda: self.run(script), seconds, script)

    def devtools(self, name: str, **parameters: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """The page's size in CSS pixels, and the colour scheme that the user prefers."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path) -> None:
        """Write what the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.command("GET", "/screenshot")))


def _pointer(number: int, path: Sequence[Place], kind: str) -> dict[str, Any]:
    moves = [
        {"type": "pointerMove", "duration": 0 if n == 0 else 40, "origin": "viewport", "x": round(x), "y": round(y)}
        for n, (x, y) in enumerate(path)
    ]
    actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
    return {"type": "pointer", "id": f"{kind}{number}", "parameters": {"pointerType": kind}, "actions": actions}


def waited(answer: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `answer` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := answer()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


@contextlib.contextmanager
def driver() -> Iterator[httpx.Client]:
    """A process of chromedriver."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client,
    ):

        def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return bool(client.get("/status").json()["value"]["ready"])
            return False

        try:
            waited(ready, 60, "chromedriver")
            yield client
        finally:
            process.terminate()


@contextlib.contextmanager
def session(client: httpx.Client, width: int = 1200, height: int = 800) -> Iterator[Browser]:
    """A browser with a window of so many pixels."""
    options = {"args": [*_ARGUMENTS, f"--window-size={width},{height}"]}
    answer = client.post("/session", json={"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
    assert answer.status_code == 200, answer.text
    name = answer.json()["value"]["sessionId"]
    try:
        yield Browser(client, name)
    finally:
        client.delete(f"/session/{name}")
