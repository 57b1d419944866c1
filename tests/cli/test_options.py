"""Every option is a flag, an environment variable and a TOML key, in this order of precedence, and one schema checks all three."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchcolor.cli import cli
from batchcolor.cli.colorize import colorize
from batchcolor.cli.options import _KINDS
from batchcolor.settings.option_types import OptionField, option_fields

FIELDS = {field.name: field for kind in _KINDS for field in option_fields(kind)}
SAMPLES = {"device": ["cpu", "cuda:1"], "start": ["5s", "1m30s"], "key_frames": ["every", "3"]}


def samples(field: OptionField) -> list[Any]:
    """Two values of the option, neither of them its default."""
    if field.name in SAMPLES:
        return SAMPLES[field.name]
    if field.choices:
        return ([choice for choice in field.choices if choice != field.default] * 2)[:2]
    if field.kind is bool:
        return [not field.default, field.default]
    if field.about.duration:
        return ["45m", "2h"]
    if field.kind in (int, float):
        low = int(field.about.low or 0)
        return [low + 2, low + 3]
    return ["one", "two"]


def parsed(name: str, arguments: list[str]) -> Any:
    context = cli.make_context("batchcolor", ["colorize", "in", "-o", "out", *arguments])
    command = click.Context(colorize, info_name="colorize", parent=context)
    with command:
        colorize.parse_args(command, ["in", "-o", "out", *arguments])
    return command.params[name]


def flag(field: OptionField, value: Any) -> list[str]:
    if field.kind is bool:
        return [f"--{field.flag}" if value else f"--no-{field.flag}"]
    return [f"--{field.flag}={value}"]


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize("name", FIELDS)
def test_flag_environment_and_toml_agree(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    field = FIELDS[name]
    first, second = samples(field)
    by_flag = parsed(name, flag(field, first))
    assert by_flag != field.default

    config = tmp_path / "batchcolor.toml"
    config.write_text(f"{field.flag} = {toml(first)}\n")
    assert parsed(name, ["--config", str(config)]) == by_flag

    variable = f"BATCHCOLOR_COLORIZE_{name.upper()}"
    monkeypatch.setenv(variable, str(first))
    assert parsed(name, []) == by_flag
    monkeypatch.setenv(variable, str(second))
    by_environment = parsed(name, [])
    assert parsed(name, ["--config", str(config)]) == by_environment, "the environment wins over TOML"
    assert parsed(name, flag(field, first)) == by_flag, "a flag wins over the environment"


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.kind is bool])
def test_every_flag_has_a_negative_form_in_toml_as_well(name: str, tmp_path: Path) -> None:
    config = tmp_path / "batchcolor.toml"
    config.write_text(f"no-{FIELDS[name].flag} = true\n")
    assert parsed(name, ["--config", str(config)]) is False
    assert parsed(name, ["--config", str(config), f"--{FIELDS[name].flag}"]) is True


ANY_VALUE = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=20),
    st.sampled_from(["nan", "inf", "-inf", "1e999", "", " ", "0x10", "1_000", "١٢", "auto", "9" * 5000]),
)


@given(name=st.sampled_from(sorted(FIELDS)), value=ANY_VALUE)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_means_the_same_as_flag_and_environment_or_is_refused_by_both(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field, text = FIELDS[name], str(value)
    if "\0" in text:
        return

    def outcome(arguments: list[str]) -> Any:
        try:
            found = parsed(name, arguments)
        except click.UsageError:
            return "refused"
        assert not isinstance(found, float) or math.isfinite(found)
        return found

    with monkeypatch.context() as environment:
        environment.setenv(f"BATCHCOLOR_COLORIZE_{name.upper()}", text)
        by_environment = outcome([])
    if field.kind is not bool and text:  # an empty variable counts as not set, as everywhere
        assert outcome([f"--{field.flag}={text}"]) == by_environment


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"qualty = 3", "no option qualty.*did you mean quality"),
        (b"saturation = nan", "saturation: nan is not a finite number"),
        (b"saturation = [1]", r"saturation: \[1\] is not a number"),
        (b"saturation = true", "saturation: True is not a number"),
        (b"crf = 20.5", "crf: 20.5 is not a whole number"),
        (b"codec = 'h265'", "codec: 'h265' is not one of.*did you mean"),
        (b"quality = 0", "quality: 0 is not between 1 and 100"),
        (b"duration = 0", "duration: 0 is not more than 0|duration: 0 is not between"),
        (b"quality = 80\nquality = 81", "cannot be read as TOML"),
        (b"no-provenance = true\nprovenance = true", "provenance appears twice"),
        (b"# caf\xe9", "cannot be read as TOML"),
        (b"crf = " + b"[" * 2000, "cannot be read as TOML"),
        (b'["reels/**"]\nweights = "x"', "weights is not an option that can differ between items"),
        (b'["reels/**"]\ncrf = 99', r'\["reels/\*\*"\]: crf: 99 is not between 0 and 63'),
        (b"output = 3", "output: 3 is not text"),
    ],
)
def test_an_invalid_toml_file_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    config = tmp_path / "batchcolor.toml"
    config.write_bytes(content)
    ran = run_command(["colorize", "in", "-o", "out", "--config", str(config)])
    assert ran.exit_code == 2
    assert re.search(sentence, " ".join(ran.output.split()).replace("│", "")), ran.output
    assert "Traceback" not in ran.output


def run_command(arguments: list[str], environment: dict[str, str] | None = None) -> Any:
    """The command line in this process, with its exit code and all that it printed."""
    import contextlib
    import io
    from types import SimpleNamespace

    from batchcolor.cli import main

    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        out = io.StringIO()
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(out))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    return SimpleNamespace(exit_code=ended.value.code, output=out.getvalue())


def test_a_misspelled_environment_variable_is_refused_with_a_suggestion() -> None:
    ran = run_command(["colorize", "in", "-o", "out"], {"BATCHCOLOR_COLORIZE_SATURATON": "1"})
    assert ran.exit_code == 2
    assert "did you mean BATCHCOLOR_COLORIZE_SATURATION" in " ".join(ran.output.split())


def test_a_missing_config_is_one_sentence(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "no such file"), (tmp_path, "directory")):
        ran = run_command(["colorize", "in", "-o", "out", "--config", str(path)])
        assert ran.exit_code == 2
        assert reason in ran.output


def test_help_lists_every_option_once_and_under_a_heading() -> None:
    text = colorize.get_help(click.Context(colorize, info_name="colorize"))
    _, *parts = re.split(r"^(\w[\w ]*):$", text[text.index("\nOptions:") :], flags=re.MULTILINE)
    listed = {
        heading: re.findall(r"^  (?:-\w, )?--([a-z0-9-]+)", body, re.MULTILINE)
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }
    names = [name for names in listed.values() for name in names]
    assert len(names) == len(set(names)) == len(colorize.params)  # sources have no line, and --help has one
    assert set(listed["Options"]) == {"output", "config", "help"}
    assert "crf" in listed["Films"]
    assert "quality" in listed["Photos"]
