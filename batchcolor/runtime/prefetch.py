"""Prefetching: a background thread runs an iterator a few items ahead of its consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

_POLL_S = 0.1  # how often the thread checks, while the queue is full, whether the consumer has stopped


class _End:
    """The last entry of the queue: the end of the items, or the error that ended them."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterable[Item], count: int, name: str) -> Generator[Item, None, None]:
    """Yields the same items in the same order; a thread called `name` fetches up to `count` of them in advance.

    An error of `items` is raised at its place in the sequence. Closing this generator ends the thread after its current item, and closes
    `items` if that is a generator.
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
