"""Films: decode, colorize, keep steady, encode, copy everything else."""

from __future__ import annotations

from .account import take_account
from .chunks.job import FilmStopped
from .colorize import FilmOutcome, FilmProgress, FilmResult, colorize_film
from .input.probe import FilmInfo, describe, probe
from .output.trial import preview_streams
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
    "preview_streams",
    "probe",
    "read_cuts",
    "take_account",
    "write_shots",
]
