"""Every link, path and command in the documentation leads somewhere."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
SOURCES = [
    path
    for folder in ("batchcolor", "trainer", "benchmarks", "tools", "tests", "examples")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".ipynb", ".html", ".yaml", ".toml", ".sbatch", ".service", ".timer")
]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)
# A path below one of the repository's folders, wherever it stands. Globs and placeholders (NAME.py) are no paths.
_PATH = re.compile(
    r"(?<![\w./-])((?:batchcolor|trainer|benchmarks|tools|tests|docs|examples)/[\w./-]*\.(?:py|md|ipynb|svg|jpg|toml))\b"
)
_MODULE_FILE = re.compile(r"`([\w/]+\.py)`")
_MODULE_COMMAND = re.compile(r"python -m ((?:benchmarks|tools)\.\w+)")
_NEW_FILE = re.compile(r"New file `[^`]+`")  # of a recipe, which a test makes
_PLACEHOLDERS = ("NAME",)


@cache
def files() -> frozenset[str]:
    """Paths of all files of the repository, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return frozenset(listed.stdout.splitlines())


@cache
def anchors(page: Path) -> frozenset[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    found = set()
    for line in _CODE.sub("", page.read_text("utf-8")).splitlines():
        if heading := re.match(r"#+ (.+)", line):
            text = re.sub(r"[^\w\- ]", "", heading[1].strip().lower())
            found.add(text.replace(" ", "-"))
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / unquote(name)).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", [*PAGES, *SOURCES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_paths_exist(page: Path) -> None:
    text = _NEW_FILE.sub("", page.read_text("utf-8"))
    named = [name for name in _PATH.findall(text) if not any(word in name for word in _PLACEHOLDERS)]
    missing = [name for name in named if not (ROOT / name).exists()]
    if page.suffix == ".md":
        known = files()
        short = [name for name in _MODULE_FILE.findall(text) if not any(word in name for word in _PLACEHOLDERS)]
        missing += [name for name in short if not any(f"/{path}".endswith(f"/{name}") for path in known)]
    missing += [name for name in _MODULE_COMMAND.findall(text) if not (ROOT / f"{name.replace('.', '/')}.py").exists()]
    assert not missing


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = (target.partition("#")[0] for target in _LINK.findall(page.read_text("utf-8")) if "://" not in target)
        waiting += [path for target in links if target.endswith(".md") and (path := (page.parent / target).resolve()).exists()]
    unreached = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - reached
    assert not unreached
