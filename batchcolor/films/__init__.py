"""Films: decode, colorize, keep steady, encode, copy everything else."""

from __future__ import annotations

from .job import FilmStopped
from .preview import preview
from .probe import FilmInfo, describe, probe
from .shotlist import find_shots, read_cuts, write_shots
from .transcode import FilmProgress, FilmResult, colorize_film

__all__ = [
    "FilmInfo",
    "FilmProgress",
    "FilmResult",
    "FilmStopped",
    "colorize_film",
    "describe",
    "find_shots",
    "preview",
    "probe",
    "read_cuts",
    "write_shots",
]
