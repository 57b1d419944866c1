"""Every option of `colorize` can be a flag, an environment variable or a line of TOML, in this order of precedence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from batchcolor.cli import cli
from batchcolor.cli.colorize import colorize

NOT_SETTABLE = {"sources", "config", "help"}
OPTIONS = {
    option.name: option for option in colorize.params if isinstance(option, click.Option) and option.name not in NOT_SETTABLE
}

SAMPLES = {"max_runtime": ["45m", "2h"], "device": ["cpu", "cuda:1"], "start": ["5s", "1m30s"], "duration": ["45s", "2m"]}


def samples(option: click.Option) -> list[Any]:
    """Two values of the option, neither of them its default."""
    kind = option.type
    if option.is_flag:
        return [False, True] if option.default is True else [True, False]  # no default at all is no as well
    if isinstance(kind, click.Choice):
        return [choice for choice in kind.choices if choice != option.default][:2]
    if isinstance(kind, click.FloatRange):
        return [0.25, 0.75]
    if isinstance(kind, click.IntRange):
        return [(kind.min or 0) + 1, (kind.min or 0) + 2]
    return SAMPLES.get(option.name or "", ["one", "two"])


def parsed(name: str, arguments: list[str]) -> Any:
    # --output has to be somewhere, unless it is what is asked for.
    needed = [] if name == "output" else ["-o", "out"]
    context = cli.make_context("batchcolor", ["colorize", "in", *needed, *arguments])
    command = click.Context(colorize, info_name="colorize", parent=context)
    with command:
        colorize.parse_args(command, ["in", *needed, *arguments])
    value = command.params[name]
    return str(value) if isinstance(value, Path) else value


def flag(option: click.Option, value: Any) -> list[str]:
    if option.is_flag:
        return [option.opts[0] if value else option.secondary_opts[0]] if value or option.secondary_opts else []
    return [option.opts[0], str(value)]


@pytest.mark.parametrize("name", OPTIONS)
def test_flag_environment_and_toml_say_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    option = OPTIONS[name]
    first, second = (samples(option) * 2)[:2]
    by_flag = parsed(name, flag(option, first))
    assert str(by_flag) != str(option.default)

    config = tmp_path / "batchcolor.toml"
    shown = {True: "true", False: "false"}.get(first, first) if isinstance(first, bool) else first
    config.write_text(f"{name} = {shown}\n" if isinstance(first, bool | int | float) else f'{name} = "{first}"\n')
    if name != "output":
        assert parsed(name, ["--config", str(config)]) == by_flag

    variable = f"BATCHCOLOR_COLORIZE_{name.upper()}"
    monkeypatch.setenv(variable, str(first))
    assert parsed(name, []) == by_flag
    monkeypatch.setenv(variable, str(second))
    if name != "output":
        assert parsed(name, ["--config", str(config)]) == parsed(name, []), "the environment wins over TOML"
    if not option.is_flag:
        assert parsed(name, flag(option, first)) == by_flag, "a flag wins over the environment"


def test_help_lists_every_option_once_and_under_a_heading() -> None:
    text = colorize.get_help(click.Context(colorize, info_name="colorize"))
    _, *parts = re.split(r"^(\w[\w ]*):$", text[text.index("\nOptions:") :], flags=re.MULTILINE)
    listed = {
        heading: re.findall(r"^  (?:-\w, )?--([a-z-]+)", body, re.MULTILINE)
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }
    names = [name for names in listed.values() for name in names]
    assert len(names) == len(set(names)) == len(colorize.params)  # sources have no line, and --help has one
    assert set(listed["Options"]) == {"output", "config", "help"}
    assert "crf" in listed["Films"]
    assert "quality" in listed["Photos"]
