"""Films: decode, colorize, keep steady, encode, copy everything else."""

from __future__ import annotations

from .job import FilmStopped
from .probe import FilmInfo, describe, probe
from .transcode import FilmProgress, FilmResult, colorize_film

__all__ = ["FilmInfo", "FilmProgress", "FilmResult", "FilmStopped", "colorize_film", "describe", "probe"]
