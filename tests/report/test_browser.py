"""The report in headless Chromium: where its cards lie, and what mouse and finger do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchcolor.archive.item_id import key_of_id
from batchcolor.report import REVIEW_PORT
from tests.report.pages import EVIL, outcome, photo, written
from tests.support import CHROMEDRIVER, needs
from tools.webdriver import Browser

pytestmark = needs(CHROMEDRIVER)


def test_cards_of_unlike_heights_lie_side_by_side_without_gaps(browser: Browser, tmp_path: Path) -> None:
    outcomes = []
    for n, (height, width) in enumerate([(80, 120), (200, 60), (90, 90), (60, 200), (120, 80), (100, 100), (150, 70)]):
        for folder in ("in", "out"):
            photo(tmp_path / folder / f"{n}.png", height, width)
        outcomes.append(outcome(tmp_path, f"{n}.png", warnings=("long " * 60,) if n == 4 else ()))
    browser.open(written(tmp_path, outcomes).as_uri())
    browser.resize(900, 700)
    boxes = """return [...document.querySelectorAll('li')].map(card => {
      const box = card.getBoundingClientRect();
      return [box.left, box.top, box.right, box.bottom];
    })"""
    browser.wait(f"const b = (() => {{ {boxes} }})(); return new Set(b.map(each => each[0])).size === 3")
    found = browser.run(boxes)
    assert [round(box[1]) for box in found[:3]] == [round(found[0][1])] * 3  # the first ones stand in the first row, in order
    assert found[0][0] < found[1][0] < found[2][0]
    for n, (left, top, right, bottom) in enumerate(found):
        assert right - left > 250
        for other in found[:n]:
            assert not (left < other[2] and other[0] < right and top < other[3] and other[1] < bottom), "two cards overlap"
        above = [box for box in found[:n] if abs(box[0] - left) < 1]
        assert not above or abs(top - max(box[3] for box in above) - 16) < 1
    browser.resize(380, 700)
    browser.wait(f"const b = (() => {{ {boxes} }})(); return new Set(b.map(each => each[0])).size === 1")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("pointer", ["mouse", "touch"])
def test_the_divider_is_dragged_on_the_picture(browser: Browser, page: Path, pointer: str) -> None:
    browser.open(page.as_uri())
    browser.wait("return document.querySelectorAll('.pair img').length === 6")
    start, end = browser.place(".handle", 0.5, 0.4), browser.place(".pair", 0.8, 0.4)
    browser.point([[start, ((start[0] + end[0]) / 2, end[1]), end]], pointer)
    seen = browser.run("return Number.parseFloat(document.querySelector('.pair').style.getPropertyValue('--divider'))")
    assert seen == pytest.approx(80, abs=1.5)
    assert browser.run("return Number(document.querySelector('li input').value)") == pytest.approx(seen)


def test_items_link_to_their_place_on_the_review_page(browser: Browser, tmp_path: Path) -> None:
    name = EVIL.replace("/", "_")
    photo(tmp_path / "in" / name), photo(tmp_path / "out" / name)
    browser.open(written(tmp_path, [outcome(tmp_path, name)], tmp_path / "out").as_uri())
    (link,) = browser.wait("return [...document.querySelectorAll('a.review')].map(each => each.href)")
    assert link.startswith(f"http://127.0.0.1:{REVIEW_PORT}/?item=")
    assert key_of_id(link.partition("item=")[2]) == os.fsencode(name)
    browser.run("const port = document.getElementById('port'); port.value = 9; port.dispatchEvent(new Event('input'))")
    assert "http://127.0.0.1:9/?item=" in browser.run("return document.querySelector('a.review').href")
    assert "batchcolor review" in browser.run("return document.getElementById('review').innerText")


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_items_load_at_once_and_render_on_scrolling(browser: Browser, tmp_path: Path, count: int) -> None:
    photo(tmp_path / "in" / "a.png"), photo(tmp_path / "out" / "a.png")
    done = outcome(tmp_path, "a.png")
    page = written(tmp_path, [done] * count)
    assert page.stat().st_size < 100e6
    browser.open(page.as_uri())
    cards = "return document.querySelectorAll('li').length"
    before = browser.wait(cards)
    assert 60 <= before <= 300
    assert browser.run("return document.getElementById('count').textContent") == f"{count} of {count} items"
    browser.run("scrollTo(0, document.body.scrollHeight)")
    browser.wait(f"{cards} > {before}")
