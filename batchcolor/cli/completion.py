"""`batchcolor completion`: what a shell needs to complete commands, options and file names."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Example:
      batchcolor completion bash > ~/.local/share/bash-completion/completions/batchcolor
      batchcolor completion zsh > "${fpath[1]}/_batchcolor"
      batchcolor completion fish > ~/.config/fish/completions/batchcolor.fish
    """
    from click.shell_completion import get_completion_class

    from . import cli

    script = get_completion_class(shell)
    assert script is not None, "click has a class for each of the three"
    click.echo(script(cli, {}, "batchcolor", "_BATCHCOLOR_COMPLETE").source())
