"""Which precision is chosen, and that every worker uses the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from batchcolor.engines import precision_trial as trial
from batchcolor.settings import Precision

TOLERANCES: dict[Precision, float] = {"float32": 0.05, "bfloat16": 6, "int8": 25}


class Clock:
    """Stands in for runs of a network: each precision takes what it is said to, and is off by as much as it is said to be."""

    def __init__(self, off: dict[str, float] | None = None, **seconds: float) -> None:
        self.seconds, self.asked, self.off = seconds, 0, off or {}
        self.failing: set[Precision] = set()

    def fastest_precision(self, folder: Path) -> Precision:
        tolerances: dict[Precision, float] = {each: TOLERANCES[each] for each in TOLERANCES if each in self.seconds}
        return trial.fastest_precision(tolerances, folder, self._prepared)

    def _prepared(self, precision: Precision) -> Callable[[], np.ndarray]:
        self.asked += 1
        if precision in self.failing:
            raise RuntimeError("does not compile")
        return _Run(self.seconds[precision], self.off.get(precision, 0))


class _Run:
    def __init__(self, seconds: float, off: float) -> None:
        self.seconds, self._off = seconds, off

    def __call__(self) -> np.ndarray:
        return np.full((1, 2, 8, 8), 20 + self._off, np.float32)


@pytest.fixture(autouse=True)
def _by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_seconds", lambda run: run.seconds)


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [((16, 26, 8), "int8"), ((16, 4, 4), "bfloat16"), ((16, 26, 15), "float32"), ((16, 15.5, 9), "int8")],
)
def test_the_quickest_is_taken_if_it_is_worth_its_inaccuracy(seconds: tuple[float, ...], taken: str, tmp_path: Path) -> None:
    clock = Clock(**dict(zip(("float32", "bfloat16", "int8"), seconds, strict=True)))
    assert clock.fastest_precision(tmp_path) == taken


@pytest.mark.parametrize(
    ("off", "taken"),
    [
        ({}, "bfloat16"),
        ({"bfloat16": 1.3}, "int8"),  # in the mean, more than a fifth of 6
        ({"bfloat16": 1.1, "int8": 4}, "bfloat16"),
        ({"bfloat16": -7, "int8": 5.1}, "float32"),
    ],
)
def test_a_precision_outside_its_tolerance_is_rejected(off: dict[str, float], taken: str, tmp_path: Path) -> None:
    assert Clock(off, float32=16, bfloat16=4, int8=4).fastest_precision(tmp_path) == taken


def test_a_failing_precision_is_skipped_unless_it_is_the_first(tmp_path: Path) -> None:
    clock = Clock(float32=16, bfloat16=4, int8=8)
    clock.failing = {"bfloat16"}
    assert clock.fastest_precision(tmp_path / "second") == "int8"
    clock.failing = {"float32"}
    with pytest.raises(RuntimeError):
        clock.fastest_precision(tmp_path / "first")


def test_the_answer_is_remembered(tmp_path: Path) -> None:
    clock = Clock(float32=2, int8=1)
    assert clock.fastest_precision(tmp_path / "new") == "int8"
    other = Clock(float32=1, int8=2)
    assert other.fastest_precision(tmp_path / "new") == "int8"
    assert other.asked == 0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"x": 1}'])
def test_a_damaged_memory_is_no_answer(damage: str, tmp_path: Path) -> None:
    (tmp_path / "quickest.json").write_text(damage)
    assert Clock(float32=2, int8=1).fastest_precision(tmp_path) == "int8"


def test_a_memory_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert Clock(float32=2, int8=1).fastest_precision(tmp_path / "file") == "int8"


def test_one_precision_needs_no_trial(tmp_path: Path) -> None:
    clock = Clock(float32=1)
    assert clock.fastest_precision(tmp_path) == "float32"
    assert clock.asked == 0
