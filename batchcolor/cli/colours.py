"""`batchcolor colours`: files of chosen colours, checked before they are used."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import ExitCode, UsageError


@click.group()
def colours() -> None:
    """Check files of chosen colours.

    \b
    Example:
      batchcolor colours check colour/.batchcolor/colours
    """


@colours.command()
@click.argument("folder", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "--sources",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Photos and films that they belong to, to be looked at as well.",
)
def check(folder: Path, sources: Path | None) -> int:
    """Check a folder of chosen colours, or one file of it.

    Each fault is one sentence with file, key and remedy; the exit code is then 2.

    \b
    Examples:
      batchcolor colours check colour/.batchcolor/colours
      batchcolor colours check chosen/ --sources scans/
    """
    from ..archive.check_colours import check_folder

    if not folder.exists():
        raise UsageError(f"{folder}: no such folder or file; give a folder of chosen colours")
    files, faults = check_folder(folder, sources)
    for fault in faults:
        click.echo(f"Error: {fault}", err=True)
    click.echo(f"{files} files, {len(faults) or 'no'} {'fault' if len(faults) == 1 else 'faults'}")
    return ExitCode.USAGE if faults else ExitCode.OK
