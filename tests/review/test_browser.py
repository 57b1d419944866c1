"""The review page in headless Chromium: real clicks, touches and keys."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.walk import Kind
from batchcolor.report import Report
from tests.review.conftest import FILM_FRAMES, FILM_RATE, square_at
from tests.support import CHROMEDRIVER, needs
from tools.webdriver import CONTROL, DELETE, ENTER, ESCAPE, RIGHT, TAB, Browser, session, waited

pytestmark = needs(CHROMEDRIVER)


def search(browser: Browser, text: str) -> None:
    browser.run(
        f"const field = document.querySelector('#search'); field.value = '{text}'; field.dispatchEvent(new Event('input'))"
    )
    browser.wait("return document.querySelector('#count').textContent === '1 item' && document.querySelector('.tile img[src]')")


def open_item(browser: Browser, address: str, name: str) -> None:
    browser.open(address)
    browser.wait("return document.querySelector('.tile img[src]')")
    search(browser, name)
    browser.click(".tile")
    browser.wait(
        "return document.querySelector('#after').naturalWidth > 0 && document.querySelector('#picture[aria-busy=false]')"
    )


def saved(archive: Path, name: str) -> list[dict[str, Any]]:
    """The points in an item's file."""
    file = archive / "out" / ".batchcolor" / "colours" / f"{name}.colours.toml"
    return tomllib.loads(file.read_text("utf-8"))["point"] if file.exists() else []


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
        "return document.querySelector('#after').naturalWidth > 0 && document.querySelector('#picture[aria-busy=false]')"
    )
    assert browser.run("return document.querySelector('#name').textContent") == "family/a.jpg"

    file = archive / "out" / ".batchcolor" / "colours" / "family" / "a.jpg.colours.toml"
    before = file.read_text("utf-8") if file.exists() else ""
    points = browser.run("return document.querySelectorAll('.point').length")
    browser.click_at("#after", 0.7, 0.6)
    browser.wait(
        f"return document.querySelectorAll('.point').length === {points + 1} && document.querySelector('#after').src.startsWith('blob:')"
    )
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
    browser.press(ESCAPE)
    browser.wait("return !document.querySelector('#grid-view').hidden")
    browser.wait("return document.querySelector('.tile').classList.contains('accepted')")


