"""The recipes of CONTRIBUTING.md work: their steps are made in a copy of the repository, and the tests that they name pass there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_STEP = re.compile(
    r"(?:New file|One line in `(?P<registry>\w+)` of) `(?P<path>[\w/.]+)`[^\n]*:\n\n```(?:python)?\n(?P<code>.*?)```", re.DOTALL
)
_TEST = re.compile(r"^Test: `(?P<arguments>[^`]+)`", re.MULTILINE)


def recipes() -> dict[str, str]:
    """Title -> text of every section that names a test."""
    sections = re.split(r"^## ", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    titled = (section.partition("\n") for section in sections)
    return {title: text for title, _, text in titled if _TEST.search(text)}


def follow(text: str, root: Path) -> None:
    for step in _STEP.finditer(text):
        path = root / step["path"]
        if step["registry"] is None:
            assert not path.exists()
            path.write_text(step["code"], "utf-8")
            continue
        lines = path.read_text("utf-8").splitlines(keepends=True)
        opening = next(n for n, line in enumerate(lines) if re.match(rf"{step['registry']}\b.*[\[{{(]\n", line))
        path.write_text("".join([*lines[: opening + 1], step["code"], *lines[opening + 1 :]]), "utf-8")


@pytest.mark.parametrize("title", recipes())
def test_a_recipe_works(title: str, tmp_path: Path) -> None:
    for folder in ("batchcolor", "tests", "tools", "trainer", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    text = recipes()[title]
    follow(text, tmp_path)
    (test,) = _TEST.finditer(text)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *test["arguments"].split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout


def test_there_are_recipes() -> None:
    assert {"Add a generator", "Add a smoother", "Add a photo format"} <= recipes().keys()
