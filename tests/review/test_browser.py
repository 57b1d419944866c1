"""The review page in headless Chromium: real clicks and keys, through the WebDriver protocol (W3C)."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import CHROMEDRIVER, needs

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
    "--window-size=1200,800",
]

pytestmark = needs(CHROMEDRIVER)


class Browser:
    """A session of chromedriver."""

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

    def element(self, selector: str) -> str:
        found: str = self.command("POST", "/element", {"using": "css selector", "value": selector})[_ELEMENT]
        return found

    def click(self, selector: str) -> None:
        self.command("POST", f"/element/{self.element(selector)}/click", {})

    def click_at(self, selector: str, x: float, y: float) -> None:
        """Click with the mouse at shares of the element's box."""
        box = self.command("GET", f"/element/{self.element(selector)}/rect")
        place = {"x": round(box["x"] + x * box["width"]), "y": round(box["y"] + y * box["height"])}
        moves = [
            {"type": "pointerMove", "duration": 0, "origin": "viewport", **place},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self.command("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]})

    def press(self, key: str) -> None:
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})

    def wait(self, script: str, seconds: float = 60) -> Any:
        """What the script returns once it is true."""
        return waited(lambda: self.run(script), seconds, script)


def waited(answer: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := answer()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


@pytest.fixture
def browser() -> Iterator[Browser]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):

        def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return bool(client.get("/status").json()["value"]["ready"])
            return False

        try:
            waited(ready, 30, "chromedriver")
            capabilities = {"alwaysMatch": {"goog:chromeOptions": {"args": _ARGUMENTS}}}
            session = client.post("/session", json={"capabilities": capabilities}).json()["value"]["sessionId"]
            yield Browser(client, session)
            client.delete(f"/session/{session}")
        finally:
            driver.terminate()


def test_a_person_looks_clicks_a_colour_undoes_and_accepts(browser: Browser, served: str, archive: Path) -> None:
    browser.open(served)
    browser.wait("return document.querySelectorAll('.tile img[src]').length >= 4")
    assert browser.run("return document.querySelector('.tile').getAttribute('aria-label')").startswith("broken.jpg")
    assert "alert" not in browser.run(
        "return document.querySelector('#grid').innerHTML.replaceAll('&lt;', '').match(/<img[^>]*onerror/)?.[0] ?? ''"
    )

    browser.run(
        "document.querySelector('#search').value = 'family'; document.querySelector('#search').dispatchEvent(new Event('input'))"
    )
    browser.wait("return document.querySelector('#count').textContent === '1 item'")
    browser.click(".tile")
    browser.wait(
        "return document.querySelector('#after').naturalWidth > 0 && document.querySelector('#before').naturalWidth > 0"
    )
    assert browser.run("return document.querySelector('#name').textContent") == "family/a.jpg"

    file = archive / "out" / ".batchcolor" / "colours" / "family" / "a.jpg.colours.toml"
    before = file.read_text("utf-8") if file.exists() else ""
    points = browser.run("return document.querySelectorAll('.point').length")
    browser.click_at("#after", 0.7, 0.6)
    browser.wait(f"return document.querySelectorAll('.point').length === {points + 1} && document.body.dataset.answered")
    browser.wait("return document.querySelectorAll('#suggestions .swatch').length > 3")
    assert "[0." in file.read_text("utf-8")

    browser.click("#suggestions .swatch:nth-child(5)")
    for _ in range(2):  # the colour, then the point; neither waits for the answer to the one before
        browser.click("#undo")
    browser.wait(f"return document.querySelectorAll('.point').length === {points}")
    waited(lambda: (file.read_text("utf-8") if file.exists() else "") == before, 10, "the file is as it was")

    browser.click("#picture")
    browser.run("document.activeElement.blur()")
    browser.press("a")
    browser.wait("return document.querySelector('#accept').getAttribute('aria-pressed') === 'true'")
    browser.press("\ue00c")  # Escape
    browser.wait("return !document.querySelector('#grid-view').hidden")
    browser.wait("return document.querySelector('.tile').classList.contains('accepted')")
