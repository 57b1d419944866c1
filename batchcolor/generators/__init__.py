"""The networks: lightness in, chroma out. To add one, write its module and name its layout in `layout.py` (CONTRIBUTING.md).

The names of this package are imported on first use: they need torch, which takes a second to import and is not needed to run a converted
network.
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
