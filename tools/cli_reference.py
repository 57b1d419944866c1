"""Write the pages of docs/reference/ that list commands and options, from the commands themselves.

python -m tools.cli_reference
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

DOCS = Path(__file__).parents[1] / "docs"
_WIDTH = 100  # columns of usage lines
_INTRODUCTION = """\
# {title}

Generated from the commands' own help by `python -m tools.cli_reference`.
"""


def pages() -> dict[Path, str]:
    """Path -> text of every generated page."""
    from batchcolor.cli import cli
    from trainer.__main__ import main as trainer

    return {
        DOCS / "reference" / "cli.md": _page("Command line", cli, "batchcolor"),
        DOCS / "reference" / "trainer.md": _page("Trainer", trainer, "python -m trainer"),
    }


def _page(title: str, command: click.Command, name: str) -> str:
    return "\n".join([_INTRODUCTION.format(title=title), *_sections(command, name, None)]).rstrip() + "\n"


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH, **command.context_settings)
    yield f"## {context.command_path}\n"
    yield f"```\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield from _help(command.help or "")
    for heading, options in _options(command, context).items():
        if heading != "Options":
            yield f"### {context.command_path}: {heading.lower()}\n"
        yield "| Option | Meaning | Default |\n| --- | --- | --- |"
        yield from (_row(option, context) for option in options)
        yield ""
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child is not None and not child.hidden:
                yield from _sections(child, child_name, context)


def _help(text: str) -> Iterator[str]:
    r"""Paragraphs of a docstring; those after `\b` are kept as they are, as code."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if not paragraph.lstrip().startswith("\b"):
            yield " ".join(line.strip() for line in paragraph.splitlines()) + "\n"
            continue
        heading, *lines = paragraph.strip("\b\n ").splitlines()
        yield f"{heading.strip()}\n\n```sh\n" + "\n".join(line.strip() for line in lines) + "\n```\n"


def _options(command: click.Command, context: click.Context) -> dict[str, list[click.Option]]:
    """Visible options by their heading in `--help`."""
    found: dict[str, list[click.Option]] = {}
    for param in command.get_params(context):
        if isinstance(param, click.Option) and not param.hidden and "--help" not in param.opts:
            found.setdefault(getattr(param, "heading", "Options"), []).append(param)
    return found


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len, reverse=True) + option.secondary_opts)
    meaning, kind = option.help or "", option.type
    if isinstance(kind, click.IntRange | click.FloatRange):
        meaning += f" ({kind.min} to {kind.max})" if kind.max is not None else f" ({kind.min} or more)"
        names += f" `{option.metavar or 'N'}`"
    elif not option.is_flag and not option.count:
        names += f" `{option.make_metavar(context).strip('[]')}`"
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (names, meaning, _default(option))) + " |"


def _default(option: click.Option) -> str:
    value = option.default
    if callable(value) or value is None or value in (False, (), "") or repr(value).startswith("Sentinel"):
        return ""
    if option.is_flag:
        return "on"
    return f"`{value}`"


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
