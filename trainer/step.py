"""One step: a batch of true colours in, named losses out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from batchcolor.color import rgb_to_lab
from batchcolor.generators import Generator

from .degrade import Degrade
from .losses import RECONSTRUCTION, chroma_weight


@dataclass(frozen=True, slots=True)
class Objective:
    """What the generator is asked for. chroma_scale: see `losses.chroma_weight`."""

    reconstruction: str = "charbonnier"
    chroma_scale: float = 25.0


def lab_batch(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 sRGB `(N, 3, H, W)` -> L `(N, 1, H, W)` and ab `(N, 2, H, W)`, float32."""
    lab = rgb_to_lab(rgb.float() / 255)
    return lab[:, :1], lab[:, 1:]


def reconstruction_losses(
    generator: Generator, rgb: Tensor, degrade: Degrade, objective: Objective, rng: torch.Generator, autocast: bool
) -> dict[str, Tensor]:
    """Forward and loss of the generator alone. rgb: uint8 `(N, 3, H, W)`; the truth is averaged down to the size of the prediction."""
    L, truth = lab_batch(rgb)
    L = degrade(L, rng).to(memory_format=torch.channels_last)
    truth = F.avg_pool2d(truth, generator.ab_fraction)
    with torch.autocast(rgb.device.type, torch.bfloat16, enabled=autocast):
        ab = generator(L)
    weight = chroma_weight(truth, objective.chroma_scale)
    return {"ab": RECONSTRUCTION[objective.reconstruction](ab, truth, weight)}
