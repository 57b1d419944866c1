"""Requests of several threads, gathered into batches for a GPU."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from batchcolor.engines.colorizer import Colorizer
from batchcolor.engines.request_batching import RequestBatcher
from batchcolor.errors import OutOfMemory
from tests.support import FormulaEngine


class Held(FormulaEngine):
    """An engine whose first batch waits until it is released: meanwhile the others ask."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.released = threading.Semaphore(0), threading.Event()

    def __call__(self, L: np.ndarray) -> np.ndarray:
        self.begun.release()
        self.released.wait(30)
        return super().__call__(L)


def plane(n: int, height: int = 64) -> np.ndarray:
    return np.full((height, 64), n, np.float32)


def expected(given: np.ndarray) -> np.ndarray:
    return FormulaEngine()(given[None, None])[0]


@pytest.fixture
def held() -> Iterator[tuple[Held, RequestBatcher]]:
    engine = Held()
    gatherer = RequestBatcher(Colorizer(engine, side_multiple=32, batch_size=8))
    yield engine, gatherer
    engine.released.set()
    gatherer.close()


def test_what_comes_while_the_engine_computes_goes_together(held: tuple[Held, RequestBatcher]) -> None:
    engine, gatherer = held
    with ThreadPoolExecutor(20) as pool:
        first = [pool.submit(gatherer.ab, [plane(n)]) for n in range(2)]
        engine.begun.acquire(timeout=30)
        rest = [pool.submit(gatherer.ab, [plane(n)]) for n in range(2, 18)]
        while len(gatherer._waiting) + sum(f.done() for f in rest) < 8:
            pass
        engine.released.set()
        for n, answer in enumerate([*first, *rest]):
            np.testing.assert_array_equal(answer.result(30)[0], expected(plane(n)))
    assert sum(shape[0] for shape in engine.batches) == 18
    assert max(shape[0] for shape in engine.batches) == 8


def test_a_caller_alone_does_not_wait_for_others() -> None:
    gatherer = RequestBatcher(Colorizer(FormulaEngine(), side_multiple=32), callers=1)
    for n in range(20):
        np.testing.assert_array_equal(gatherer.ab([plane(n), plane(n, 96)])[1], expected(plane(n, 96)))
    gatherer.close()


def test_a_request_larger_than_a_batch_is_answered_too() -> None:
    gatherer = RequestBatcher(Colorizer(FormulaEngine(), side_multiple=32, batch_size=2))
    assert len(gatherer.ab([plane(n) for n in range(7)])) == 7
    assert gatherer.ab([]) == []
    gatherer.close()


def test_ones_error_is_not_the_others() -> None:
    """The picture that fits nowhere fails for the caller who asked for it."""
    gatherer = RequestBatcher(Colorizer(FormulaEngine(largest_side=64), side_multiple=32, batch_size=8), callers=9)
    with ThreadPoolExecutor(8) as pool:
        good = [pool.submit(gatherer.ab, [plane(n)]) for n in range(7)]
        bad = pool.submit(gatherer.ab, [plane(0, 96)])
        assert [len(answer.result(30)) for answer in good] == [1] * 7
        with pytest.raises(OutOfMemory, match="--network-size"):
            bad.result(30)
    gatherer.close()


def test_a_closed_gatherer_takes_no_requests() -> None:
    gatherer = RequestBatcher(Colorizer(FormulaEngine(), side_multiple=32))
    gatherer.close()
    with pytest.raises(RuntimeError, match="closed"):
        gatherer.ab([plane(0)])
