"""The report: a self-contained page, opened from file:// in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor.archive.outcome import Status, Thumbnail
from batchcolor.errors import OutputError
from batchcolor.report import Report
from tests.report.pages import EVIL, outcome, photo, written
from tests.support import CHROMEDRIVER, needs
from tools.webdriver import Browser

NAMES = "const names = () => [...document.querySelectorAll('#items strong')].map(e => e.textContent.split('/').pop());"


@needs(CHROMEDRIVER)
def test_failures_come_first_then_warnings_then_the_rest(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    found = browser.run(f"{NAMES} return {{names: names(), evil: !!document.getElementById('evil')}}")
    assert found == {"names": ["bad.png", "b.png", "a.png", EVIL.replace("/", "_")], "evil": False}


@needs(CHROMEDRIVER)
def test_search_and_filters_choose(browser: Browser, page: Path) -> None:
    script = f"""{NAMES}
      const set = (id, value) => {{ const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input")); }};
      const answer = {{}};
      set("search", "IPTC"); answer.warned = names();
      set("search", ""); set("status", "failed"); answer.failed = names();
      set("status", ""); set("kind", "film"); answer.films = names();
      answer.count = document.getElementById("count").textContent;
      return answer;"""
    browser.open(page.as_uri())
    assert browser.run(script) == {"warned": ["b.png"], "failed": ["bad.png"], "films": [], "count": "0 of 4 items"}


@needs(CHROMEDRIVER)
def test_the_page_shows_pictures_links_and_a_movable_divider(browser: Browser, page: Path) -> None:
    script = """
      const slider = document.querySelector("li input"); slider.value = 80; slider.dispatchEvent(new Event("input"));
      return {
        divider: slider.closest("li").querySelector(".pair").style.getPropertyValue("--divider"),
        pictures: [...document.images].map(i => [i.complete && i.naturalWidth > 0, i.alt !== ""]).flat().every(Boolean),
        count: document.images.length,
        links: [...document.querySelectorAll("li a:not(.review)")].map(a => a.href),
        review: document.querySelectorAll("a.review").length, command: document.getElementById("review").hidden,
        outside: performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).map(e => e.name),
      };"""
    browser.open(page.as_uri())
    found = browser.run(script)
    links = found.pop("links")
    assert found == {"divider": "80%", "pictures": True, "count": 6, "outside": [], "review": 0, "command": True}
    from urllib.parse import unquote, urlparse

    assert isinstance(links, list)
    paths = [Path(unquote(urlparse(link).path)) for link in links]
    assert [path.name for path in paths if not path.is_file()] == ["bad.png"]


@needs(CHROMEDRIVER)
def test_every_control_has_a_name_and_takes_the_keyboard(browser: Browser, page: Path) -> None:
    script = """
      const controls = [...document.querySelectorAll("input, select, a")].filter(e => e.checkVisibility());
      return {
        named: controls.every(e => e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim()),
        focusable: controls.every(e => { e.focus(); return document.activeElement === e; }),
        language: document.documentElement.lang, live: document.getElementById("count").getAttribute("role"),
      };"""
    browser.open(page.as_uri())
    assert browser.run(script) == {"named": True, "focusable": True, "language": "en", "live": "status"}


def test_the_page_is_written_atomically(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Report(tmp_path / "report.html", 1) as report:
            report.add(outcome(tmp_path, "gone.png", Status.FAILED, error="gone"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_page_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"report\.html"):
        written(tmp_path / "file", [])


def test_a_full_disk_is_one_sentence_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_open = Path.open

    def full(path: Path, *arguments: object, **options: object) -> object:
        if path.parent == tmp_path:
            raise OSError(28, "No space left on device")
        return really_open(path, *arguments, **options)  # type: ignore[arg-type,call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match="No space left"):
        written(tmp_path, [])
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_thumbnails_that_come_with_an_outcome_are_shown(tmp_path: Path) -> None:
    made = outcome(
        tmp_path,
        "gone.png",
        thumbnails=tuple(Thumbnail(f"data:image/webp;base64,{each}", (16, 13)) for each in ("AAAA", "BBBB")),
    )
    page = written(tmp_path, [made]).read_text("utf-8")
    assert "base64,AAAA" in page
    assert "base64,BBBB" in page


def test_failed_items_are_not_opened_again(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "bad.png")
    page = written(tmp_path, [outcome(tmp_path, "bad.png", Status.FAILED, error="refused")])
    assert (
        '"before"'
        not in page.read_text("utf-8").partition("/* ITEMS */")[0].partition('id="data"')[2].partition("</script>")[0]
    )


def test_names_that_are_not_text_are_shown_escaped(tmp_path: Path) -> None:
    page = written(tmp_path, [outcome(tmp_path, "caf\udce9\n.png", Status.FAILED, error="caf\udce9: is damaged")])
    assert b"is damaged" in page.read_bytes()
