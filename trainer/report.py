"""What a run writes to be read: tables of losses and of validation figures, one row a time."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

LOG_FILE = "log.csv"
CURVE_FILE = "validation.csv"


def append_row(path: Path, row: Mapping[str, object]) -> None:
    """Add `row` to the CSV at `path`. Columns that are new with it (the GAN stage has begun) are added to the whole table."""
    rows = read_rows(path)
    known = list(rows[0]) if rows else []
    columns = known + [name for name in row if name not in known]
    if columns != known:
        _write(path, columns, [*rows, row])
        return
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, columns).writerow(row)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of the CSV at `path`, [] where there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def forget_after(path: Path, step: int) -> None:
    """Drop rows later than `step`: a run that was killed goes on from its last state and writes them again."""
    rows = read_rows(path)
    kept = [row for row in rows if int(row["step"]) <= step]
    if len(kept) < len(rows):
        _write(path, list(rows[0]), kept)


def _write(path: Path, columns: list[str], rows: list[Mapping[str, object]] | list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
