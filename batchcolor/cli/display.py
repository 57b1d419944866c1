"""What a user sees during a run: a live display on a terminal, plain lines otherwise, errors alone with --quiet.

Each display is an `app.Events`. Messages go to stderr; stdout is for `--json`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from ..app import Events, Summary
from ..archive.outcome import Outcome, Status
from ..archive.plan import Item
from ..errors import OutputError
from .terminal import Printer, message, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from ..engines.engine_info import EngineInfo
    from ..films import FilmProgress

_PLAIN_EVERY_S = 10.0


class Display(Events):
    """A context manager that shows a run. weights: as the user named them."""

    def __init__(self, weights: str = "") -> None:
        self._weights = weights

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def note(self, sentence: str) -> None:
        """Show a message that belongs to no item."""

    def noticed(self, sentence: str) -> None:
        self.note(f"Note: {sentence}")

    def engine_chosen(self, engine: EngineInfo) -> None:
        self.note(f"{self._weights} on {engine.device}, {engine.engine} {engine.precision}")

    def concluded(self, summary: Summary) -> None:
        self.note(summary_line(summary))


def summary_line(summary: Summary) -> str:
    """The run in one line."""
    always = (Status.DONE, Status.FAILED)
    parts = [f"{summary.counts[status]} {status.value}" for status in Status if summary.counts[status] or status in always]
    parts += [f"{summary.up_to_date} up to date"] if summary.up_to_date else []
    parts += [f"{summary.left} left"] if summary.left else []
    return f"{', '.join(parts)} in {summary.seconds:.1f} s"


class Quiet(Display):
    """Errors alone. verbose: with the tracebacks of unexpected ones."""

    def __init__(self, weights: str = "", *, verbose: bool = False) -> None:
        super().__init__(weights)
        self._verbose = verbose

    def finished(self, outcome: Outcome) -> None:
        if outcome.status is Status.FAILED:
            message(f"Error: {outcome.error}")
            if self._verbose and outcome.traceback:
                for line in outcome.traceback.splitlines():
                    message(f"  {line}")


def _result_of(outcome: Outcome) -> str:
    """The result of an item that was not a failure, with what was special about it."""
    if outcome.status is Status.SKIPPED:
        return f"{outcome.source}: skipped, already in colour"
    frames = f", {outcome.frames} frames" if outcome.frames is not None else ""
    copied = ", copied, already in colour" if outcome.status is Status.COPIED else ""
    return f"{outcome.target} ({outcome.seconds:.2f} s{frames}{copied})"


class Plain(Quiet):
    """One line for each item, and one every ten seconds of a film; for logs and cron."""

    def __init__(self, weights: str = "", *, verbose: bool = False) -> None:
        super().__init__(weights, verbose=verbose)
        self._total = self._count = 0
        self._printed = time.monotonic()

    def started(self, items: int) -> None:
        self._total = items

    def finished(self, outcome: Outcome) -> None:
        self._count += 1
        super().finished(outcome)
        for warning in outcome.warnings:
            message(f"Warning: {warning}")
        if outcome.status is not Status.FAILED:
            message(f"[{self._count}/{self._total}] {_result_of(outcome)}")

    def film_progress(self, item: Item, progress: FilmProgress) -> None:
        now = time.monotonic()
        if now - self._printed >= _PLAIN_EVERY_S:
            self._printed = now
            total = f" of about {progress.total_frames}" if progress.total_frames else ""
            message(f"{item.source.name}: frame {progress.frames}{total}")

    def note(self, sentence: str) -> None:
        message(sentence)


class Live(Display):
    """Progress bars: one for all items, and one for each film in progress with frames a second and time left."""

    def __init__(self, console: Console, weights: str = "", *, verbose: bool = False) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(weights)
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
        self._items = self._progress.add_task("items", total=None, unit="items", rate="")
        self._films: dict[Path, tuple[TaskID, float]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def started(self, items: int) -> None:
        self._progress.update(self._items, total=items)

    def finished(self, outcome: Outcome) -> None:
        from rich.markup import escape

        if outcome.source in self._films:
            task, _ = self._films.pop(outcome.source)
            self._progress.remove_task(task)
        console = self._progress.console
        if outcome.status is Status.FAILED:
            console.print(f"[red]Error:[/red] {escape(printable(outcome.error or ''))}", highlight=False)
            if self._verbose and outcome.traceback:
                console.print(outcome.traceback, highlight=False, markup=False)
        for warning in outcome.warnings:
            console.print(f"[yellow]Warning:[/yellow] {escape(printable(warning))}", highlight=False)
        self._progress.advance(self._items)

    def film_progress(self, item: Item, progress: FilmProgress) -> None:
        now = time.monotonic()
        if item.source not in self._films:
            name = printable(item.source.name)
            task = self._progress.add_task(name, total=progress.total_frames, unit="frames", rate="")
            self._films[item.source] = task, now
        task, started = self._films[item.source]
        rate = progress.frames / max(now - started, 1e-3)
        self._progress.update(task, completed=progress.frames, total=progress.total_frames, rate=f"{rate:.1f} fps")

    def note(self, sentence: str) -> None:
        self._progress.console.print(printable(sentence), highlight=False, markup=False)


class Log(Display):
    """A file to which everything is appended, one line each, with the time. Raises `OutputError` where it cannot be written."""

    def __init__(self, path: Path, weights: str = "") -> None:
        super().__init__(weights)
        self._path = path
        self._file: TextIO | None = None
        self._waiting: list[str] = []  # until the file is open

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def started(self, items: int) -> None:
        """Open the file: the plan is made, and the file is known to be no original."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(  # noqa: SIM115 - Path.open takes no opener; closed by __exit__
                self._path, "a", encoding="utf-8", errors="backslashreplace", opener=_without_waiting
            )
        except OSError as exc:
            raise OutputError(f"{self._path}: cannot be written ({exc.strerror or exc}); choose another --log-file") from exc
        for line in self._waiting:
            self._file.write(line)

    def finished(self, outcome: Outcome) -> None:
        failed = outcome.status is Status.FAILED
        self.note(f"Error: {outcome.error}" if failed else f"{outcome.status.value} {outcome.source} -> {_result_of(outcome)}")
        for line in (outcome.traceback or "").splitlines():
            self.note(f"  {line}")
        for warning in outcome.warnings:
            self.note(f"Warning: {warning}")

    def note(self, sentence: str) -> None:
        line = f"{datetime.now().astimezone().isoformat(timespec='seconds')} {printable(sentence)}\n"
        if self._file is None:
            self._waiting.append(line)
            return
        self._file.write(line)
        self._file.flush()


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, but not a pipe that nobody reads, which would be waited for."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)
    return descriptor


