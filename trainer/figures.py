"""Figures of an evaluation for people: groups of pictures, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from .evaluate import EQUAL_COLOURFULNESS, Prediction

Figures = tuple[dict[str, float], dict[str, float] | None]


def grouped(predictions: Sequence[Prediction], patterns: Mapping[str, str]) -> dict[str, list[Prediction]]:
    """The predictions as "all", and by each of `patterns` (name -> glob that a path must end with). Empty groups are left out."""
    sets = {"all": list(predictions)}
    for name, pattern in patterns.items():
        members = [p for p in predictions if _path(p).match(pattern)]
        if members:
            sets[name] = members
    return sets


def _path(prediction: Prediction) -> PurePath:
    picture = prediction.picture
    return picture.path / picture.member if picture.member else picture.path


def table(figures: Mapping[str, Figures]) -> str:
    """Two columns for each group: as it is, and at equal colourfulness."""
    names = [*next(iter(figures.values()))[0], "chroma_factor"]
    width = max(12, *(len(name) + 2 for name in figures))
    head = "".join(f"{name:>{width}}{f'at {EQUAL_COLOURFULNESS:.2f}':>12}" for name in figures)
    lines = [f"{'':24}{head}"]
    for name in names:
        cells = ""
        for own, equal in figures.values():
            cells += f"{_cell(own, name):>{width}}{_cell(equal or {}, name):>12}"
        lines.append(f"{name:24}{cells}")
    return "\n".join(lines)


def _cell(values: Mapping[str, float], name: str) -> str:
    if name not in values:
        return "-"
    return f"{values[name]:d}" if isinstance(values[name], int) else f"{values[name]:.3f}"
