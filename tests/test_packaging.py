"""What the wheel is told to carry is what there is."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    found = sorted(
        str(path.parent.relative_to(ROOT)).replace("/", ".").replace("\\", ".")
        for path in (ROOT / "batchcolor").rglob("__init__.py")
    )
    assert sorted(listed) == sorted([*found, "batchcolor_train"])
