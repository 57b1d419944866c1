"""The review page in headless Chromium: first paint and scrolling with many items, and the time from click to picture.

    python -m benchmarks.review [--items N] [--clicks N] [--scrolled N]

Needs chromium and chromedriver. The tree has hard links to one small picture, and one photograph of 12 megapixels, on which points are
set at random places, each removed again before the next.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyvips

from batchcolor.archive.manifest import Manifest
from tools.webdriver import Browser, driver, session

from .figures import Figures

_WIDTH, _HEIGHT = 4000, 3000  # of the photograph
_PHOTO = "photo.jpg"

# Runs before the page's own scripts: when the first tile has its name, and its picture; and how long each click took to the next picture.
_WATCH = """
window.seen = {};
document.addEventListener("load", event => {
  if (event.target.matches?.(".tile img")) window.seen.thumbnail ??= performance.now();
  if (event.target.id === "after") requestAnimationFrame(() => setTimeout(() => { window.seen.picture = performance.now(); }));
}, true);
document.addEventListener("pointerdown", event => { window.seen.click = event.timeStamp; window.seen.picture = 0; }, true);
new MutationObserver(() => {
  if (!window.seen.names && document.querySelector(".tile span")?.textContent) window.seen.names = performance.now();
}).observe(document, { childList: true, subtree: true, characterData: true });
"""

# Scrolls over so many pixels in so many seconds, and returns the milliseconds between frames.
_SCROLL = """
const [pixels, seconds, done] = arguments, grid = document.querySelector("#grid"), gaps = [], start = performance.now();
let last = start;
const frame = now => {
  gaps.push(now - last);
  last = now;
  grid.scrollTop = pixels * (now - start) / 1000 / seconds;
  if (now - start < seconds * 1000) requestAnimationFrame(frame);
  else done(gaps.slice(2));
};
requestAnimationFrame(frame);
"""


def main(arguments: list[str] | None = None) -> Figures:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--scrolled", type=int, default=10_000, help="items")
    options = parser.parse_args(arguments or [])
    if shutil.which("chromedriver") is None:
        print("chromedriver is not installed (Debian: chromium-driver)")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        _write_tree(output, options.items)
        with _served(output) as address, driver() as client, session(client) as browser:
            browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
            figures: Figures = {"items": options.items, **_first_paint(browser, address)}
            figures |= _scroll(browser, options.scrolled)
            figures |= _clicks(browser, options.clicks)
    print(
        f"{options.items:,} items: first paint {figures['first_paint_ms']:.0f} ms, names {figures['names_ms']:.0f} ms, "
        f"first thumbnail {figures['thumbnail_ms']:.0f} ms"
    )
    print(
        f"scrolling over {options.scrolled:,} items: {figures['frames_per_s']:.0f} frames/s, between two frames p95 "
        f"{figures['frame_p95_ms']:.0f} ms, longest {figures['frame_longest_ms']:.0f} ms"
    )
    for name, what in (("point", "a click that sets a point"), ("colour", "a click on a colour")):
        print(
            f"{what} to the picture: first {figures[f'{name}_first_s']:.2f} s, then p50 {figures[f'{name}_p50_s']:.2f} s, "
            f"p95 {figures[f'{name}_p95_s']:.2f} s ({options.clicks} clicks)"
        )
    return figures


def _write_tree(output: Path, items: int) -> None:
    """A tree with a manifest of so many photographs."""
    output.mkdir()
    (output / ".batchcolor").mkdir()
    rng = np.random.default_rng(1)
    small = pyvips.Image.new_from_array(rng.integers(0, 255, (12, 16), np.uint8)).resize(20, kernel="cubic")
    content = small.copy(interpretation="b-w").jpegsave_buffer()
    photo = output.parent / _PHOTO
    _photograph(photo)
    rows = []
    for n in range(items - 1):
        name = f"box-{n // 1000:03}/{n:06}.jpg"
        if n % 1000 == 0:  # file systems limit the number of links to one file
            first = output / name
            first.parent.mkdir()
            first.write_bytes(content)
        else:
            os.link(first, output / name)
        rows.append(_row(name, output.parent / "in" / name))
    rows.append(_row(_PHOTO, photo))
    (output / _PHOTO).write_bytes(photo.read_bytes())
    path = output / ".batchcolor" / "manifest.sqlite"
    with Manifest(path, output):
        pass  # makes the tables
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO items (target, source, kind, settings, weights, status, code, warnings, seconds, finished) "
            "VALUES (?, ?, 'photo', '', '', 'done', 0, '[]', 0.1, '2026-01-01')",
            rows,
        )


def _row(name: str, source: Path) -> tuple[bytes, bytes]:
    return os.fsencode(name), os.fsencode(source)


def _photograph(path: Path) -> None:
    """12 megapixels of the demo's astronaut, gray, with grain."""
    from importlib import resources

    data = resources.files("batchcolor").joinpath("demo", "astronaut.webp").read_bytes()
    image = pyvips.Image.new_from_buffer(data, "").colourspace("b-w")
    large = image.thumbnail_image(_WIDTH, height=_HEIGHT, size="force").copy_memory()
    grain = pyvips.Image.gaussnoise(_WIDTH, _HEIGHT, mean=0, sigma=6)
    (large + grain).cast("uchar").copy(interpretation="b-w").jpegsave(str(path), Q=92)


