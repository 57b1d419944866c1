"""Reports made from pictures on the spot."""

from __future__ import annotations

from pathlib import Path

import pyvips

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.walk import Kind
from batchcolor.report import Report
from tests.support import gradient

EVIL = "</script><b id='evil'>&\"' [x] ü 日本 100%.png"


def photo(path: Path, height: int = 80, width: int = 120) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(gradient(height, width)).copy(interpretation="b-w").write_to_file(str(path))
    return path


def outcome(folder: Path, name: str, status: Status = Status.DONE, **values: object) -> Outcome:
    return Outcome(folder / "in" / name, folder / "out" / name, Kind.PHOTO, status, 0.12, **values)  # type: ignore[arg-type]


def written(folder: Path, outcomes: list[Outcome], output: Path | None = None) -> Path:
    with Report(folder / "report.html", len(outcomes), output) as report:
        for each in outcomes:
            report.add(each)
        report.conclude({"done": 3, "failed": 1})
    return folder / "report.html"
