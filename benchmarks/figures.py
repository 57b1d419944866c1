"""The figures that benchmarks return, and the file that keeps the latest of each: benchmarks/results.json.

The documentation takes its figures from that file (tools/fill_figures.py), so none is typed by hand.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
_SIGNIFICANT_DIGITS = 4

Figures = dict[str, Any]  # JSON values: numbers, text, and dictionaries of them


def read() -> dict[str, dict[str, Any]]:
    """Benchmark -> {date, processor, cores, input, figures}."""
    if not RESULTS.exists():
        return {}
    results: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results


def store(benchmark: str, figures: Figures, *, input_: str, processor: str, cores: int) -> None:
    """Replace one benchmark's entry. input_: what was measured on, in words."""
    entry = {"date": f"{date.today()}", "processor": processor, "cores": cores, "input": input_, "figures": _rounded(figures)}
    results = {**read(), benchmark: entry}
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """To four significant digits: more would be noise, and would change with every run."""
    if isinstance(value, dict):
        return {str(key): _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value
