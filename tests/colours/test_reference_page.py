"""The reference page is the one that the dataclasses make."""

from __future__ import annotations

from pathlib import Path

from batchcolor.colours.reference_page import page

PAGE = Path(__file__).parents[2] / "docs" / "chosen-colours-files.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "python -m batchcolor.colours.reference_page > docs/chosen-colours-files.md"
    )
