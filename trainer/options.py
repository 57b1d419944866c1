"""Command-line options made from the settings: a field's name, default and help are written once, beside its meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Settings = TypeVar("Settings")

RENAMED = {
    "--rate": "--learning-rate",
    "--encoder-rate": "--encoder-learning-rate-scale",
    "--discriminator-rate": "--discriminator-learning-rate",
    "--discriminator-planes": "--discriminator-channels",
    "--gan-from": "--gan-start",
    "--steady-weight": "--temporal-weight",
    "--steady-shift": "--temporal-shift",
    "--decode-threads": "--workers",
    "--judge": "--validation",
    "--judge-pattern": "--validation-pattern",
    "--judge-every": "--validation-every",
    "--judge-minutes": "--validation-minutes",
    "--show": "--preview",
    "--planes": "--crops",
}


class Command(click.Command):
    """A command that takes options under their former names as well, with a warning on stderr."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name for parameter in self.params for name in parameter.opts}
        current = []
        for arg in args:
            name, equals, value = arg.partition("=")
            new = RENAMED.get(name)
            if new in known and name not in known:
                click.echo(f"Warning: {name} is now called {new}", err=True)
                arg = f"{new}{equals}{value}"  # noqa: PLW2901
            current.append(arg)
        return super().parse_args(ctx, current)


class Group(click.Group):
    """A group whose commands are all of class `Command`."""

    command_class = Command
    group_class = type  # its groups are of this class, too


def setting(default: Any, help: str, *, flag: str = "", choices: Iterable[str] = ()) -> Any:
    """A dataclass field that is also an option.

    flag: the option's name where it differs from the field's. choices: the values it takes, such as the keys of a registry.
    """
    return dataclasses.field(default=default, metadata={"help": help, "flag": flag, "choices": tuple(choices)})


def _fields(kind: type) -> list[tuple[dataclasses.Field[Any], str]]:
    """The fields that are options, each with its parameter's name."""
    return [(field, _name(field)) for field in dataclasses.fields(kind) if "help" in field.metadata]


def _name(field: dataclasses.Field[Any]) -> str:
    """The parameter's name of a field's option; the field's own name where it is no option."""
    return (field.metadata.get("flag") or field.name).lstrip("-").replace("-", "_")


def options_of(*kinds: type) -> Callable[[Decorated], Decorated]:
    """A decorator that gives a command every option of these dataclasses."""

    def decorate(command: Decorated) -> Decorated:
        for kind in reversed(kinds):
            hints = get_type_hints(kind)
            for field, name in reversed(_fields(kind)):
                command = _option(field, name, hints[field.name])(command)
        return command

    return decorate


def _option(field: dataclasses.Field[Any], name: str, hint: Any) -> Callable[[Decorated], Decorated]:
    flag, help_ = f"--{name.replace('_', '-')}", field.metadata["help"]
    if hint is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=field.default, help=help_)
    if field.metadata["choices"]:
        return click.option(flag, name, type=click.Choice(field.metadata["choices"]), default=field.default, help=help_)
    if get_origin(hint) is tuple:
        return click.option(flag, name, type=get_args(hint), default=field.default, help=help_)
    kind = next((kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)), str)
    return click.option(flag, name, type=kind, default=field.default, help=help_)


def made_of(kind: type[Settings], values: dict[str, Any], **more: Any) -> Settings:
    """The dataclass that parsed option values describe; `more` are its other fields."""
    return kind(**{field.name: values[name] for field, name in _fields(kind)}, **more)


def values_of(made: Any) -> dict[str, Any]:
    """The values of a dataclass by the names of their options, nested dataclasses included: the inverse of `made_of`."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if dataclasses.is_dataclass(value):
            values |= values_of(value)
        elif isinstance(value, tuple) and value and all(map(dataclasses.is_dataclass, value)):
            for each in value:
                values |= values_of(each)
        else:
            values[_name(field)] = value
    return values
