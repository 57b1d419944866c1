"""Generators by the names of their architectures: those of `layout.LAYOUTS`, each in the module of its name."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import ModelError
from .base import Generator
from .layout import LAYOUTS


def _class_of(architecture: str) -> type[Generator]:
    module = importlib.import_module(f".{architecture}", __package__)
    return next(
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Generator) and getattr(each, "architecture", None) == architecture
    )


GENERATORS: dict[str, type[Generator]] = {architecture: _class_of(architecture) for architecture in LAYOUTS}


def build(architecture: str, configuration: dict[str, Any] | None = None) -> Generator:
    """A generator with fresh weights, in training mode. Raises `ModelError` for an unknown architecture or configuration."""
    if architecture not in GENERATORS:
        known = ", ".join(sorted(GENERATORS))
        raise ModelError(f"no generator is called {architecture!r}; this version knows {known}")
    try:
        return GENERATORS[architecture](**(configuration or {}))
    except (TypeError, KeyError, ValueError, IndexError, RuntimeError) as exc:  # RuntimeError: torch, of sizes below zero
        raise ModelError(f"generator {architecture!r} does not take the configuration {configuration!r}") from exc
