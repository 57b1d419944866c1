"""`batchcolor probe`: what files are, and what would become of them."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BatchcolorError, ExitCode, UsageError
from .terminal import echo, message

if TYPE_CHECKING:
    from ..archive.walk import Found


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
@click.option("--count", is_flag=True, help="Count the packets of films too, which reads the whole files.")
@click.option("--shots", is_flag=True, help="Look through one film and print its shots as CSV, for `colorize --shots`.")
def probe(sources: tuple[Path, ...], as_json: bool, count: bool, shots: bool) -> int:
    """Say what photos and films are and what `colorize` would make of them.

    Lists every stream of a film, its chapters and side data, and what the result cannot hold. Reads headers and the first packets; writes
    nothing.

    \b
    Examples:
      batchcolor probe scans/
      batchcolor probe reel.avi --json
      batchcolor probe --shots reel.avi > shots.csv
    """
    if shots:
        return _print_shots(sources)
    from ..archive.walk import Unhandled, walk

    readable, unreadable, unhandled = 0, 0, Unhandled()
    for source in sources:
        for found in walk(source, unhandled=unhandled):
            try:
                lines, facts = _describe(found, count)
                readable += 1
            except BatchcolorError as exc:
                unreadable += 1
                lines, facts = [f"Error: {exc}"], {"error": str(exc), "code": int(exc.exit_code)}
            if as_json:
                echo(json.dumps({"source": str(found.path), "kind": found.kind.value, **facts}, default=str))
            else:
                for line in lines:
                    (message if "error" in facts else echo)(line)
    for folder, error in unhandled.folders:
        unreadable += 1
        message(f"Error: {folder}: cannot be read ({error.strerror or error}); check its permissions")
    if unhandled.sentence is not None:
        message(f"Note: {unhandled.sentence}")
    if not readable:
        if not unreadable:
            message(f"Error: {', '.join(map(str, sources))}: neither photos nor films in there")
        return ExitCode.NOTHING_READABLE
    return ExitCode.SOME_FAILED if unreadable else ExitCode.OK


def _print_shots(sources: tuple[Path, ...]) -> int:
    from ..films import find_shots, write_shots

    if len(sources) != 1 or sources[0].is_dir():
        raise UsageError("--shots: name a single film")
    table = io.StringIO()
    write_shots(find_shots(sources[0]), table)
    for line in table.getvalue().splitlines():
        echo(line)
    return ExitCode.OK


def _describe(found: Found, count: bool) -> tuple[list[str], dict[str, Any]]:
    """Lines for people and facts for JSON. Raises `SourceError`."""
    from ..archive.plan import target_name
    from ..archive.walk import Kind

    target = target_name(found)
    if found.kind is Kind.PHOTO:
        from ..photos import probe as probe_photo
        from ..photos.write import result_depth

        photo = probe_photo(found.path)
        depth = result_depth(photo, target.suffix)
        tone = "gray" if photo.gray else "RGB (toned, or in colour)"
        alpha = ", alpha" if photo.alpha else ""
        sentence = (
            f"{found.path}: photo, {photo.width}x{photo.height}, {photo.depth} bit {tone}{alpha} "
            f"-> {target}, {depth} bit RGB{alpha}"
        )
        return [sentence], {"target": str(target), "result_depth": depth, **dataclasses.asdict(photo)}
    return _describe_film(found.path, target, count)


def _describe_film(source: Path, target: Path, count: bool) -> tuple[list[str], dict[str, Any]]:
    from ..films import describe, preview_streams, take_account
    from ..films import probe as probe_film

    film, account = probe_film(source), take_account(source, count=count)
    warnings = preview_streams(source, target)
    lines = [f"{source}: film, {describe(film)} -> {target}", *account.lines(), *(f"warning: {each}" for each in warnings)]
    facts = {"target": str(target), **dataclasses.asdict(film), "account": account.as_dict(), "warnings": warnings}
    return [lines[0], *(f"  {line}" for line in lines[1:])], facts
