"""batchcolor: colorizes black-and-white photo archives and films in batches.

The names below are the public API (docs/api.md). They are imported when they are first used, so that `import batchcolor` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .runtime.version import __version__ as __version__

if TYPE_CHECKING:
    from .app import (
        ArchivePlan,
        Events,
        Summary,
        colorize_array,
        colorize_film,
        colorize_photo,
        plan_archive,
        preview_films,
        run_archive,
    )
    from .archive.item_settings import ItemSettings, Override
    from .archive.outcome import Outcome, Status
    from .errors import BatchcolorError
    from .settings import ColorSettings, FilmSettings, ModelSettings, PhotoSettings, RunOptions, Settings

_MODULES = {
    "app": (
        "ArchivePlan",
        "Events",
        "Summary",
        "colorize_array",
        "colorize_film",
        "colorize_photo",
        "plan_archive",
        "preview_films",
        "run_archive",
    ),
    "archive.item_settings": ("ItemSettings", "Override"),
    "archive.outcome": ("Outcome", "Status"),
    "errors": ("BatchcolorError",),
    "settings": ("ColorSettings", "FilmSettings", "ModelSettings", "PhotoSettings", "RunOptions", "Settings"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ArchivePlan",
    "BatchcolorError",
    "ColorSettings",
    "Events",
    "FilmSettings",
    "ItemSettings",
    "ModelSettings",
    "Outcome",
    "Override",
    "PhotoSettings",
    "RunOptions",
    "Settings",
    "Status",
    "Summary",
    "colorize_array",
    "colorize_film",
    "colorize_photo",
    "plan_archive",
    "preview_films",
    "run_archive",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
