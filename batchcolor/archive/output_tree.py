"""An output tree between runs: locked while one is at work, remembered in a manifest, cleaned of what a killed run left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import OutputError
from ..runtime.atomic_write import PREFIX, remove_leftovers
from ..runtime.file_lock import file_lock
from ..runtime.write_errors import write_errors
from ..weights import find_weights
from ..weights.store import sha256_of
from .last_run import FACT, LastRun
from .manifest import Manifest, Reason, Recipe
from .outcome import Outcome, Status
from .plan import Item, Plan
from .verify import is_whole
from .walk import STATE_FOLDER, Kind

_MANIFEST = "manifest.sqlite"
_UNDER_WAY = "run under way"
_WORK = "work folder of "  # facts: name of the result -> its source
_COMMIT_EVERY_S = 0.5  # a commit waits for the disk; what a killed run has not committed is done again


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items of a plan are to be done and why, and how many are up to date; edited: of those, whose results a person has changed."""

    todo: tuple[tuple[Item, Reason], ...]
    up_to_date: int
    edited: tuple[Item, ...] = ()

    def plan(self, whole: Plan) -> Plan:
        edited = (
            f"{item.target}: was changed since it was made, and stays as it is; --force makes it anew" for item in self.edited
        )
        return Plan(tuple(item for item, _ in self.todo), whole.refused, (*whole.notes, *edited))


@dataclass(frozen=True, slots=True)
class Redo:
    """What is done again although the manifest has it. force: everything; verify: what does not decode any more."""

    force: bool = False
    verify: bool = False


class Tree(Protocol):
    """root: the folder of the results; None: of a single result."""

    @property
    def root(self) -> Path | None: ...
    def select(self, items: Sequence[Item], redo: Redo) -> Selection: ...
    def remember_run(self, last_run: LastRun) -> None: ...
    def record(self, outcome: Outcome) -> None: ...


class NoTree:
    """A single result under a name of its own: always done, never remembered."""

    root: Path | None = None

    def select(self, items: Sequence[Item], redo: Redo) -> Selection:
        return Selection(tuple((item, Reason.FORCED if redo.force else Reason.NEW) for item in items), 0)

    def remember_run(self, last_run: LastRun) -> None:
        return None

    def record(self, outcome: Outcome) -> None:
        """Remove what workers left that ended in the middle of writing."""
        if outcome.lost:
            remove_leftovers(outcome.target.parent)


class OutputTree:
    """What a run needs to know of its output, and tells it."""

    def __init__(self, manifest: Manifest, weights: str) -> None:
        self._manifest = manifest
        self.root = Path(manifest.root)
        self._weights = _weights_digest(manifest, weights)
        self._recipes: dict[str, Recipe] = {}  # of the items to be done, by the names of their sources
        self._committed = time.monotonic()
        self.has_leftovers = False  # whether a worker ended in the middle of writing

    def select(self, items: Sequence[Item], redo: Redo) -> Selection:
        """Decide about every item, by sizes and times; with `redo.verify`, results that are up to date are decoded as well."""
        todo, edited = [], []
        for item in items:
            recipe = Recipe.of(item, self._weights)
            reason = Reason.FORCED if redo.force else self._manifest.reason(item, recipe)
            if reason is Reason.EDITED:
                edited.append(item)
                continue
            if reason is None and redo.verify and not is_whole(item):
                reason = Reason.DAMAGED
            if reason is not None:
                todo.append((item, reason))
                self._recipes[os.fspath(item.source)] = recipe
        films = [item for item, _ in todo if item.kind is Kind.FILM]
        self._manifest.set_facts({self._work_fact(item.target): str(item.source.absolute()) for item in films})
        return Selection(tuple(todo), len(items) - len(todo), tuple(edited))

    def remember_run(self, last_run: LastRun) -> None:
        """Remember what this run was told."""
        self._manifest.set_fact(FACT, last_run.to_json())

    def last_run(self) -> LastRun | None:
        """What the last run was told; None where no run is remembered. Raises `UsageError`."""
        text = self._manifest.fact(FACT)
        return None if text is None else LastRun.from_json(text)

    def _work_fact(self, target: Path) -> str:
        """The name of the fact that there may be a work folder of this film."""
        return _WORK + os.path.relpath(target, self._manifest.root)

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome; on disk within half a second, and when the tree is closed."""
        if outcome.kind is Kind.FOLDER:
            return
        refused = Recipe("", self._weights)  # never done, so it depends on nothing
        self._manifest.record(outcome, self._recipes.get(os.fspath(outcome.source), refused))
        if outcome.kind is Kind.FILM and outcome.status is not Status.FAILED:
            self._manifest.forget_fact(self._work_fact(outcome.target))
        self.has_leftovers |= outcome.lost > 0
        now = time.monotonic()
        if now - self._committed >= _COMMIT_EVERY_S:
            self._manifest.commit()
            self._committed = now


@contextlib.contextmanager
def open_tree(output: Path, weights: str, *, content_hash: bool = False) -> Iterator[OutputTree]:
    """The tree `output`, locked for this run. Raises `BusyError`, `OutputError`, and `ModelError` for weights that are not here."""
    find_weights(weights)  # before anything is made
    state = output / STATE_FOLDER
    with write_errors(output):
        state.mkdir(parents=True, exist_ok=True)
    with file_lock(state, of=output), Manifest(state / _MANIFEST, output, content_hash=content_hash) as manifest:
        if manifest.fact(_UNDER_WAY) == "yes":
            _remove_leftovers(output)
        _remove_abandoned(manifest, output)
        manifest.set_fact(_UNDER_WAY, "yes")
        tree = OutputTree(manifest, weights)
        finished = False
        try:
            yield tree
            finished = True
        finally:
            if tree.has_leftovers or not finished:
                _remove_leftovers(output)
            manifest.commit()
            manifest.set_fact(_UNDER_WAY, "no")


@contextlib.contextmanager
def read_tree(output: Path, weights: str, *, content_hash: bool = False) -> Iterator[OutputTree]:
    """As `open_tree`, for looking only: nothing is locked, made or written."""
    path = output / STATE_FOLDER / _MANIFEST
    with Manifest(path, output, content_hash=content_hash, writable=False) as manifest:
        yield OutputTree(manifest, weights)


def _remove_leftovers(output: Path) -> None:
    """Temporary files of a run or a worker that was killed; nobody is writing them."""
    for folder, _, files in os.walk(output):
        for name in files:
            if name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    (Path(folder) / name).unlink()


def _remove_abandoned(manifest: Manifest, output: Path) -> None:
    """Work folders of films that have left the archive. Where the folder that held one is gone as well, it may only be unmounted."""
    for name, source in manifest.facts(_WORK).items():
        film = Path(source)
        if not film.exists() and film.parent.is_dir():
            from ..films.chunks.segments import work_folder_path

            shutil.rmtree(work_folder_path(output / name.removeprefix(_WORK)), ignore_errors=True)
            manifest.forget_fact(name)


def _weights_digest(manifest: Manifest, weights: str) -> str:
    """SHA-256 of the weights file; hashed once for every size and time it has."""
    path = find_weights(weights)
    found = path.stat()
    name = f"sha256 of {path.absolute()}, {found.st_size} bytes, {found.st_mtime_ns}"
    digest = manifest.fact(name)
    if digest is None:
        digest = sha256_of(path)
        with contextlib.suppress(OutputError):  # only looking
            manifest.set_fact(name, digest)
    return digest
