"""References, masks, rules and shot settings of the picture that is seen: they come from files, and previews show them."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from ..archive.walk import Kind
from ..colours.model import ChosenColours, ItemColours, Mask, Reference, Rule, ShotSetting
from ..colours.still import PictureColours, picture_colours
from .library import ReviewItem
from .propagation import Propagation
from .shots import Shots

_MOST = 24  # pictures of which layers stay in memory


class _Key(NamedTuple):
    """What the layers of a picture depend on. stamps: when its files were changed, in ns."""

    item: str
    place: float
    layers: tuple[Reference | Mask, ...]
    stamps: tuple[int, ...]
    shot_known: bool


class Layers:
    """Reads references and masks once for each picture. Safe to be used from several threads."""

    def __init__(self, shots: Shots, propagation: Propagation) -> None:
        self._shots, self._propagation = shots, propagation
        self._found: OrderedDict[_Key, PictureColours] = OrderedDict()
        self._lock = threading.Lock()

    def on_picture(
        self, item: ReviewItem, chosen: ItemColours, rules: tuple[Rule, ...], place: float, L: np.ndarray
    ) -> PictureColours:
        """All but points that was chosen for the page or the second `place`.

        L: float32 `(h, w)`, 0..100, as the network sees it. Raises `SourceError`, and `UsageError` for pictures that cannot be used.
        """
        if not chosen.layers:
            return PictureColours(rules=rules)
        shot = self._shots.at(item, place) if item.kind is Kind.FILM else None
        stamps = tuple(layer.picture.stat().st_mtime_ns for layer in chosen.layers)
        key = _Key(item.id, place, chosen.layers, stamps, shot is not None)
        with self._lock:
            found = self._found.get(key)
        if found is None:
            if item.kind is Kind.FILM:
                found = self._propagation.layers_on_frame(item.source, shot, chosen, place, L)
            else:
                without_points = ChosenColours(dataclasses.replace(chosen, points=()), (), "")
                found = picture_colours(without_points, L, page=max(1, int(place)))
            with self._lock:
                self._found[key] = found
                while len(self._found) > _MOST:
                    self._found.popitem(last=False)
        return dataclasses.replace(found, rules=rules)

    def saturation(self, item: ReviewItem, chosen: ItemColours, place: float) -> float:
        """The factor that was chosen for the shot that is shown at a second of a film; 1 for photos."""
        if item.kind is not Kind.FILM or not chosen.shots:
            return 1.0
        return self._propagation.saturation(self._shots.at(item, place), chosen)


def as_json(chosen: ItemColours) -> list[dict[str, Any]]:
    """JSON values of all but points, for the page: what each is, its file, and where it was chosen."""
    named: dict[str, tuple[Reference | Mask | ShotSetting, ...]] = {
        "reference": chosen.references,
        "mask": chosen.masks,
        "shot": chosen.shots,
    }
    return [{"kind": kind, **_told(each)} for kind, entries in named.items() for each in entries]


def _told(each: Reference | Mask | ShotSetting) -> dict[str, Any]:
    told: dict[str, Any] = {"time": each.time, "frame": each.frame}
    if isinstance(each, ShotSetting):
        return told | {"saturation": each.saturation}
    if isinstance(each, Mask):
        told["colour"] = each.colour.name
    name = each.picture.name.encode("utf-8", "backslashreplace").decode()
    return told | {"picture": name, "page": each.page, "note": each.note}
