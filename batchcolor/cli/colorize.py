"""`batchcolor colorize`: the main job."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..errors import BatchcolorError, ExitCode
from .options import OptionsCommand, colorize_options, display_options_of, item_settings_of, run_options_of


@click.command(cls=OptionsCommand)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; with a single photo or film, also a file name.",
)
@colorize_options
def colorize(sources: tuple[Path, ...], output: Path, **values: Any) -> int:
    """Colorize photos and films, in folders or named one by one.

    Folders are mirrored below --output under the same names. Originals are only read. An item that fails is reported in one
    sentence, and the rest is still done. The next run does only what is new or changed.

    \b
    Examples:
      batchcolor colorize scans/ --output colour/
      batchcolor colorize portrait.tif --output portrait-colour.tif
      batchcolor colorize scans/ reel.mkv -o colour/ --weights siggraph17 --crf 16
      batchcolor colorize scans/ -o colour/ --max-runtime 6h --log-file night.log
    """
    from ..app import plan_archive, preview_films, run_archive
    from .display import display_for, log_warnings
    from .stopping import Stop, stopping_on_signals

    settings, options, display = item_settings_of(values), run_options_of(values), display_options_of(values)
    if display.preview:
        return _preview(preview_films(sources, output, settings))
    if display.dry_run:
        return _list(plan_archive(sources, output, settings, options), as_json=display.json)
    stop = Stop()
    events = display_for(
        quiet=display.quiet,
        verbose=display.verbose,
        log_file=display.log_file,
        json_lines=sys.stdout if display.json else None,
        weights=settings.default.model.weights,
    )
    with events, log_warnings(events.note), stopping_on_signals(stop):
        summary = run_archive(sources, output, settings, options, events=events, should_stop=lambda: stop.interrupted)
    return ExitCode.INTERRUPTED if stop.interrupted else summary.exit_code


def _preview(films: Any) -> int:
    """The paths of the sheets, on stdout."""
    from ..archive.outcome import Tally, failed

    tally = Tally()
    for film, sheets in films:
        if isinstance(sheets, BatchcolorError):
            click.echo(f"Error: {sheets}", err=True)
            tally.add(failed(film, sheets))
        else:
            click.echo("\n".join(map(str, sheets)))
            tally.up_to_date += 1
    return tally.exit_code


def _list(planned: Any, *, as_json: bool) -> int:
    """What would be done, and why, on stdout."""
    for item, reason in planned.selection.todo:
        row = {"source": str(item.source), "target": str(item.target), "kind": item.kind.value, "reason": reason.value}
        click.echo(json.dumps(row) if as_json else f"{item.source} -> {item.target} ({reason.value})")
    for item, error in planned.refused:
        click.echo(json.dumps({"source": str(item.source), "error": str(error)}) if as_json else f"Error: {error}")
    for sentence in planned.notes:
        click.echo(f"Note: {sentence}", err=True)
    todo, up_to_date, refused = len(planned.selection.todo), planned.selection.up_to_date, len(planned.refused)
    click.echo(f"{todo} to do, {up_to_date} up to date, {refused} refused", err=True)
    return ExitCode.OK
