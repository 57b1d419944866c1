"""`batchcolor review`: look through results in a browser, choose colours, redo."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import ExitCode


@click.command()
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port on 127.0.0.1; 0 takes a free one. Without it: 8737, which reports link to, or a free one where that is taken.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
def review(output: Path, port: int | None, no_browser: bool) -> int:
    """Look through an output folder in a browser, choose colours, and redo what changed.

    Serves a page on this machine alone, for as long as the command runs; Ctrl-C ends it. Points are saved in
    OUTPUT/.batchcolor/colours. Needs: pip install "batchcolor[review]"

    \b
    Example:
      batchcolor review colour/
    """
    from ..review.serve import serve
    from .terminal import echo

    serve(output, echo, port=port, open_browser=not no_browser)
    return ExitCode.OK
