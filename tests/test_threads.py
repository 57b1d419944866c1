"""Threads are shared out: what one job takes, the others do not have."""

from __future__ import annotations

import cv2
import pytest

from batchcolor import threads
from batchcolor.executors import Desk, ThreadExecutor


def test_opencv_keeps_to_its_share_while_jobs_run_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    before = cv2.getNumThreads()

    def seen(_job: int, _desk: Desk) -> int:
        return int(cv2.getNumThreads())

    assert {outcome.result for outcome in ThreadExecutor(2).map(seen, range(4), lambda: False)} == {2}
    assert {outcome.result for outcome in ThreadExecutor(9).map(seen, range(4), lambda: False)} == {1}
    assert cv2.getNumThreads() == before
