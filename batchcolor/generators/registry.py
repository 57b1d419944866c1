"""Generators by the names of their architectures."""

from __future__ import annotations

from typing import Any

from ..errors import ModelError
from .base import Generator
from .lite import LiteGenerator
from .siggraph17 import SIGGRAPHGenerator

GENERATORS: dict[str, type[Generator]] = {cls.architecture: cls for cls in (LiteGenerator, SIGGRAPHGenerator)}


def build(architecture: str, configuration: dict[str, Any] | None = None) -> Generator:
    """A generator with fresh weights, in training mode. Raises `ModelError` for an unknown architecture or configuration."""
    if architecture not in GENERATORS:
        known = ", ".join(sorted(GENERATORS))
        raise ModelError(f"no generator is called {architecture!r}; this version knows {known}")
    try:
        return GENERATORS[architecture](**(configuration or {}))
    except (TypeError, KeyError, ValueError, IndexError, RuntimeError) as exc:  # RuntimeError: torch, of sizes below zero
        raise ModelError(f"generator {architecture!r} does not take the configuration {configuration!r}") from exc