class JsonLines(Display):
    """One JSON object for each item on `file`, and a summary at the end."""

    def __init__(self, file: TextIO) -> None:
        super().__init__()
        self._printer = Printer(file)

    def finished(self, outcome: Outcome) -> None:
        self._printer.line(json.dumps(outcome.as_dict()))

    def concluded(self, summary: Summary) -> None:
        self._printer.line(json.dumps({"summary": summary.as_dict()}))
        self._printer.close()


class Displays(Display):
    """Several displays of one run; each gets every event."""

    def __init__(self, *displays: Display) -> None:
        super().__init__()
        self.displays = displays
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as entering:
            for display in self.displays:
                entering.enter_context(display)
            self._stack = entering.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def started(self, items: int) -> None:
        for display in self.displays:
            display.started(items)

    def noticed(self, sentence: str) -> None:
        for display in self.displays:
            display.noticed(sentence)

    def engine_chosen(self, engine: EngineInfo) -> None:
        for display in self.displays:
            display.engine_chosen(engine)

    def film_progress(self, item: Item, progress: FilmProgress) -> None:
        for display in self.displays:
            display.film_progress(item, progress)

    def finished(self, outcome: Outcome) -> None:
        for display in self.displays:
            display.finished(outcome)

    def concluded(self, summary: Summary) -> None:
        for display in self.displays:
            display.concluded(summary)

    def note(self, sentence: str) -> None:
        for display in self.displays:
            display.note(sentence)


def display_for(
    *,
    quiet: bool = False,
    verbose: bool = False,
    log_file: Path | None = None,
    json_lines: TextIO | None = None,
    weights: str = "",
) -> Display:
    """The display that fits where stderr goes, with a log and JSON lines where the options say so."""
    console = None if quiet else _terminal()
    kind = Quiet if quiet else Plain
    shown = kind(weights, verbose=verbose) if console is None else Live(console, weights, verbose=verbose)
    more = [Log(log_file, weights)] if log_file is not None else []
    return Displays(shown, *more, *([JsonLines(json_lines)] if json_lines is not None else []))


def _terminal() -> Console | None:
    """The terminal that stderr is; None where it is none. rich, which may be told that it is one, takes a tenth of a start."""
    if not sys.stderr.isatty() and not {"FORCE_COLOR", "TTY_COMPATIBLE"} & os.environ.keys():
        return None
    from rich.console import Console

    console = Console(stderr=True, emoji=False)  # ":cat:" in a name stays what it is
    return console if console.is_terminal else None


@contextlib.contextmanager
def log_warnings(note: Callable[[str], None]) -> Iterator[None]:
    """Pass warnings of the package's loggers to `note` while the context is open."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(f"Warning: {record.getMessage()}")

    logger, handler = logging.getLogger("batchcolor"), Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
