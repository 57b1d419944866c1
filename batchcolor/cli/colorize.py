"""`batchcolor colorize`: the main job."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BatchcolorError, ExitCode
from .options import OptionsCommand, colorize_options, config_path, display_options_of, item_settings_of, run_options_of
from .terminal import echo, message

if TYPE_CHECKING:
    from ..app import ArchivePlan
    from ..archive.plan import Item


@click.command(cls=OptionsCommand)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=str),  # not Path, which drops a slash at the end
    help="Folder for the results; with a single photo or film, also a file name.",
)
@colorize_options
def colorize(sources: tuple[Path, ...], output: str, **values: Any) -> int:
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
    from ..app import plan_archive, plan_previews, preview_films, run_archive
    from .display import display_for, log_warnings
    from .stopping import Stop, stopping_on_signals

    settings, options, display = item_settings_of(values), run_options_of(values), display_options_of(values)
    if display.preview:
        planned = plan_previews if display.dry_run else preview_films
        return _preview(planned(sources, output, settings), as_json=display.json)
    config = config_path()
    written = {} if display.log_file is None else {"--log-file": display.log_file}
    read = {} if config is None else {"--config": config}
    if display.dry_run:
        whole = plan_archive(sources, output, settings, options, also_written=written, also_read=read)
        return _list(whole, as_json=display.json)
    stop = Stop()
    events = display_for(
        quiet=display.quiet,
        verbose=display.verbose,
        log_file=display.log_file,
        json_lines=sys.stdout if display.json else None,
        weights=settings.default.model.weights,
    )
    with events, log_warnings(events.note), stopping_on_signals(stop):
        summary = run_archive(
            sources,
            output,
            settings,
            options,
            also_written=written,
            also_read=read,
            events=events,
            should_stop=lambda: stop.interrupted,
        )
    return ExitCode.INTERRUPTED if stop.interrupted else summary.exit_code


def _preview(films: Iterable[tuple[Item, Path | list[Path] | BatchcolorError]], *, as_json: bool) -> int:
    """The paths of the sheets, on stdout; with --dry-run, the first of each film."""
    from ..archive.outcome import Tally, failed

    tally = Tally()
    for film, sheets in films:
        if isinstance(sheets, BatchcolorError):
            message(f"Error: {sheets}")
            tally.add(failed(film, sheets))
            continue
        tally.up_to_date += 1
        for sheet in [sheets] if isinstance(sheets, Path) else sheets:
            echo(json.dumps({"source": str(film.source), "sheet": str(sheet)}) if as_json else str(sheet))
    return tally.exit_code


def _list(planned: ArchivePlan, *, as_json: bool) -> int:
    """What would be done, and why, on stdout."""
    for item, reason in planned.selection.todo:
        row = {"source": str(item.source), "target": str(item.target), "kind": item.kind.value, "reason": reason.value}
        echo(json.dumps(row) if as_json else f"{item.source} -> {item.target} ({reason.value})")
    for item, error in planned.refused:
        echo(json.dumps({"source": str(item.source), "error": str(error)}) if as_json else f"Error: {error}")
    for sentence in planned.notes:
        message(f"Note: {sentence}")
    todo, up_to_date, refused = len(planned.selection.todo), planned.selection.up_to_date, len(planned.refused)
    message(f"{todo} to do, {up_to_date} up to date, {refused} refused")
    return ExitCode.OK
