"""One step: a batch of true colours in, gradients and named losses out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from batchcolor.color.conversion import lab_to_rgb, rgb_to_lab
from batchcolor.generators import Generator

from .degrade import Degrade
from .discriminator import discriminator_input
from .hints import random_hints
from .losses import (
    RECONSTRUCTION,
    chroma_weight,
    classification,
    lsgan_discriminator,
    lsgan_generator,
    moved,
    unsteadiness,
)
from .networks import Predictor
from .perceptual import lpips
from .settings import Objective


@dataclass(frozen=True, slots=True)
class Opponent:
    """The discriminator, the same as `Processes.shared` gives it back, its optimizer, and the norm its gradient is clipped to."""

    discriminator: nn.Module
    shared: nn.Module
    optimizer: torch.optim.Optimizer
    clip_norm: float = 1.0

    def set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def clip(self) -> Tensor:
        """Clip the gradient that `forward_backward` added up. Returns its norm before that."""
        return nn.utils.clip_grad_norm_(self.discriminator.parameters(), self.clip_norm)

    def state_dict(self) -> dict[str, Any]:
        return {"discriminator": self.discriminator.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])


def random_of(seed: int, step: int, rank: int) -> torch.Generator:
    """The random numbers of one step of one process: they depend on nothing else, so nothing of them has to be saved."""
    (state,) = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) >> 1)


def random_shift(most: int, multiple: int, rng: torch.Generator) -> tuple[int, int]:
    """Rows and columns, -most..most, both multiples of `multiple`, so that ab of a part of the size moves by whole pixels."""
    steps = most // multiple
    rows, columns = (int(torch.randint(-steps, steps + 1, (), generator=rng)) * multiple for _ in range(2))
    return rows, columns


def lab_batch(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 sRGB `(N, 3, H, W)` -> L `(N, 1, H, W)` and ab `(N, 2, H, W)`, float32."""
    lab = rgb_to_lab(rgb.float() / 255)
    return lab[:, :1], lab[:, 1:]


def forward_backward(
    generator: Generator,
    rgb: Tensor,
    *,
    network: nn.Module | None = None,
    objective: Objective,
    degrade: Degrade,
    rng: torch.Generator,
    autocast: bool,
    hints: float = 0.0,
    share: float = 1.0,
    opponent: Opponent | None = None,
    gan_weight: float = 0.0,
) -> dict[str, Tensor]:
    """Add gradients to the generator's parameters and the opponent's, and return the losses by name; both steps are the caller's.

    rgb: uint8 `(N, 3, H, W)`, on the generator's device. network: the generator's `Predictor` as `Processes.shared` gives it back,
    where there are several. share: of the whole batch, where this is one of several parts. With an `opponent` the order is: forward;
    discriminator on, its loss on true and made-up colours; discriminator off; adversarial loss of the generator. Both are judged by the
    discriminator as it is before its step (as in pix2pixHD, Wang et al. 2018), so that parts add up to what the whole batch gives.

    Losses: ab (reconstruction, in ab units); class (over ab bins, siggraph17), lpips and steady (how far colours change with a motion of
    the picture), where their weights are above 0; with an opponent also gan (generator's adversarial loss, not weighted) and d (the
    discriminator's).
    """
    mixed = torch.autocast(rgb.device.type, torch.bfloat16, enabled=autocast)
    L, truth = lab_batch(rgb)
    rows, columns = 0, 0
    if objective.steady_weight:
        rows, columns = random_shift(objective.steady_shift, generator.ab_fraction, rng)
        L, truth = (torch.cat([planes, moved(planes, rows, columns)]) for planes in (L, truth))

    # forward
    seen = degrade(L, rng).to(memory_format=torch.channels_last)
    given = random_hints(truth, hints, rng) if hints else None
    network = network or Predictor(generator, classes=objective.class_weight > 0)
    with mixed:
        ab, logits = network(seen, given)
    small_truth = F.avg_pool2d(truth, generator.ab_fraction)  # to the size of the prediction
    weight = chroma_weight(small_truth, objective.chroma_scale)
    losses = {"ab": RECONSTRUCTION[objective.reconstruction](ab, small_truth, weight, objective.epsilon)}
    total = losses["ab"]
    if logits is not None:
        losses["class"] = classification(logits, truth)
        total = total + objective.class_weight * losses["class"]

    if objective.steady_weight:
        once, again = ab.chunk(2)
        losses["steady"] = unsteadiness(once, again, rows // generator.ab_fraction, columns // generator.ab_fraction)
        total = total + objective.steady_weight * losses["steady"]

    if objective.perceptual_weight:
        losses["lpips"] = _looks_apart(L, ab, truth)
        total = total + objective.perceptual_weight * losses["lpips"]

    if opponent is not None:
        # It judges with the lightness as it is, not as it was degraded: so the result will be looked at.
        made_up = discriminator_input(L, ab)

        # discriminator on: true and made-up colours in one batch, so that a BatchNorm could not hide a difference between the two
        opponent.discriminator.requires_grad_(True)
        with mixed:
            verdicts = opponent.shared(torch.cat([discriminator_input(L, small_truth), made_up.detach()]))
        losses["d"] = lsgan_discriminator(*verdicts.chunk(2))
        torch.autograd.backward(losses["d"] * share)

        # discriminator off: it only passes the gradient on
        opponent.discriminator.requires_grad_(False)
        with mixed:
            losses["gan"] = lsgan_generator(opponent.discriminator(made_up))
        total = total + gan_weight * losses["gan"]

    torch.autograd.backward(total * share)
    return {name: loss.detach() for name, loss in losses.items()}


def _looks_apart(L: Tensor, ab: Tensor, truth: Tensor) -> Tensor:
    """Mean LPIPS of the coloured pictures against the true ones; L `(N, 1, H, W)`, ab `(N, 2, h, w)`, truth `(N, 2, H, W)`."""
    full = F.interpolate(ab, L.shape[-2:], mode="bilinear", align_corners=False)
    judge = lpips("vgg16").to(L.device)
    distance: Tensor = judge(lab_to_rgb(L, full), lab_to_rgb(L, truth)).mean()
    return distance
