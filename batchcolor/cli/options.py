"""Command-line options, environment variables and TOML files, made from the dataclasses of `batchcolor.settings`.

A flag wins over the environment, the environment over TOML, TOML over the default. Every value is checked by the option's own schema
(`settings.option_types`), whichever way it comes.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from ..archive.item_settings import ItemSettings, Override
from ..settings import ColorSettings, FilmSettings, ModelSettings, PhotoSettings, RunOptions, Settings
from ..settings.option_types import OptionField, build, check, option, option_fields, unknown_name

Command = TypeVar("Command", bound=Callable[..., Any])

_MAX_CONFIG_BYTES = 1 << 20
_OVERRIDES, _CONFIG = "batchcolor.overrides", "batchcolor.config"  # keys of the context's meta
_REPORTING, _SELECTION = "Reporting", "Selection"


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """What the command line shows, and whether it does anything at all."""

    dry_run: bool = option(False, "List what would be done and why; do nothing.", heading=_SELECTION)
    preview: bool = option(
        False, "Write contact sheets of films instead of films: one frame of each shot, before and after.", heading=_SELECTION
    )
    log_file: Path | None = option(None, "Append everything that happens to this file.", heading=_REPORTING, metavar="FILE")
    verbose: bool = option(False, "Show tracebacks of unexpected errors.", heading=_REPORTING, short="-v")
    quiet: bool = option(False, "Print errors only.", heading=_REPORTING, short="-q")
    json: bool = option(False, "Print a JSON object for each finished item on stdout, and a summary.", heading=_REPORTING)

    def __post_init__(self) -> None:
        check(self)


_SETTINGS = {"model": ModelSettings, "color": ColorSettings, "photo": PhotoSettings, "film": FilmSettings}
_KINDS = (*_SETTINGS.values(), RunOptions, DisplayOptions)


class SchemaType(click.ParamType[Any]):
    """The values of an option, as its schema has them."""

    def __init__(self, field: OptionField) -> None:
        self.field, self.name = field, field.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.field.parse(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        about = self.field.about
        if about.metavar:
            return about.metavar
        if self.field.choices:
            return f"[{'|'.join(self.field.choices)}]"
        if about.low is not None and about.high is not None and about.high <= 2048:
            return f"{about.low:g}..{about.high:g}"
        return "N"


class _Option(click.Option):
    """An option that `--help` lists under a heading. A flag that is off by default is listed without its `--no-` form."""

    def __init__(self, *arguments: Any, heading: str, field: OptionField, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.heading, self.field = heading, field

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if not self.is_flag or self.default:
            return super().get_help_record(ctx)
        secondary, self.secondary_opts = self.secondary_opts, []
        try:
            return super().get_help_record(ctx)
        finally:
            self.secondary_opts = secondary


class OptionsCommand(click.Command):
    """A command whose help lists options under headings, and which refuses misspelled environment variables."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "heading", "Options"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.auto_envvar_prefix:
            prefix = f"{ctx.auto_envvar_prefix}_"
            known = {f"{prefix}{param.name.upper()}" for param in self.params if param.name}
            for variable in os.environ:
                if variable.startswith(prefix) and variable not in known:
                    raise click.UsageError(f"{variable}: there is no such option{unknown_name(variable, known)}", ctx)
        return super().parse_args(ctx, args)


def colorize_options(command: Command) -> Command:
    """Add every option of the settings, the run and the display, and `--config`."""
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_read_config,
        metavar="FILE.toml",
        help='TOML file with values for any of these options, and tables such as ["reels/**"] for some items alone.',
    )
    command = config(command)
    for field in reversed([field for kind in _KINDS for field in option_fields(kind)]):
        command = _click_option(field)(command)
    return command


def item_settings_of(values: Mapping[str, Any]) -> ItemSettings:
    """The settings that parsed options describe, with the tables of the TOML file."""
    context = click.get_current_context(silent=True)
    overrides = context.meta.get(_OVERRIDES, ()) if context is not None else ()
    return ItemSettings(Settings(**{name: build(kind, values) for name, kind in _SETTINGS.items()}), overrides)


def config_path() -> Path | None:
    """The TOML file that options were read from."""
    context = click.get_current_context(silent=True)
    path: Path | None = context.meta.get(_CONFIG) if context is not None else None
    return path


def run_options_of(values: Mapping[str, Any]) -> RunOptions:
    """How the run behaves, from parsed options."""
    return build(RunOptions, values)


def display_options_of(values: Mapping[str, Any]) -> DisplayOptions:
    """What is shown, from parsed options."""
    return build(DisplayOptions, values)


def _click_option(field: OptionField) -> Callable[[Command], Command]:
    about, flag = field.about, f"--{field.flag}"
    names = [flag, *([about.short] if about.short else []), field.name]
    more: dict[str, Any] = {"cls": _Option, "heading": about.heading, "field": field, "help": about.help}
    if field.kind is bool:
        return click.option(f"{flag}/--no-{field.flag}", *names[1:], default=field.default, show_default=field.default, **more)
    shown = field.default is not None and not (about.duration and field.default == 0)
    return click.option(*names, type=SchemaType(field), default=field.default, show_default=shown, **more)


def _read_config(ctx: click.Context, _param: click.Parameter, path: Path | None) -> None:
    """Values of a TOML file become the defaults of the options; tables become overrides for the items that they name."""
    if path is None:
        return
    table = _toml(path)
    known = {param.name: param for param in ctx.command.params if param.name and param.name != "config"}
    values: dict[str, Any] = {}
    overrides = []
    for key, value in table.items():
        if isinstance(value, dict):
            overrides.append(Override.parse(key, value))
            continue
        name, value = _named(key.replace("-", "_"), value)  # noqa: PLW2901 - `no-provenance = true` is `provenance = false`
        if name not in known:
            flags = [each.replace("_", "-") for each in known]
            raise click.UsageError(f"{path}: there is no option {key}{unknown_name(key, flags)}", ctx)
        if name in values:
            raise click.UsageError(f"{path}: {key} appears twice", ctx)
        values[name] = _checked(known[name], key, value, path, ctx)
    ctx.meta[_CONFIG] = path
    ctx.default_map = values
    ctx.meta[_OVERRIDES] = tuple(overrides)


def _toml(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise OSError(None, "not a file" if path.exists() else "no such file")
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise OSError(None, "larger than 1 MB")
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError) as exc:  # ValueError: of TOML, and of text that is not UTF-8
        reason = getattr(exc, "strerror", None) or ("nested too deeply" if isinstance(exc, RecursionError) else exc)
        raise click.UsageError(f"{path}: cannot be read as TOML ({reason})") from exc


def _named(name: str, value: Any) -> tuple[str, Any]:
    flags = {field.name for kind in _KINDS for field in option_fields(kind) if field.kind is bool}
    if name.startswith("no_") and name[3:] in flags and isinstance(value, bool):
        return name[3:], not value
    return name, value


def _checked(param: click.Parameter, key: str, value: Any, path: Path, ctx: click.Context) -> Any:
    try:
        if isinstance(param, _Option):
            return param.field.parse(value)
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
    except ValueError as exc:
        raise click.UsageError(f"{path}: {key}: {exc}", ctx) from exc
    return value
