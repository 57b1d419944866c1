"""Films: decode, colorize, keep steady, encode, copy everything else."""

from __future__ import annotations

from .chunks.job import FilmStopped
from .colorize import FilmOutcome, FilmProgress, FilmResult, colorize_film
from .input.probe import FilmInfo, describe, probe
from .preview import preview
from .shots.shot_list import find_shots, read_cuts, write_shots

__all__ = [
    "FilmInfo",
    "FilmOutcome",
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
