"""Counts of what a collection of pictures holds: usable, broken, gray, pale and small ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from .batches import Sampling
from .decoding import Picture, PictureReader, chroma_spread
from .sources import Source

_NAMED = 10  # broken pictures that are named, for each source


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source. gray: no colour to learn from; pale: kept in part; small: the shorter side is less than a crop's. broken: names."""

    key: str
    weight: float
    pictures: int
    broken: int
    gray: int
    pale: int
    small: int
    broken_names: tuple[str, ...] = ()

    @property
    def usable(self) -> int:
        return self.pictures - self.broken - self.gray

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "usable": self.usable}


def check(source: Source, sampling: Sampling, threads: int) -> SourceReport:
    """Decode every picture of `source` and count."""
    reader = PictureReader()

    def faults_of(picture: Picture) -> list[str]:
        rgb = reader.rgb(picture)
        if rgb is None:
            return ["broken"]
        spread = chroma_spread(rgb)
        found = ["gray"] if spread < sampling.gray_below else ["pale"] if spread < sampling.pale_below else []
        return [*found, "small"] if min(rgb.shape[:2]) < sampling.size else found

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(faults_of, source.pictures))
    counts = Counter(verdict for each in found for verdict in each)
    broken = [picture.name for picture, each in zip(source.pictures, found, strict=True) if "broken" in each]
    numbers = {name: counts[name] for name in ("broken", "gray", "pale", "small")}
    return SourceReport(source.key, source.weight, len(source.pictures), **numbers, broken_names=tuple(broken[:_NAMED]))


def total(reports: Sequence[SourceReport]) -> dict[str, int]:
    """Sums over all sources."""
    return {name: sum(getattr(r, name) for r in reports) for name in ("pictures", "usable", "broken", "gray", "pale", "small")}
