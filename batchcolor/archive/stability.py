"""Sources that are still being written: scans and captures that arrive while a run begins."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from ..film_files import parts
from .plan import Item
from .walk import Kind

_POLL_S = 0.2  # between two checks of whether to stop

_State = tuple[tuple[int, int, int] | None, ...]


def still_changing(
    items: Sequence[Item], seconds: float, should_stop: Callable[[], bool], *, now: Callable[[], float] = time.time
) -> set[Item]:
    """The items whose sources do not stay the same for `seconds`.

    Sources that were changed, copied or moved there longer ago than that are stable; only for others is it waited, for all of them
    together. A copy that keeps its original's time is seen by the time at which the system itself changed the file.
    """
    before = {item: _state(item) for item in items}
    young = {item for item, state in before.items() if _is_young(state, now() - seconds)}
    ends = time.monotonic() + seconds
    while young and (left := ends - time.monotonic()) > 0 and not should_stop():
        time.sleep(min(left, _POLL_S))
    return {item for item in young if _state(item) != before[item]}


def _state(item: Item) -> _State:
    """Size, time of the last change and of the last change of its entry, for each file of the item's source; None where it is gone."""
    paths = parts(item.source) if item.kind is Kind.FILM else (item.source,)
    return tuple(_stat(os.fspath(path)) for path in paths)


def _stat(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - called for every item
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_young(state: _State, than_s: float) -> bool:
    return any(times is not None and max(times[1:]) > than_s * 1e9 for times in state)
