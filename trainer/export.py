"""From a training state to the checkpoint that the command line loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from batchcolor.errors import ModelError
from batchcolor.generators.checkpoint import Checkpoint, save

from .loop import STATE_FILE


def checkpoint_of(run: Path, card: dict[str, Any]) -> Checkpoint:
    """The averaged (EMA) generator of the run in the folder `run`. Raises `ModelError` where there is no state."""
    path = run / STATE_FILE
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(
            state["architecture"],
            state["configuration"],
            state["ema"],
            {**card, "steps": state["step"], "training_minutes": round(state["elapsed_s"] / 60, 1)},
        )
    except FileNotFoundError as exc:
        raise ModelError(f"{path}: no training state there; train into that folder first") from exc
    except Exception as exc:  # torch raises whatever the damage brings about
        raise ModelError(f"{path}: not a training state, or damaged") from exc


def export(run: Path, output: Path, card: dict[str, Any]) -> None:
    """Write the run's generator to `output`, stored as float16 (its rounding costs less than 0.01 dB; see docs/training.md)."""
    save(checkpoint_of(run, card), output, torch.float16)
