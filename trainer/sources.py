"""Where training pictures come from: folder trees, COCO 2017 and tar shards, each source with its sampling weight."""

from __future__ import annotations

import csv
import fnmatch
import logging
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from batchcolor.errors import SourceError

from .decoding import PICTURE_SUFFIXES, Picture

log = logging.getLogger(__name__)

_SHARD_NAME = re.compile(r"(?P<key>.+?)(-\d+)?\.tar$")


@dataclass(frozen=True, slots=True)
class Source:
    """Pictures that share a name and a weight; a picture of weight 2 is drawn twice as often as one of weight 1."""

    key: str
    pictures: tuple[Picture, ...]
    weight: float = 1.0


def find_sources(roots: Sequence[Path], weights: dict[str, float] | None = None, split: str = "train") -> list[Source]:
    """Every tar shard and every folder of pictures under `roots`, sorted by name.

    Weights of sources come from a SOURCES.tsv beside shards (first column the source or a pattern, second its weight); `weights`
    (key or pattern -> weight) wins over it. Where a root is COCO 2017 as unpacked, only `split` ("train" or "val") of it counts, so
    that no validation picture is trained on. Raises `SourceError` where a root is missing or nothing is found.
    """
    found: dict[str, list[Picture]] = {}
    listed: dict[str, float] = {}
    for root in roots:
        if not root.exists():
            raise SourceError(f"{root}: no such folder or shard")
        top = _coco_part(root, split)
        files = [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file())
        for table in {f.parent / "SOURCES.tsv" for f in files}:
            listed |= _read_weights(table)
        for file in files:
            shard = _SHARD_NAME.match(file.name)
            if shard:
                found.setdefault(shard["key"], []).extend(_shard_members(file))
            elif file.suffix.lower() in PICTURE_SUFFIXES:
                found.setdefault(str(file.parent.relative_to(root.parent)), []).append(Picture(file))
    if not found:
        raise SourceError(f"{', '.join(map(str, roots))}: neither pictures nor tar shards in there")
    listed |= weights or {}
    return [Source(key, tuple(pictures), _weight_of(key, listed)) for key, pictures in sorted(found.items()) if pictures]


def _coco_part(root: Path, split: str) -> Path:
    """`root`/train2017 or val2017 where both are there, else `root`."""
    parts = {name: root / f"{name}2017" for name in ("train", "val")}
    return parts[split] if all(part.is_dir() for part in parts.values()) else root


def _read_weights(table: Path) -> dict[str, float]:
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t")
        return {row[0]: float(row[1]) for row in rows if len(row) > 1 and re.fullmatch(r"[\d.]+", row[1])}


def _weight_of(key: str, listed: dict[str, float]) -> float:
    """The weight listed for exactly `key`, else for the last pattern that matches it, else 1."""
    matching = [w for pattern, w in listed.items() if fnmatch.fnmatch(key, pattern)]
    return listed.get(key, matching[-1] if matching else 1.0)


def _shard_members(path: Path) -> list[Picture]:
    """Members of a tar shard; a truncated shard gives what lies before the cut, with a warning."""
    size = path.stat().st_size
    members: list[Picture] = []
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                whole = member.offset_data + member.size <= size
                if member.isfile() and Path(member.name).suffix.lower() in PICTURE_SUFFIXES and whole:
                    members.append(Picture(path, member.offset_data, member.size, member.name))
    except tarfile.ReadError as exc:
        log.warning("%s: damaged shard (%s); %d pictures before the damage are used", path, exc, len(members))
    return members
