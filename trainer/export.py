"""From training states and checkpoints to the checkpoint that the command line loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from batchcolor.engines import openvino_installed
from batchcolor.errors import ModelError, UsageError
from batchcolor.generators import GENERATORS
from batchcolor.generators.checkpoint import Checkpoint, load, save
from batchcolor.weights import open_checkpoint
from batchcolor.weights.catalogue import CATALOGUE

from .report import CURVE_FILE, read_rows
from .state import STATE_FILE, read_state


def checkpoint_of(source: Path) -> Checkpoint:
    """The checkpoint in the file `source`, or the averaged (EMA) generator of the run in the folder `source`. Raises `ModelError`.

    A run's card says how long it was trained, with which settings, and the last figures of its validation with their step.
    """
    if not source.is_dir():
        return load(source)
    path = source / STATE_FILE
    if not path.is_file():
        raise ModelError(f"{path}: no training state there; train into that folder first")
    state = read_state(path)
    card: dict[str, Any] = {"steps": state["step"], "joint_steps": state.get("joint_steps", 0)}
    card["training_minutes"] = round(state["elapsed_s"] / 60, 1)
    if settings := state.get("settings"):  # older states have none
        card["settings"] = {**settings, "init": Path(settings["init"]).name}  # cards are published, folders are the user's own
    if rows := read_rows(source / CURVE_FILE):
        card["figures"] = {name: float(value) for name, value in rows[-1].items() if value}
    return Checkpoint(state["architecture"], state["configuration"], state["ema"], card)


def named_checkpoint(name: str) -> Checkpoint:
    """As `checkpoint_of`, or known weights by their name, such as `lite`. Raises `ModelError`."""
    return open_checkpoint(name) if name in CATALOGUE else checkpoint_of(Path(name))


def average(parts: Sequence[tuple[str, float]]) -> Checkpoint:
    """The weighted mean of checkpoints or runs of one architecture and configuration; weights are scaled to sum 1.

    Between a reconstruction run and the GAN run that went on from it this is a dial from true to colourful (weights of nets that
    share their start lie in one basin: Wortsman et al. 2022, arXiv 2109.01903). The card names the parts. Raises `UsageError` for
    weights that do not sum to more than 0 or parts that do not fit together.
    """
    whole = sum(weight for _, weight in parts)
    if whole <= 0:
        raise UsageError("the weights of --average must sum to more than 0")
    checkpoints = [named_checkpoint(name) for name, _ in parts]
    first = checkpoints[0]
    for (name, _), other in zip(parts, checkpoints, strict=True):
        if (other.architecture, other.configuration) != (first.architecture, first.configuration):
            raise UsageError(
                f"{name}: {other.architecture} {other.configuration} cannot be averaged with {first.architecture} {first.configuration}"
            )
    shares = [weight / whole for _, weight in parts]
    tensors = {
        name: torch.stack([share * c.tensors[name].double() for share, c in zip(shares, checkpoints, strict=True)])
        .sum(0)
        .float()
        for name, tensor in first.tensors.items()
        if tensor.is_floating_point()  # BatchNorm's step counters are no weights
    }
    card = {
        "averaged": [
            {"from": Path(name).name, "share": round(share, 4), **c.card}
            for (name, _), share, c in zip(parts, shares, checkpoints, strict=True)
        ]
    }
    return Checkpoint(first.architecture, first.configuration, tensors, card)


def with_chroma_gain(checkpoint: Checkpoint, gain: float) -> Checkpoint:
    """`checkpoint` with all chroma multiplied by `gain`, a little less where it is strong already (the last layer is scaled, before its
    tanh).

    The mean of the colours that a gray could have is paler than each of them; this restores the average chroma, at a price in PSNR that
    grows with its square. The card loses its figures, which were those of the weights before.
    """
    layer = GENERATORS[checkpoint.architecture].output_layer
    tensors = {
        name: tensor.float() * gain if name in (f"{layer}.weight", f"{layer}.bias") else tensor
        for name, tensor in checkpoint.tensors.items()
    }
    card = {name: value for name, value in checkpoint.card.items() if name != "figures"} | {"chroma_gain": gain}
    return Checkpoint(checkpoint.architecture, checkpoint.configuration, tensors, card)


def export(checkpoint: Checkpoint, output: Path, card: dict[str, Any]) -> None:
    """Write `checkpoint` to `output` with `card` added to its own, stored as float16 (its rounding costs less than 0.01 dB).

    Where OpenVINO is installed, the file carries its graph as well, so that it runs without PyTorch.
    """
    exported = Checkpoint(checkpoint.architecture, checkpoint.configuration, checkpoint.tensors, {**checkpoint.card, **card})
    if openvino_installed():
        from batchcolor.engines.stored_graph import with_graph

        exported = with_graph(exported)
    save(exported, output, torch.float16)
