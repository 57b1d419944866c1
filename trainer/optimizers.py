"""The generator's optimizer: which parameters learn, how fast, and with which weight decay."""

from __future__ import annotations

from typing import Any

import torch

from batchcolor.generators import Generator

from .adapters import adapter_of
from .settings import TrainSettings


def parameter_groups(generator: Generator, encoder_scale: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups of everything that learns. scale: the group's learning rate as a part of the run's, `encoder_scale` for a
    pretrained encoder.

    Weight decay is for the kernels of convolutions and matrices alone: norms and biases (tensors of one axis) would only be pulled
    towards switching their channels off.
    """
    encoder = {id(p) for stage in adapter_of(generator.architecture).encoder_stages(generator) for p in stage.parameters()}
    groups: dict[tuple[bool, bool], dict[str, Any]] = {
        (in_encoder, is_kernel): {
            "params": [],
            "scale": encoder_scale if in_encoder else 1.0,
            "weight_decay": weight_decay if is_kernel else 0.0,
        }
        for in_encoder in (False, True)
        for is_kernel in (True, False)
    }
    for parameter in generator.parameters():
        if parameter.requires_grad:
            groups[id(parameter) in encoder, parameter.ndim > 1]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


def adamw(generator: Generator, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW over everything that learns, all tensors of a group in one kernel."""
    groups = parameter_groups(generator, settings.encoder_learning_rate_scale, settings.weight_decay)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
