"""Which precision is taken, and that everybody takes the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from batchcolor.engines import trial
from batchcolor.settings import Precision


class Clock:
    """Stands in for runs of a network: each precision takes what it is said to."""

    def __init__(self, **seconds: float) -> None:
        self.seconds, self.asked = seconds, 0

    def timed(self, precision: Precision) -> Callable[[], object]:
        self.asked += 1
        return lambda: self.seconds[precision]


@pytest.fixture(autouse=True)
def _by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_seconds", lambda run: run())


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [((16, 26, 8), "int8"), ((16, 4, 4), "bfloat16"), ((16, 26, 15), "float32"), ((16, 15.5, 9), "int8")],
)
def test_the_quickest_is_taken_if_it_is_worth_its_inaccuracy(seconds: tuple[float, ...], taken: str, tmp_path: Path) -> None:
    clock = Clock(**dict(zip(("float32", "bfloat16", "int8"), seconds, strict=True)))
    assert trial.quickest(["float32", "bfloat16", "int8"], tmp_path, clock.timed) == taken


def test_the_answer_is_remembered(tmp_path: Path) -> None:
    clock = Clock(float32=2, int8=1)
    assert trial.quickest(["float32", "int8"], tmp_path / "new", clock.timed) == "int8"
    other = Clock(float32=1, int8=2)
    assert trial.quickest(["float32", "int8"], tmp_path / "new", other.timed) == "int8"
    assert other.asked == 0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"x": 1}'])
def test_a_damaged_memory_is_no_answer(damage: str, tmp_path: Path) -> None:
    (tmp_path / "quickest.json").write_text(damage)
    assert trial.quickest(["float32", "int8"], tmp_path, Clock(float32=2, int8=1).timed) == "int8"


def test_a_memory_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert trial.quickest(["float32", "int8"], tmp_path / "file", Clock(float32=2, int8=1).timed) == "int8"


def test_one_precision_needs_no_trial(tmp_path: Path) -> None:
    clock = Clock(float32=1)
    assert trial.quickest(["float32"], tmp_path, clock.timed) == "float32"
    assert clock.asked == 0
