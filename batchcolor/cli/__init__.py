"""The command line. Commands parse, call one function and print; everything heavy (torch, av, libvips) is imported inside them, and
they themselves only when they are called, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
from collections.abc import Iterator, Sequence

import click

from ..errors import BatchcolorError, ExitCode
from ..runtime.version import __version__
from .terminal import message, printable

# The first sentence of each command's help; the module has its name, and so has the command in it.
COMMANDS = {
    "colorize": "Colorize photos and films, in folders or named one by one.",
    "colours": "Check files of chosen colours.",
    "completion": "Print the completion script of a shell.",
    "demo": "Make black-and-white photos and a film from pictures with known colours, and colorize them.",
    "models": "List the weights that are known, and which of them are on this machine.",
    "review": "Look through an output folder in a browser, choose colours, and redo what changed.",
    "probe": "Say what photos and films are and what `colorize` would make of them.",
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "BATCHCOLOR", "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Colorize black-and-white photo archives and films, in batches, offline.

    Every option can also be set by an environment variable (BATCHCOLOR_COLORIZE_CRF=20). Exit codes: 0 all done, 1 some items
    failed, 2 usage, 3 nothing readable, 4 model, 5 output, 6 device, 7 cluster, 75 another run is at work, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a code of `ExitCode`: the one place where errors become codes."""
    try:
        with _sigterm_as_interrupt():
            code = cli.main(arguments, prog_name="batchcolor", standalone_mode=False)
    except click.ClickException as exc:
        exc.message = printable(exc.message)  # type: ignore[misc]  # may hold any argument; click declares it final and sets it itself
        exc.show()
        code = exc.exit_code
    except BatchcolorError as exc:
        message(f"Error: {exc}")
        code = exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        message("Interrupted.")
        code = ExitCode.INTERRUPTED
    sys.exit(int(code or 0))


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM ends any command as Ctrl-C does: unfinished files are removed, and the exit code is 130. `colorize` stops more gently."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
