"""`batchcolor colorize`: the main job."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BatchcolorError, ExitCode, UsageError
from .options import RunOptions, SectionedCommand, run_options, run_options_of, settings_of, settings_options

if TYPE_CHECKING:
    from ..archive.outcome import Tally
    from ..archive.output_tree import Selection, Tree
    from ..archive.plan import Item, Plan
    from ..archive.preflight import Preflight
    from ..executors import Executors
    from ..report import NoReport, Report
    from ..settings import Settings


@click.command(cls=SectionedCommand)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; a file name, if one photo or film is given.",
)
@settings_options
@run_options
def colorize(sources: tuple[Path, ...], output: Path, **values: Any) -> int:
    """Colorize photos and films, in folders or named one by one.

    Folders are mirrored below --output under the same names. Originals are only ever read. What fails is named in one sentence, and
    the rest is still done. Run again, it does only what is new or changed.

    \b
    Examples:
      batchcolor colorize scans/ --output colour/
      batchcolor colorize portrait.tif --output portrait-colour.tif
      batchcolor colorize scans/ reel.mkv -o colour/ --weights siggraph17 --crf 16
      batchcolor colorize scans/ -o colour/ --max-runtime 6h --log-file night.log
    """
    from ..archive.output_tree import NoTree, Redo, open_tree, read_tree
    from ..archive.plan import is_file_name, plan
    from ..archive.preflight import preflight
    from ..archive.walk import Kind

    settings, options = settings_of(values), run_options_of(values)
    planned = plan(sources, output, settings.photo.format)
    if not planned.items and not planned.refused:
        click.echo(f"Error: {', '.join(map(str, sources))}: neither photos nor films in there", err=True)
        return ExitCode.NOTHING_READABLE
    films = planned.of_kind(Kind.FILM)
    if settings.film.cuts is not None and len(films) != 1:
        raise UsageError(f"--shots is a list for one film, and here are {len(films)}; colorize them one by one")
    if options.preview:
        return _preview(films, settings)
    if is_file_name(sources, output):
        cached_colorizer: AbstractContextManager[Tree] = contextlib.nullcontext(NoTree())
    elif options.dry_run:
        cached_colorizer = read_tree(output, settings, content_hash=options.content_hash)
    else:
        cached_colorizer = open_tree(output, settings, content_hash=options.content_hash)
    with cached_colorizer as tree:
        selection = tree.select(planned.items, Redo(options.force, options.verify))
        if options.dry_run:
            return _list(planned, selection, options)
        todo = selection.plan(planned)
        folder = output.parent if is_file_name(sources, output) else output
        where = _executors(options, todo, preflight(sources, todo.items, folder, settings.model.weights))
        return _run(todo, selection.up_to_date, tree, settings, options, where)


def _preview(films: list[Item], settings: Settings) -> int:
    """Contact sheets beside where the films would go; their paths on stdout."""
    from ..archive.outcome import Status, Tally, failed
    from ..engines.colorizer import cached_colorizer
    from ..films import preview

    colorizer, tally = cached_colorizer(settings.model), Tally()
    for film in films:
        try:
            for page in preview(film.source, film.target.with_name(f"{film.target.name}.preview.jpg"), colorizer, settings):
                click.echo(page)
            tally.counts[Status.DONE] += 1
        except BatchcolorError as exc:
            click.echo(f"Error: {exc}", err=True)
            tally.add(failed(film, exc))
    return tally.exit_code


def _list(planned: Plan, selection: Selection, options: RunOptions) -> int:
    """What would be done, and why, on stdout."""
    for item, reason in selection.todo:
        row = {"source": str(item.source), "target": str(item.target), "kind": item.kind.value, "reason": reason.value}
        click.echo(json.dumps(row) if options.as_json else f"{item.source} -> {item.target} ({reason.value})")
    for item, error in planned.refused:
        click.echo(json.dumps({"source": str(item.source), "error": str(error)}) if options.as_json else f"Error: {error}")
    click.echo(f"{len(selection.todo)} to do, {selection.up_to_date} up to date, {len(planned.refused)} refused", err=True)
    return ExitCode.OK


def _workers(most: int, todo: Plan) -> int:
    """Processes that find something to do: a film keeps any number of them busy, a photo one."""
    from ..archive.walk import Kind

    return most if todo.of_kind(Kind.FILM) else max(1, min(most, len(todo.items)))


@contextlib.contextmanager
def _executors(options: RunOptions, todo: Plan, preflight: AbstractContextManager[Preflight]) -> Iterator[Executors]:
    """Where jobs are to run. preflight: of a run on other machines; entered for such a one only."""
    from ..executors import Executors, RayOptions, local_executors, ray_executor
    from ..runtime.thread_budget import cores

    if options.executor == "local" or not todo.items:
        with local_executors(_workers(options.jobs or cores(), todo)) as executors:
            yield executors
        return
    asked = RayOptions(options.ray_address, options.jobs, options.job_cpus, options.job_gpus)
    # Ray prints what happens to its machines on stdout, pages of it; its own logs have that as well.
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        preflight as known,
        ray_executor(asked, known) as executor,
    ):
        yield Executors(executor, executor)


def _run(
    todo: Plan,
    up_to_date: int,
    tree: Tree,
    settings: Settings,
    options: RunOptions,
    where: AbstractContextManager[Executors],
) -> int:
    from ..archive.outcome import Status, Tally
    from ..archive.run import run
    from .progress import display_for
    from .stopping import Stop, stopping_on_signals

    tally, started = Tally(up_to_date=up_to_date), time.monotonic()
    stop = Stop(options.max_runtime)
    stdout = sys.stdout  # what it is now; see `_executors`
    display = display_for(
        len(todo.items) + len(todo.refused), quiet=options.quiet, verbose=options.verbose, log_file=options.log_file
    )
    report = _report(options.report, len(todo.items) + len(todo.refused))
    with _warnings_noted(display.note), stopping_on_signals(stop), display, report, where as executors:
        for outcome in run(
            todo,
            settings,
            executors,
            should_stop=stop,
            measure=options.measure,
            on_engine=lambda by: display.note(f"{settings.model.weights} on {by.device}, {by.engine} {by.precision}"),
            on_film_progress=lambda item, p: display.film_frame(item.source.name, p.frames, p.total_frames),
        ):
            tally.add(outcome)
            tree.record(outcome)
            display.finished(outcome)
            report.add(outcome)
            if options.as_json:
                click.echo(json.dumps(outcome.as_dict()), stdout)
        left = len(todo.items) + len(todo.refused) - tally.finished
        seconds = round(time.monotonic() - started, 3)
        display.note(_summary(tally, left, seconds))
        counts = {**{status.value: tally.counts[status] for status in Status}, "up_to_date": tally.up_to_date, "left": left}
        report.conclude({**counts, "seconds": seconds})
        if options.as_json:
            click.echo(json.dumps({"summary": {**counts, "seconds": seconds}}), stdout)
    if stop.interrupted:
        return ExitCode.INTERRUPTED
    # A night that ended in time is a good night, whatever is left for the next one.
    return ExitCode.OK if left and not tally.failed else tally.exit_code


def _report(path: Path | None, items: int) -> Report | NoReport:
    from ..report import NoReport, Report

    return NoReport() if path is None else Report(path, items)


def _summary(tally: Tally, left: int, seconds: float) -> str:
    from ..archive.outcome import Status

    always = (Status.DONE, Status.FAILED)
    parts = [f"{tally.counts[status]} {status.value}" for status in Status if tally.counts[status] or status in always]
    parts += [f"{tally.up_to_date} up to date"] if tally.up_to_date else []
    parts += [f"{left} left"] if left else []
    return f"{', '.join(parts)} in {seconds:.1f} s"


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
