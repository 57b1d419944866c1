"""`batchcolor colorize`: the main job."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..errors import ExitCode
from .options import default_workers, settings_of, settings_options


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; a file name, if one photo or film is given.",
)
@settings_options
@click.option("--jobs", type=click.IntRange(1), help="Photos worked on at once; one a core by default.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a finished item on stdout.")  # fmt: skip
def colorize(sources: tuple[Path, ...], output: Path, jobs: int | None, quiet: bool, as_json: bool, **values: Any) -> int:
    """Colorize photos and films, in folders or named one by one.

    Folders are mirrored below --output under the same names. Originals are only ever read. What fails is named in one sentence, and
    the rest is still done.

    \b
    Examples:
      batchcolor colorize scans/ --output colour/
      batchcolor colorize portrait.tif --output portrait-colour.tif
      batchcolor colorize scans/ reel.mkv -o colour/ --weights siggraph17 --crf 16
    """
    from ..archive.plan import Plan, plan
    from ..archive.run import Tally, run
    from ..colorizer import open_colorizer
    from .progress import display_for

    settings = settings_of(values)
    planned: Plan = plan(sources, output)
    if not planned.items and not planned.refused:
        click.echo(f"Error: {', '.join(map(str, sources))}: neither photos nor films in there", err=True)
        return ExitCode.NOTHING_READABLE
    display = display_for(len(planned.items) + len(planned.refused), quiet=quiet)
    with _warnings_noted(display.note), _stop_on_signals() as stop, display:
        colorizer = open_colorizer(settings.model)
        display.note(
            f"{settings.model.weights} on {colorizer.engine.device}, {colorizer.engine.name} {colorizer.engine.precision}"
        )
        tally, started = Tally(), time.monotonic()
        for outcome in run(
            planned,
            colorizer,
            settings,
            workers=jobs or default_workers(),
            should_stop=stop.is_set,
            on_film_progress=lambda item, p: display.film_frame(item.source.name, p.frames, p.total_frames),
        ):
            tally.add(outcome)
            display.finished(outcome)
            if as_json:
                click.echo(json.dumps(outcome.as_dict()))
        left = len(planned.items) + len(planned.refused) - tally.done - tally.failed
        parts = [f"{tally.done} done", f"{tally.failed} failed"] + ([f"{left} left"] if left else [])
        display.note(f"{', '.join(parts)} in {time.monotonic() - started:.1f} s")
    return ExitCode.INTERRUPTED if stop.is_set() else tally.exit_code


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """The first Ctrl-C or SIGTERM asks to stop after the items under way; a second one interrupts at once."""
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _warnings_noted(note: Any) -> Iterator[None]:
    """Warnings of our own modules become lines of the display."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(f"Warning: {record.getMessage()}")

    logger, handler = logging.getLogger("batchcolor"), Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
