"""The user's cache folder, for files that can be fetched or rebuilt."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "BATCHCOLOR_CACHE"


def cache_root() -> Path:
    """The cache folder, or the one that the environment variable BATCHCOLOR_CACHE names. It may not exist yet.

    The environment is read here rather than by the command line, because worker processes must find the same folder.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("batchcolor", appauthor=False))