def test_a_finger_taps_a_point_drags_it_and_two_zoom(browser: Browser, served: str, archive: Path) -> None:
    browser.resize(390, 844)
    browser.devtools("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=3)
    open_item(browser, served, "b.png")
    browser.point([[browser.place("#after", 0.4, 0.5)]], "touch")
    browser.wait("return document.querySelectorAll('.point').length === 1")
    (point,) = waited(lambda: saved(archive, "b.png"), 20, "the point is saved")
    assert point["at"] == pytest.approx([0.4, 0.5], abs=0.01)

    browser.wait("return document.querySelector('#after').src.startsWith('blob:')")
    start, end = browser.place(".point", 0.5, 0.5), browser.place("#after", 0.6, 0.7)
    browser.point([[start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end]], "touch")
    waited(lambda: saved(archive, "b.png")[0]["at"] == pytest.approx([0.6, 0.7], abs=0.01), 20, "the point has moved")
    assert len(saved(archive, "b.png")) == 1

    width = "return document.querySelector('#after').getBoundingClientRect().width"
    before, (x, y) = browser.run(width), browser.place("#after", 0.5, 0.5)
    browser.point([[(x - 30, y), (x - 60, y), (x - 90, y)], [(x + 30, y), (x + 60, y), (x + 90, y)]], "touch")
    assert browser.run(width) == pytest.approx(3 * before, rel=0.2)
    assert browser.run("return Number(document.querySelector('#zoom').value)") == pytest.approx(3, rel=0.2)
    assert len(saved(archive, "b.png")) == 1  # fingers that zoom set no point
    browser.run("const zoom = document.querySelector('#zoom'); zoom.value = 1; zoom.dispatchEvent(new Event('input'))")
    assert browser.run(width) == pytest.approx(before)


def test_everything_on_the_main_path_works_by_keys_alone(browser: Browser, served: str, archive: Path) -> None:
    browser.open(served)
    browser.wait("return document.querySelectorAll('.tile img[src]').length >= 4")

    def tab_to(selector: str) -> None:
        for _ in range(40):
            if browser.run(f"return document.activeElement.matches({selector!r})"):
                return
            browser.press(TAB)
        raise AssertionError(f"the Tab key does not lead to {selector}")

    def focused() -> str:
        return str(browser.run("return document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"))

    tab_to(".tile")
    assert focused().startswith("broken.jpg")
    for _ in range(5):
        if focused().startswith("b.png"):
            break
        browser.press(RIGHT)
    assert focused().startswith("b.png")
    browser.press(ENTER)
    browser.wait("return document.activeElement.id === 'picture' && document.querySelector('#after').naturalWidth > 0")
    browser.press("p")
    browser.wait("return document.activeElement.matches('.point')")
    first = saved(archive, "b.png")[0]
    assert first["at"] == pytest.approx([0.5, 0.5], abs=0.01)
    browser.press(RIGHT)
    waited(lambda: saved(archive, "b.png")[0]["at"][0] > first["at"][0] + 0.003, 20, "the point has moved")
    browser.wait(
        "return document.activeElement.matches('.point') && document.querySelectorAll('#suggestions .swatch').length > 3"
    )
    tab_to("#suggestions .swatch:nth-child(3)")
    browser.press(ENTER)
    waited(lambda: saved(archive, "b.png")[0]["colour"] != first["colour"], 20, "the colour has changed")
    assert browser.run("return document.activeElement.matches('#suggestions .swatch')")
    browser.press(CONTROL, "z")
    waited(lambda: saved(archive, "b.png")[0]["colour"] == first["colour"], 20, "the colour is back")
    browser.press("a")
    browser.wait("return document.querySelector('#accept').getAttribute('aria-pressed') === 'true'")
    browser.press(DELETE)
    waited(lambda: saved(archive, "b.png") == [], 20, "the point is gone")
    browser.press(ESCAPE)
    browser.wait("return document.activeElement.matches('.tile.accepted')")
    assert focused().startswith("b.png")


def test_two_windows_keep_each_others_points(browser: Browser, chromedriver: httpx.Client, served: str, archive: Path) -> None:
    with session(chromedriver) as other:
        for each in (browser, other):
            open_item(each, served, "family/a.jpg")
        browser.click_at("#after", 0.2, 0.3)
        browser.wait("return document.querySelectorAll('.point').length === 1")
        waited(lambda: len(saved(archive, "family/a.jpg")) == 1, 20, "the first point")
        other.click_at("#after", 0.8, 0.7)  # it does not know of the first
        other.wait("return document.querySelectorAll('.point').length === 2")
        assert [point["at"] for point in saved(archive, "family/a.jpg")] == [
            pytest.approx([0.2, 0.3], abs=0.01),
            pytest.approx([0.8, 0.7], abs=0.01),
        ]
        other.click("#list li:first-child button")
        other.wait("return !document.querySelector('#picker').hidden")
        other.click("#remove")
        waited(lambda: len(saved(archive, "family/a.jpg")) == 1, 20, "the first point is removed")
        browser.click("#suggestions .swatch:nth-child(3)")  # of the point that is gone
        browser.wait("return document.querySelector('#message').textContent.includes('another window')")
        browser.wait("return document.querySelectorAll('.point').length === 1")
    assert [point["at"] for point in saved(archive, "family/a.jpg")] == [pytest.approx([0.8, 0.7], abs=0.01)]


# How much redder than green each of the five frames is at PLACES.
_RED = """
  return [...document.querySelectorAll('#frames button')].map((button, n) => {
    const picture = button.firstChild, canvas = document.createElement('canvas');
    canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const [r, g] = context.getImageData(PLACES[n][0] * canvas.width - 3, PLACES[n][1] * canvas.height - 3, 7, 7).data;
    return r - g;
  });"""


def test_five_frames_of_a_shot_show_the_points_as_they_are_now(browser: Browser, served: str, archive: Path) -> None:
    open_item(browser, served, "two.mkv")
    browser.wait("return document.querySelectorAll('#shots button').length === 2")
    browser.wait("return document.querySelectorAll('#frames button').length === 5")
    times = browser.run("return [...document.querySelectorAll('#frames button')].map(each => Number(each.dataset.time))")
    assert times[2] == pytest.approx(sum(FILM_FRAMES[:1]) / FILM_RATE / 2, abs=0.06)
    places = [square_at(int(time * FILM_RATE + 1e-6)) for time in times]
    red = _RED.replace("PLACES", str([list(place) for place in places]))
    browser.wait(f"return document.querySelector('#time').value === '{times[2]}'")

    browser.click_at("#after", *places[2])
    browser.wait("return document.querySelectorAll('.point').length === 1 && !document.querySelector('#picker').hidden")
    browser.run("const any = document.querySelector('#any'); any.value = '#ff3010'; any.dispatchEvent(new Event('change'))")
    browser.wait(
        "return [...document.querySelectorAll('#frames button')].every(each => (each.dataset.points ?? '').includes('#ff3010'))"
    )
    assert min(browser.run(red)) > 50
    assert browser.run("return document.querySelector('#times option').value") == str(times[2])
    assert f"at 0:00:0{times[2]:.2f}" in browser.run("return document.querySelector('#list').textContent")

    browser.click("#frames button:nth-child(4)")
    browser.wait("return document.querySelectorAll('.point.carried').length === 1")
    spot = browser.run("""
        const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
        const picture = document.querySelector('#after').getBoundingClientRect();
        const [x, y] = middle(document.querySelector('.point').getBoundingClientRect());
        return [(x - picture.x) / picture.width, (y - picture.y) / picture.height];""")
    assert spot == pytest.approx(places[3], abs=0.03)
    browser.click_at(".point.carried", 0.5, 0.5)  # leads to where it was set
    browser.wait(
        f"return document.querySelector('#time').value === '{times[2]}' && document.querySelector('.point:not(.carried)')"
    )

    browser.run("const any = document.querySelector('#any'); any.value = '#10ff30'; any.dispatchEvent(new Event('change'))")
    browser.wait(
        "return [...document.querySelectorAll('#frames button')].every(each => (each.dataset.points ?? '').includes('#10ff30'))"
    )
    assert max(browser.run(red)) < -30
    assert saved(archive, "reels/two.mkv")[0]["time"]


def test_a_shot_plays(browser: Browser, served: str) -> None:
    open_item(browser, served, "two.mkv")
    browser.wait("return document.querySelectorAll('#shots button').length === 2")
    browser.click("#shots button:nth-child(2)")
    browser.wait("return document.querySelector('#shots button:nth-child(2)').getAttribute('aria-current') === 'true'")
    browser.run("document.querySelector('#play').click()")
    browser.wait("return document.querySelector('#video').currentTime > 0.1")
    assert browser.run("return document.querySelector('#video').duration") == pytest.approx(
        FILM_FRAMES[1] / FILM_RATE, abs=0.11
    )


def test_nothing_lies_over_anything_else_on_a_narrow_screen(browser: Browser, served: str) -> None:
    browser.resize(420, 800)
    open_item(browser, served, "two.mkv")
    browser.wait("return document.querySelectorAll('#frames button').length === 5")
    boxes = browser.run(
        "return ['.bar', '#picture', 'aside', '#film'].map(each => document.querySelector(each).getBoundingClientRect().toJSON())"
    )
    for above, below in itertools.pairwise(boxes):
        assert above["height"] > 0
        assert above["bottom"] <= below["top"] + 1
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_next_leads_through_items_that_the_filter_would_no_longer_find(browser: Browser, served: str) -> None:
    browser.open(served)
    browser.wait("return document.querySelectorAll('.tile img[src]').length >= 4")
    browser.run(
        "const filter = document.querySelector('#filter'); filter.value = 'accepted'; filter.dispatchEvent(new Event('change'))"
    )
    browser.wait("return document.querySelector('#count').textContent !== '7 items'")
    browser.run(
        "const filter = document.querySelector('#filter'); filter.value = 'all'; filter.dispatchEvent(new Event('change'))"
    )
    browser.wait("return document.querySelector('#count').textContent === '7 items'")
    names = []
    browser.click(".tile")
    for _ in range(7):
        names.append(browser.wait("return document.querySelector('#name').textContent"))
        browser.press("j")
        if len(names) < 7:
            browser.wait(f"return document.querySelector('#name').textContent !== {names[-1]!r}")
    assert len(set(names)) == 7


def test_a_report_leads_to_the_item_that_can_then_be_corrected(browser: Browser, served: str, archive: Path) -> None:
    done = Outcome(archive / "in" / "b.png", archive / "out" / "b.png", Kind.PHOTO, Status.DONE)
    with Report(archive / "night.html", 1, archive / "out") as report:
        report.add(done)
    browser.open(served)  # what the command does: from then on, this browser may
    browser.wait("return document.querySelector('.tile')")
    port = served.partition("127.0.0.1:")[2].partition("/")[0]
    browser.open((archive / "night.html").as_uri())
    browser.run(f"const port = document.querySelector('#port'); port.value = {port}; port.dispatchEvent(new Event('input'))")
    browser.click("a.review")
    browser.wait("return document.querySelector('#name')?.textContent === 'b.png'")


def test_a_link_from_elsewhere_opens_nothing_without_the_key(browser: Browser, served: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f'<a href="{served.partition("?")[0]}">there</a>')
    browser.open(page.as_uri())
    browser.click("a")
    browser.wait("return document.body.textContent.includes('Open the address that')")
