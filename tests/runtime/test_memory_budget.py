"""Workers fit into the memory that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor.runtime.memory_budget import available_bytes, film_workers


def test_the_container_s_limit_counts_where_it_is_less(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 8_000_000 << 10
    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 8_000_000 << 10
    (tmp_path / "memory.max").write_text(f"{3 << 30}\n")
    (tmp_path / "memory.current").write_text(f"{1 << 30}\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 2 << 30
    assert available_bytes(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize(("most", "available", "workers"), [(8, None, 8), (8, 64 << 30, 8), (8, 2 << 30, 4), (8, 1 << 20, 1)])
def test_as_many_workers_as_fit(most: int, available: int | None, workers: int) -> None:
    assert film_workers(most, available) == workers
