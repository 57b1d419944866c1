"""The networks: lightness in, chroma out. To add one, write its file, name its class in `registry.py` and its layout in `layout.py`.

Names are imported on first use: they need torch, an extra that takes a second to import and that converted networks do without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Generator, Hints, parameter_count, weight_tensors
    from .registry import GENERATORS, build

_MODULES = {
    "GENERATORS": "registry",
    "build": "registry",
    "Generator": "base",
    "Hints": "base",
    "parameter_count": "base",
    "weight_tensors": "base",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


__all__ = ["GENERATORS", "Generator", "Hints", "build", "parameter_count", "weight_tensors"]
