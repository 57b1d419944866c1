"""Packages import only from those above them in docs/architecture.md, without cycles, and few modules lie outside packages."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LOOSE_MODULES = 6


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, of batchcolor and the trainer."""
    found = {}
    for package in ("batchcolor", "trainer"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path) -> Iterator[str]:
    """Modules of ours that a module imports, anywhere in its text: lazily and for annotations as well."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                if alias.name == "__version__":
                    continue
                whole = f"{base}.{alias.name}"
                if whole in modules() or base in modules():
                    yield whole if whole in modules() else base


@cache
def graph() -> dict[str, frozenset[str]]:
    return {name: frozenset(imports(name, path)) - {name} for name, path in modules().items()}


@cache
def order() -> tuple[str, ...]:
    """The packages and loose modules of the table in docs/architecture.md, top to bottom."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = text.split("## Packages\n", 1)[1].split("\n## ", 1)[0]
    rows = (re.findall(r"`([\w/]+?)(?:/|\.py)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `"))
    return tuple(name.replace("/", ".") for row in rows for name in row)


def part(module: str) -> str:
    """The package or loose module of the table that a module belongs to; the longest name wins."""
    below = "__init__" if module == "batchcolor" else module.removeprefix("batchcolor.")
    owners = [name for name in order() if below == name or below.startswith(f"{name}.")]
    assert owners, f"{module} is in no row of docs/architecture.md"
    return max(owners, key=len)


@pytest.mark.parametrize("name", modules())
def test_imports_go_upwards_in_the_table_only(name: str) -> None:
    rank = {package: n for n, package in enumerate(order())}
    wrong = {other for other in graph()[name] if rank[part(other)] > rank[part(name)]}
    assert not wrong


def test_there_are_no_cycles() -> None:
    # A module's import of its own package's __init__ for a name is an import of what is defined there, and counts.
    list(graphlib.TopologicalSorter(graph()).static_order())  # raises CycleError, which names the cycle


def test_few_modules_lie_outside_packages() -> None:
    loose = [path.name for path in (ROOT / "batchcolor").glob("*.py") if path.name != "__init__.py"]
    assert len(loose) <= MOST_LOOSE_MODULES, loose


def test_nothing_in_the_package_imports_the_trainer_or_developers_tools() -> None:
    outside = re.compile(r"^\s*(?:from|import) (trainer|benchmarks|tools|tests)\b", re.MULTILINE)
    assert [
        path for name, path in modules().items() if name.startswith("batchcolor") and outside.search(path.read_text())
    ] == []


def test_every_row_of_the_table_exists() -> None:
    missing = [name for name in order() if name != "__init__" and not {name, f"batchcolor.{name}"} & modules().keys()]
    assert not missing
