"""Figures in the documentation are those of benchmarks/results.json, and none is typed by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import figures
from tools.fill_figures import FIGURE, PAGES, ROOT, TABLE, filled

MEASURED_PAGES = ("README.md", "docs/benchmarks.md", "docs/scaling.md")
_UNIT = re.compile(r"\d[\d.,]* ?(?:dB|frames/s|photos/s|pictures/s|jobs/s|files/s|ms|us)\b")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_figures_are_those_that_were_measured(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == filled(text, figures.read()), "out of date: run `make docs`"


@pytest.mark.parametrize("name", MEASURED_PAGES)
def test_no_figure_is_typed_by_hand(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    by_hand = _UNIT.findall(_CODE.sub("", TABLE.sub("", FIGURE.sub("", text))))
    assert not by_hand


def test_places_are_filled_and_stay() -> None:
    results = {"a": {"figures": {"0.5": {"x": 1234.5}}}}
    page = "before <!--=a.0.5.x:,.0f-->?<!--/--> after"
    once = filled(page, results)
    assert once == "before <!--=a.0.5.x:,.0f-->1,234<!--/--> after"
    assert filled(once, results) == once
    with pytest.raises(KeyError, match="is not in benchmarks"):
        filled("<!--=a.y-->?<!--/-->", results)


def test_storing_replaces_one_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "results.json")
    for value in (1.23456, 2.0):
        figures.store("b", {"x": value, "deep": [value]}, input_="built in", processor="p", cores=2)
        figures.store("a", {"n": 100_000}, input_="built in", processor="p", cores=2)
    stored = figures.read()
    assert list(stored) == ["a", "b"]
    assert stored["b"]["figures"] == {"x": 2.0, "deep": [2.0]}
    assert stored["a"]["figures"] == {"n": 100_000}
