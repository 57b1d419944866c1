"""Prefetching: same items, same order, errors at their place, and a thread that ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from batchcolor.runtime.prefetch import prefetch


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "under test"]


@pytest.mark.parametrize("count", [1, 3, 100])
def test_items_come_in_order_and_the_thread_ends(count: int) -> None:
    assert list(prefetch(range(50), count, "under test")) == list(range(50))
    assert running() == []


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("the third is bad")

    stream = prefetch(items(), 8, "under test")
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="the third is bad"):
        next(stream)
    assert running() == []


def test_no_more_than_the_count_is_taken_in_advance() -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    stream = prefetch(items(), 4, "under test")
    assert next(stream) == 0
    stream.close()
    assert len(taken) <= 1 + 4 + 1 + 1  # given out, waiting, in hand; one more may begin while closing
    assert running() == []


def test_closing_closes_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    stream = prefetch(items(), 2, "under test")
    next(stream)
    stream.close()
    assert closed.is_set()
    assert running() == []
