"""Make the pictures of the review page in docs/images again, in headless Chromium, from the demo's photos and film.

    python -m tools.screenshots

Needs chromium and chromedriver.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pyvips

from batchcolor.app import run_archive
from batchcolor.demo.film import write_film
from batchcolor.demo.pictures import write_pictures
from batchcolor.settings import RunOptions

from .webdriver import Browser, driver, session

IMAGES = Path(__file__).parents[1] / "docs" / "images"
_QUALITY = 82
_ORANGE, _RED = "#d2602f", "#a5270e"  # of the suit and the saucer: the demo's pictures are in colour


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder / "truth", folder / "in")
        write_film(folder / "truth" / "film.mp4", folder / "in" / "reels" / "film.mp4")
        run_archive([folder / "in"], folder / "out", options=RunOptions(jobs=1))
        command = [sys.executable, "-m", "batchcolor", "review", str(folder / "out"), "--no-browser", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                with driver() as client, session(client) as browser:
                    browser.resize(1200, 780)
                    _photo(browser, server.stdout.readline().strip())
                    _film(browser)
                    _grid(browser)
            finally:
                server.terminate()


def _photo(browser: Browser, address: str) -> None:
    """One suit with three points, half compared."""
    browser.open(address)
    _open(browser, "astronaut")
    for at in ((0.2, 0.62), (0.62, 0.52), (0.42, 0.82)):
        _point(browser, at, _ORANGE)
    browser.run("const d = document.querySelector('#divider'); d.value = 24; d.dispatchEvent(new Event('input'))")
    _save(browser, "review-photo")
    browser.click("#back")


def _film(browser: Browser) -> None:
    """A shot's five frames with a point on the middle one."""
    browser.resize(1200, 900)
    _open(browser, "film")
    browser.wait("return document.querySelectorAll('#shots button').length === 4")
    browser.click("#shots button:nth-child(2)")
    browser.wait(
        "return document.querySelectorAll('#frames button').length === 5 && document.querySelector('#time').value > 2.5"
    )
    browser.wait("return document.querySelector('#after').complete && document.querySelector('#after').naturalWidth > 0")
    _point(browser, (0.19, 0.52), _RED)
    browser.wait(
        f"return [...document.querySelectorAll('#frames button')].every(each => (each.dataset.points ?? '').includes('{_RED}'))"
    )
    _save(browser, "review-film")
    browser.click("#back")


def _grid(browser: Browser) -> None:
    browser.resize(1200, 260)
    browser.run("const s = document.querySelector('#search'); s.value = ''; s.dispatchEvent(new Event('input'))")
    browser.wait("return [...document.querySelectorAll('.tile img')].filter(each => each.naturalWidth > 0).length === 6")
    _save(browser, "review-grid")


def _open(browser: Browser, name: str) -> None:
    browser.run(f"const s = document.querySelector('#search'); s.value = '{name}'; s.dispatchEvent(new Event('input'))")
    browser.wait(f"return document.querySelector('.tile:only-of-type')?.getAttribute('aria-label')?.includes('{name}')")
    browser.click(".tile")
    browser.wait(
        "return document.querySelector('#after').naturalWidth > 0 && document.querySelector('#picture[aria-busy=false]')"
    )


def _point(browser: Browser, at: tuple[float, float], colour: str) -> None:
    count = browser.run("return document.querySelectorAll('#list li').length")
    browser.click_at("#after", *at)
    browser.wait(
        f"return document.querySelectorAll('#list li').length === {count + 1} && document.querySelector('#suggestions .swatch')"
    )
    browser.run(f"const any = document.querySelector('#any'); any.value = '{colour}'; any.dispatchEvent(new Event('change'))")
    browser.wait(f"return document.querySelector('#list li:last-child').textContent.includes('{colour}')")


def _save(browser: Browser, name: str) -> None:
    browser.wait("return document.querySelector('[aria-busy=true]') === null")
    browser.run("return new Promise(done => setTimeout(done, 1500))")  # until the last preview is painted
    with tempfile.TemporaryDirectory() as folder:
        browser.screenshot(Path(folder) / "window.png")
        image = pyvips.Image.new_from_file(str(Path(folder) / "window.png"))
        image.webpsave(str(IMAGES / f"{name}.webp"), Q=_QUALITY, effort=6, keep="none")


if __name__ == "__main__":
    main()
