"""Tables are made once, and never believed when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from batchcolor.kept import kept

SAMPLE = np.arange(3)
TABLE = np.arange(1000, dtype=np.uint16).reshape(10, 100)


def unexpected() -> np.ndarray:
    pytest.fail("made again")


def test_a_table_is_made_once(clean_environment: Path) -> None:
    np.testing.assert_array_equal(kept("squares", SAMPLE, lambda: TABLE), TABLE)
    np.testing.assert_array_equal(kept("squares", SAMPLE, unexpected), TABLE)
    assert len(list((clean_environment / "tables").iterdir())) == 1


def test_another_formula_is_another_table() -> None:
    kept("squares", SAMPLE, lambda: TABLE)
    np.testing.assert_array_equal(kept("squares", SAMPLE + 1, lambda: TABLE + 1), TABLE + 1)


@pytest.mark.parametrize("damage", [b"", b"rubbish", "cut"])
def test_a_damaged_file_is_made_again(damage: bytes | str, clean_environment: Path) -> None:
    kept("squares", SAMPLE, lambda: TABLE)
    (file,) = (clean_environment / "tables").iterdir()
    file.write_bytes(file.read_bytes()[:500] if damage == "cut" else damage)
    np.testing.assert_array_equal(kept("squares", SAMPLE, lambda: TABLE), TABLE)
    np.testing.assert_array_equal(kept("squares", SAMPLE, unexpected), TABLE)


def test_a_cache_that_cannot_be_written_only_costs_time(clean_environment: Path) -> None:
    clean_environment.parent.mkdir(parents=True, exist_ok=True)
    clean_environment.write_text("in the way")
    for _ in range(2):
        np.testing.assert_array_equal(kept("squares", SAMPLE, lambda: TABLE), TABLE)
