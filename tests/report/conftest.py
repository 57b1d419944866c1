"""The report that most tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor.archive.outcome import Status
from batchcolor.errors import ExitCode
from tests.report.pages import EVIL, outcome, photo, written


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Four items, one of them failed and the last in order."""
    for name in ("a.png", "b.png", EVIL.replace("/", "_")):
        photo(tmp_path / "in" / name), photo(tmp_path / "out" / name)
    done = [outcome(tmp_path, "a.png"), outcome(tmp_path, "b.png", warnings=("b.png: IPTC was left out",))]
    done.append(outcome(tmp_path, EVIL.replace("/", "_")))
    bad = outcome(tmp_path, "bad.png", Status.FAILED, error="bad.png: is damaged", code=ExitCode.NOTHING_READABLE)
    return written(tmp_path, [*done, bad])
