"""Faults of chosen colours that only show beside the item itself: a time beyond its end, a page that it does not have, a picture that
cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import UsageError
from .model import ItemColours
from .pictures import check_picture

_FIELDS = {"point": "points", "reference": "references", "mask": "masks", "shot": "shots"}


def check_photo(chosen: ItemColours, pages: int) -> None:
    """Raises `UsageError` for a choice that a photo of so many pages cannot follow, or a picture that cannot be read."""
    for key, number, entry in _entries(chosen):
        if key == "shot":
            raise UsageError(f"{chosen.path}: shot {number}: a photo has no shots; leave it out")
        if entry.time is not None or entry.frame is not None:
            name = "time" if entry.time is not None else "frame"
            raise UsageError(f"{chosen.path}: {key} {number} has a {name}, but this is a photo; leave it out")
        if entry.page > pages:
            raise UsageError(f"{chosen.path}: {key} {number}, page = {entry.page}: the photo has {pages}; give one of them")
    _check_pictures(chosen)


def check_film(chosen: ItemColours, duration_s: float | None, frames: int | None) -> None:
    """As `check_photo`, of a film; None: its headers do not say."""
    for key, number, entry in _entries(chosen):
        if entry.time is None and entry.frame is None and key != "mask":
            raise UsageError(f"{chosen.path}: {key} {number} has no time and no frame, but this is a film; give one of them")
        if entry.time is not None and duration_s is not None and entry.time > duration_s:
            raise UsageError(
                f"{chosen.path}: {key} {number}, time = {entry.time:g}: the film ends after {duration_s:.3f} s; give an earlier time"
            )
        # Headers may be a little off: only what is beyond all doubt is refused here.
        if entry.frame is not None and frames is not None and entry.frame > 1.05 * frames + 5:
            raise UsageError(
                f"{chosen.path}: {key} {number}, frame = {entry.frame}: the film has {frames} frames; give an earlier one"
            )
        if key != "shot" and entry.page != 1:
            raise UsageError(f"{chosen.path}: {key} {number}, page = {entry.page}: a film has no pages; leave it out")
    _check_pictures(chosen)


def _entries(chosen: ItemColours) -> Iterator[tuple[str, int, Any]]:
    """(key, number, entry) of everything in an item's file."""
    for key, field in _FIELDS.items():
        for number, entry in enumerate(getattr(chosen, field), 1):
            yield key, number, entry


def _check_pictures(chosen: ItemColours) -> None:
    for layer in chosen.layers:
        check_picture(layer.picture)
