"""Threads are divided among jobs."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from batchcolor.executors import JobContext, ThreadExecutor
from batchcolor.runtime import thread_budget as threads


def test_opencv_keeps_to_its_share_while_jobs_run_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    before = cv2.getNumThreads()

    def seen(_job: int, _desk: JobContext) -> int:
        return int(cv2.getNumThreads())

    assert {outcome.result for outcome in ThreadExecutor(2).map(seen, range(4), lambda: False)} == {2}
    assert {outcome.result for outcome in ThreadExecutor(9).map(seen, range(4), lambda: False)} == {1}
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "max 100000\n"}, float("inf")),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu.max": "rubbish"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_containers_share_of_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], share: float
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(threads, "_CGROUP", tmp_path)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads.cores.__wrapped__() == {0.5: 1, 1.5: 2, float("inf"): 8}[share]
