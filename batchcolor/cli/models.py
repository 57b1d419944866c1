"""`batchcolor models`: the weights that are known, here, fetched and whole."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from .terminal import echo, echo_lines

if TYPE_CHECKING:
    from ..weights import InstalledWeights


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array on stdout.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the weights that are known, and which of them are on this machine.

    Never touches the network; only `batchcolor models fetch` does.

    \b
    Example:
      batchcolor models
      batchcolor models --json
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json belongs behind the command: batchcolor models verify --json")
        return
    from ..weights import list_weights

    holdings = list_weights()
    if as_json:
        echo_lines(json.dumps([_as_dict(holding) for holding in holdings], indent=2))
    elif sys.stdout.isatty():
        _print_table(holdings)
    else:
        for holding in holdings:
            _print_lines(holding)


def _as_dict(holding: InstalledWeights) -> dict[str, Any]:
    known = holding.known
    return {
        "name": known.name,
        "architecture": known.architecture,
        "about": known.about,
        "licence": known.licence,
        "origin": known.origin,
        "embedded": known.embedded,
        "mirrors": [dataclasses.asdict(mirror) for mirror in known.mirrors],
        "path": str(holding.path) if holding.path else None,
        "size": holding.size,
        "sha256": holding.sha256,
    }


def _where(holding: InstalledWeights) -> str:
    if holding.path is not None:
        return str(holding.path)
    if holding.known.embedded:
        return "missing from this installation; type: pip install --force-reinstall batchcolor"
    return f"not here; type: batchcolor models fetch {holding.known.name}"


def _size(holding: InstalledWeights) -> str:
    """In megabytes: what is here, else what was published."""
    published = next((mirror.size for mirror in holding.known.mirrors if mirror.size), None)
    size = holding.size or published
    return f"{size / 1e6:.1f} MB" if size else "-"


def _print_table(holdings: list[InstalledWeights]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "size", "licence", "SHA-256", "where", box=None, pad_edge=False)
    for holding in holdings:
        digest = (holding.sha256 or "-")[:16]
        table.add_row(holding.known.name, _size(holding), holding.known.licence, digest, _where(holding))
    Console().print(table)


def _print_lines(holding: InstalledWeights) -> None:
    """Plain text, one fact a line, nothing cut off: for pipes and logs."""
    known = holding.known
    echo(known.name)
    for label, value in (
        ("about", known.about),
        ("where", _where(holding)),
        ("size", _size(holding)),
        ("licence", known.licence),
        ("origin", known.origin),
        ("sha256", holding.sha256 or "-"),
    ):
        echo(f"  {label}: {value}")


@models.command()
@click.argument("name")
@click.option("--again", is_flag=True, help="Fetch even what is here already.")
def fetch(name: str, again: bool) -> None:
    """Fetch known weights into the cache and print their path.

    A broken-off download goes on where it stopped. The file gets its name only once its size, its SHA-256 and its tensors are
    right. The cache is the user's own; the environment variable BATCHCOLOR_CACHE names another folder.

    \b
    Example:
      batchcolor models fetch siggraph17
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from ..weights.fetch import fetch_weights
    from ..weights.store import known_weights

    known = known_weights(name)
    # On stderr: stdout holds the path and nothing else.
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(known.name, total=None)
        path = fetch_weights(known, again=again, progress=lambda here, total: bar.update(task, completed=here, total=total))
    echo(str(path))


@models.command()
@click.argument("weights", nargs=-1, metavar="[NAME|PATH]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array on stdout.")
def verify(weights: tuple[str, ...], as_json: bool) -> None:
    """Hash weights again, compare with what was fetched or published, and load them.

    Without arguments: the built-in weights and everything in the cache. Exit code 4 if any of them is incomplete or damaged.

    \b
    Example:
      batchcolor models verify
      batchcolor models verify siggraph17 my-run.safetensors
    """
    from ..errors import ModelError
    from ..weights import list_weights
    from ..weights import verify as verify_one

    chosen = weights or tuple(h.known.name for h in list_weights() if h.path is not None or h.known.embedded)
    found = [verify_one(name_or_path) for name_or_path in chosen]
    if as_json:
        rows = [{**dataclasses.asdict(one), "path": str(one.path) if one.path else None} for one in found]
        echo_lines(json.dumps(rows, indent=2))
    else:
        for one in found:
            if one.problem is None:
                echo(f"{one.name}: whole, {one.comparison} ({one.architecture}, {one.tensors} tensors, SHA-256 {one.sha256})")
            else:
                echo(f"{one.name}: {one.comparison}: {one.problem}")
    wrong = [one.name for one in found if one.problem is not None]
    if wrong:
        raise ModelError(f"{len(wrong)} of {len(found)} weights are incomplete or damaged: {', '.join(wrong)}")
