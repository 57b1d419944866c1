"""Command-line options made from the settings: a field's name, default and help are written once, beside its meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Made = TypeVar("Made")


def setting(default: Any, help: str, *, flag: str = "", choices: tuple[str, ...] = ()) -> Any:
    """A dataclass field that is an option as well. flag: its name there, where it is not the field's own."""
    metadata = {"help": help, "flag": flag, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def _fields(kind: type) -> list[tuple[dataclasses.Field[Any], str]]:
    """The fields that are options, each with its parameter's name."""
    return [(field, _name(field)) for field in dataclasses.fields(kind) if "help" in field.metadata]


def _name(field: dataclasses.Field[Any]) -> str:
    """The name of its option's parameter; its own where it is no option."""
    return (field.metadata.get("flag") or field.name).lstrip("-").replace("-", "_")


def options_of(*kinds: type) -> Callable[[Command], Command]:
    """A decorator that gives a command every option of these dataclasses."""

    def decorate(command: Command) -> Command:
        for kind in reversed(kinds):
            hints = get_type_hints(kind)
            for field, name in reversed(_fields(kind)):
                command = _option(field, name, hints[field.name])(command)
        return command

    return decorate


def _option(field: dataclasses.Field[Any], name: str, hint: Any) -> Callable[[Command], Command]:
    flag, help_ = f"--{name.replace('_', '-')}", field.metadata["help"]
    if hint is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=field.default, help=help_)
    if field.metadata["choices"]:
        return click.option(flag, name, type=click.Choice(field.metadata["choices"]), default=field.default, help=help_)
    if get_origin(hint) is tuple:
        return click.option(flag, name, type=get_args(hint), default=field.default, help=help_)
    kind = next((kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)), str)
    return click.option(flag, name, type=kind, default=field.default, help=help_)


def made_of(kind: type[Made], values: dict[str, Any], **more: Any) -> Made:
    """The dataclass that parsed option values describe; `more` are its other fields."""
    return kind(**{field.name: values[name] for field, name in _fields(kind)}, **more)


def values_of(made: Any) -> dict[str, Any]:
    """The values of a dataclass by the names of their options, those of dataclasses in it among them: the opposite of `made_of`."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        values |= values_of(value) if dataclasses.is_dataclass(value) else {_name(field): value}
    return values
