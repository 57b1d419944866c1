"""Tables are computed once, and rebuilt when damaged."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from batchcolor.runtime.disk_cache import cached_array

pytestmark = pytest.mark.usefixtures("empty_cache")

SAMPLE, PLACE = np.arange(3), (0, slice(0, 3))
TABLE = np.arange(1000, dtype=np.uint16).reshape(10, 100)


def archive_of_arrays() -> bytes:
    content = io.BytesIO()
    np.savez(content, table=TABLE)
    return content.getvalue()


def unexpected() -> np.ndarray:
    pytest.fail("made again")


def test_a_table_is_made_once(empty_cache: Path) -> None:
    np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, lambda: TABLE), TABLE)
    np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, unexpected), TABLE)
    assert len(list((empty_cache / "tables").iterdir())) == 1


def test_another_formula_is_another_table() -> None:
    cached_array("squares", SAMPLE, PLACE, lambda: TABLE)
    np.testing.assert_array_equal(cached_array("squares", SAMPLE + 1, PLACE, lambda: TABLE + 1), TABLE + 1)


@pytest.mark.parametrize("damage", [b"", b"rubbish", "cut", "zeros", archive_of_arrays()])
def test_a_damaged_file_is_made_again(damage: bytes | str, empty_cache: Path) -> None:
    cached_array("squares", SAMPLE, PLACE, lambda: TABLE)
    (file,) = (empty_cache / "tables").iterdir()
    whole = file.read_bytes()
    damaged = {"cut": whole[:500], "zeros": whole[:128] + bytes(len(whole) - 128)}
    file.write_bytes(damaged[damage] if isinstance(damage, str) else damage)
    np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, lambda: TABLE), TABLE)
    np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, unexpected), TABLE)


def test_threads_make_it_once() -> None:
    made = []

    def make() -> np.ndarray:
        made.append(time.sleep(0.05))
        return TABLE

    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(lambda _: cached_array("squares", SAMPLE, PLACE, make), range(8)))
    assert len(made) == 1
    for table in tables:
        np.testing.assert_array_equal(table, TABLE)


def test_a_cache_that_cannot_be_written_only_costs_time(empty_cache: Path) -> None:
    empty_cache.parent.mkdir(parents=True, exist_ok=True)
    empty_cache.write_text("in the way")
    for _ in range(2):
        np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, lambda: TABLE), TABLE)


def test_a_cache_that_leads_elsewhere_changes_nothing_there(empty_cache: Path, tmp_path: Path) -> None:
    cached_array("squares", SAMPLE, PLACE, lambda: TABLE)
    (file,) = (empty_cache / "tables").iterdir()
    (tmp_path / "letter.txt").write_text("dear all")
    file.unlink()
    file.symlink_to(tmp_path / "letter.txt")
    np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, lambda: TABLE), TABLE)
    assert (tmp_path / "letter.txt").read_text() == "dear all"
    np.testing.assert_array_equal(cached_array("squares", SAMPLE, PLACE, unexpected), TABLE)
