"""The page of formats names every kind of file that is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor.suffixes import FILM_SUFFIXES, PHOTO_SUFFIXES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "formats.md").read_text("utf-8")


@pytest.mark.parametrize("suffix", sorted(FILM_SUFFIXES | PHOTO_SUFFIXES))
def test_every_suffix_is_named(suffix: str) -> None:
    assert f"`{suffix}`" in PAGE
