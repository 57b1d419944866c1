"""The generated reference pages are those of the commands as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.cli_reference import pages

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_reference_is_current(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path], "out of date: run `make docs`"


def test_every_command_and_visible_option_is_listed() -> None:
    text = next(text for path, text in PAGES.items() if path.name == "cli.md")
    for expected in ("## batchcolor colorize", "## batchcolor models fetch", "`--crf`", "`--output`, `-o`"):
        assert expected in text
