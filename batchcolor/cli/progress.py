"""What a user sees while a run goes on: a live display on a terminal, plain lines otherwise, errors alone with --quiet.

All of it goes to stderr; stdout is for `--json`.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ..archive.outcome import Outcome, Status
from ..errors import OutputError

_PLAIN_EVERY_S = 10.0


class Display(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def film_frame(self, name: str, frames: int, total: int | None) -> None: ...
    def note(self, sentence: str) -> None: ...


class Quiet:
    """Errors alone. verbose: with the tracebacks of those that were not expected."""

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def finished(self, outcome: Outcome) -> None:
        if outcome.status is Status.FAILED:
            click.echo(f"Error: {outcome.error}", err=True)
            if self._verbose and outcome.traceback:
                click.echo(outcome.traceback, err=True)

    def film_frame(self, name: str, frames: int, total: int | None) -> None:
        return None

    def note(self, sentence: str) -> None:
        return None


def _result_of(outcome: Outcome) -> str:
    """The result of an item that went well, with what was special about it."""
    if outcome.status is Status.SKIPPED:
        return f"{outcome.source}: skipped, it has colour already"
    frames = f", {outcome.frames} frames" if outcome.frames is not None else ""
    copied = ", copied, it has colour already" if outcome.status is Status.COPIED else ""
    return f"{outcome.target} ({outcome.seconds:.2f} s{frames}{copied})"


class Plain(Quiet):
    """One line an item, and one every ten seconds of a film; for logs and cron."""

    def __init__(self, total: int, verbose: bool = False) -> None:
        super().__init__(verbose)
        self._total, self._count, self._said = total, 0, time.monotonic()
        self._started = self._said

    def finished(self, outcome: Outcome) -> None:
        self._count += 1
        super().finished(outcome)
        for warning in outcome.warnings:
            click.echo(f"Warning: {warning}", err=True)
        if outcome.status is not Status.FAILED:
            click.echo(f"[{self._count}/{self._total}] {_result_of(outcome)}", err=True)

    def film_frame(self, name: str, frames: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._said >= _PLAIN_EVERY_S:
            self._said = now
            click.echo(f"{name}: frame {frames}{f' of about {total}' if total else ''}", err=True)

    def note(self, sentence: str) -> None:
        click.echo(sentence, err=True)


class Live:
    """Bars by rich: items, and the film under way with frames a second and time left."""

    def __init__(self, total: int, console: Console, verbose: bool = False) -> None:
        self._verbose = verbose
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # names of files may hold brackets
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._items = self._progress.add_task("items", total=total, unit="items", rate="")
        self._film: TaskID | None = None
        self._film_name, self._film_started = "", 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def finished(self, outcome: Outcome) -> None:
        if self._film is not None and outcome.source.name == self._film_name:
            self._progress.remove_task(self._film)
            self._film = None
        console = self._progress.console
        if outcome.status is Status.FAILED:
            console.print(f"[red]Error:[/red] {escape(outcome.error or '')}", highlight=False)
            if self._verbose and outcome.traceback:
                console.print(outcome.traceback, markup=False, highlight=False)
        for warning in outcome.warnings:
            console.print(f"[yellow]Warning:[/yellow] {escape(warning)}", highlight=False)
        self._progress.advance(self._items)

    def film_frame(self, name: str, frames: int, total: int | None) -> None:
        now = time.monotonic()
        if self._film is None:
            self._film = self._progress.add_task(name, total=total, unit="frames", rate="")
            self._film_name, self._film_started = name, now
        rate = frames / max(now - self._film_started, 1e-3)
        self._progress.update(self._film, completed=frames, rate=f"{rate:.1f} fps")

    def note(self, sentence: str) -> None:
        self._progress.console.print(sentence, highlight=False, markup=False)


class Logged:
    """Another display, and a file to which everything is appended, a line each, with the time."""

    def __init__(self, shown: Display, path: Path) -> None:
        self._shown, self._path = shown, path

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as exc:
            raise OutputError(
                f"{self._path}: the log cannot be written ({exc.strerror or exc}); choose another --log-file"
            ) from exc
        self._shown.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._shown.__exit__(kind, error, trace)
        self._file.close()

    def finished(self, outcome: Outcome) -> None:
        self._shown.finished(outcome)
        failed = outcome.status is Status.FAILED
        self._log(f"Error: {outcome.error}" if failed else f"{outcome.status.value} {outcome.source} -> {_result_of(outcome)}")
        for line in (outcome.traceback or "").splitlines():
            self._log(f"  {line}")
        for warning in outcome.warnings:
            self._log(f"Warning: {warning}")

    def film_frame(self, name: str, frames: int, total: int | None) -> None:
        self._shown.film_frame(name, frames, total)

    def note(self, sentence: str) -> None:
        self._shown.note(sentence)
        self._log(sentence)

    def _log(self, sentence: str) -> None:
        one_line = sentence.replace("\n", "\\n")
        self._file.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {one_line}\n")
        self._file.flush()


def display_for(total: int, *, quiet: bool, verbose: bool = False, log_file: Path | None = None) -> Display:
    """The display that fits where stderr goes; with `log_file`, everything goes there, too."""
    if log_file is not None:
        return Logged(display_for(total, quiet=quiet, verbose=verbose), log_file)
    if quiet:
        return Quiet(verbose)
    console = Console(stderr=True, emoji=False)  # ":cat:" in a name stays what it is
    return Live(total, console, verbose) if console.is_terminal else Plain(total, verbose)
