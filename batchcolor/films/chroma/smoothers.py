"""The smoothers by name. To add one, write its module and name its function here; its contract stands in `smoothing.py`."""

from __future__ import annotations

import importlib

from .smoothing import Smoother

SMOOTHERS = {
    "none": "smoothing.unsmoothed",
    "exponential": "smoothing.exponential",
    "flow": "smoothing.along_motion",
}


def smoother_of(name: str) -> Smoother:
    """The smoother called `name`, a key of `SMOOTHERS`."""
    module, function = SMOOTHERS[name].split(".")
    smoother: Smoother = getattr(importlib.import_module(f".{module}", __package__), function)
    return smoother
