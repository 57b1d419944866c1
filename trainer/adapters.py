"""Adapters by the architecture of their generator.

A new generator trains without one. Where it has a pretrained encoder, an auxiliary output or options of its own, write an adapter in a
file of its own and name it in `ADAPTERS`.
"""

from __future__ import annotations

from .adapter import Adapter
from .lite_adapter import LiteAdapter
from .siggraph17_adapter import Siggraph17Adapter

ADAPTERS: dict[str, type[Adapter]] = {"lite": LiteAdapter, "siggraph17": Siggraph17Adapter}


def adapter_of(architecture: str) -> Adapter:
    return ADAPTERS.get(architecture, Adapter)()
