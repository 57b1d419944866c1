"""Working ahead: an iterator run by a thread of its own, a few items in front of whoever takes them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

_POLL_S = 0.1  # how often a full queue looks whether anybody still wants its items


class _End:
    """What the thread has to say last: nothing more, or the error that ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterable[Item], count: int, name: str) -> Generator[Item, None, None]:
    """The same items in the same order, up to `count` of them taken from `items` in advance, in a thread called `name`.

    An error of `items` is raised here, in its place. Closing the generator ends the thread after the item in hand and closes `items`, if
    it is a generator.
    """
    ready: queue.Queue[Item | _End] = queue.Queue(count)
    stopping = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stopping.is_set():
            try:
                ready.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        end = _End()
        try:
            for item in items:
                if not put(item):
                    break
        except BaseException as exc:
            end = _End(exc)
        finally:
            if isinstance(items, Generator):
                items.close()
        put(end)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopping.set()
        thread.join()