@contextlib.contextmanager
def _served(output: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "batchcolor", "review", str(output), "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _first_paint(browser: Browser, address: str) -> Figures:
    browser.open(address)
    browser.wait("return window.seen.thumbnail")
    browser.run("window.seen = {}")
    browser.open(address.partition("?")[0])  # without the redirect of the first address
    seen = browser.wait("return window.seen.thumbnail && window.seen.names && window.seen")
    paint = browser.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return {"first_paint_ms": float(paint), "names_ms": float(seen["names"]), "thumbnail_ms": float(seen["thumbnail"])}


def _scroll(browser: Browser, items: int) -> Figures:
    across = browser.run(
        "const tops = [...document.querySelectorAll('.tile')].map(tile => tile.getBoundingClientRect().top);"
        "return tops.filter(top => top === tops[0]).length"
    )
    pixels, seconds = items / across * 194, 8
    gaps = np.array(browser.run_async(_SCROLL, pixels, seconds))
    return {
        "frames_per_s": float(1000 / gaps.mean()),
        "frame_p95_ms": float(np.quantile(gaps, 0.95)),
        "frame_longest_ms": float(gaps.max()),
    }


def _clicks(browser: Browser, clicks: int) -> Figures:
    browser.run(
        f"const field = document.querySelector('#search'); field.value = '{_PHOTO}'; field.dispatchEvent(new Event('input'))"
    )
    browser.wait("return document.querySelector('#count').textContent === '1 item' && document.querySelector('.tile img[src]')")
    browser.click(".tile")
    browser.wait(
        "return document.querySelector('#after').naturalWidth > 0 && document.querySelector('#picture[aria-busy=false]')"
    )
    rng = np.random.default_rng(2)
    points, colours = [], []
    for x, y in rng.uniform(0.05, 0.95, (clicks + 1, 2)):
        browser.click_at("#after", float(x), float(y))
        points.append(_elapsed(browser))
        browser.wait("return document.querySelector('#suggestions .swatch')?.checkVisibility()")
        time.sleep(0.5)
        browser.click("#suggestions .swatch:nth-child(5)")
        colours.append(_elapsed(browser))
        browser.click("#remove")
        browser.wait("return document.querySelectorAll('.point').length === 0")
        time.sleep(0.5)
    figures: Figures = {}
    for name, found in (("point", points), ("colour", colours)):
        figures |= {
            f"{name}_first_s": found[0],
            f"{name}_p50_s": float(np.quantile(found[1:], 0.5)),
            f"{name}_p95_s": float(np.quantile(found[1:], 0.95)),
        }
    return figures


def _elapsed(browser: Browser) -> float:
    """Seconds from the last press to the picture that answers it."""
    milliseconds = browser.wait("const { click, picture } = window.seen; return picture > click && picture - click")
    return float(milliseconds) / 1000


if __name__ == "__main__":
    main(sys.argv[1:])
