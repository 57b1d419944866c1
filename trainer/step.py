"""One step: a batch of true colours in, gradients and named losses out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.generators import Generator

from .degrade import Degradation
from .discriminator import NLayerDiscriminator, discriminator_input
from .hints import random_hints
from .losses import lsgan_discriminator, lsgan_generator, shifted
from .networks import Predictor
from .objective import Loss, Prediction
from .optimizers import set_learning_rate
from .randomness import StepRandom


@dataclass(frozen=True, slots=True)
class TrainedDiscriminator:
    """A discriminator, the same as `Processes.shared` gives it back, its optimizer, and the norm its gradient is clipped to."""

    network: NLayerDiscriminator
    shared: nn.Module
    optimizer: torch.optim.Optimizer
    clip_norm: float = 1.0

    def set_learning_rate(self, rate: float) -> None:
        set_learning_rate(self.optimizer, rate)

    def clip(self) -> Tensor:
        """Clip the gradient that `forward_backward` added up. Returns its norm before that."""
        return nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)

    def state_dict(self) -> dict[str, Any]:
        return {"discriminator": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])


def random_shift(most: int, multiple: int, random: torch.Generator) -> tuple[int, int]:
    """Rows and columns, -most..most, both multiples of `multiple`, so that ab of a part of the size moves by whole pixels."""
    steps = most // multiple
    rows, columns = (int(torch.randint(-steps, steps + 1, (), generator=random)) * multiple for _ in range(2))
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
    losses: Sequence[Loss],
    degradation: Degradation,
    random: StepRandom,
    autocast: bool,
    hints: float = 0.0,
    share: float = 1.0,
    discriminator: TrainedDiscriminator | None = None,
    gan_weight: float = 0.0,
) -> dict[str, Tensor]:
    """Add gradients to the parameters of the generator and the discriminator, and return the losses by name; stepping is the caller's.

    rgb: uint8 `(N, 3, H, W)`, on the generator's device, where everything else is computed, too. network: the generator's `Predictor`
    as `Processes.shared` gives it back, where there are several. share: of the whole batch, where this is one of several parts. With a
    `discriminator` the order is: forward; discriminator on, its loss on true and fake colours; discriminator off; adversarial loss of
    the generator. Both see the discriminator as it is before its step (as in pix2pixHD, Wang et al. 2018), so that parts add up to
    what the whole batch gives.

    Returned: the losses by their names, not weighted, and with a discriminator gan (the generator's adversarial loss) and
    discriminator (the discriminator's).
    """
    mixed = torch.autocast(rgb.device.type, torch.bfloat16, enabled=autocast)
    L, truth = lab_batch(rgb)
    fraction = generator.ab_fraction
    rows, columns = 0, 0
    if shifts := [loss.view_shift for loss in losses if loss.view_shift is not None]:
        rows, columns = random_shift(max(shifts), fraction, random.host)
        L, truth = (torch.cat([x, shifted(x, rows, columns)]) for x in (L, truth))

    # forward
    seen = degradation(L, random).to(memory_format=torch.channels_last)
    given = random_hints(truth, hints, random) if hints else None
    network = network or Predictor(generator, classes=any(loss.needs_classes for loss in losses))
    with mixed:
        ab, logits = network(seen, given)
    small_truth = F.avg_pool2d(truth, fraction)  # to the size of the prediction
    prediction = Prediction(L, truth, ab, small_truth, logits, (rows // fraction, columns // fraction))
    terms = {loss.name: loss(prediction) for loss in losses if logits is not None or not loss.needs_classes}
    total = torch.stack([loss.weight * terms[loss.name] for loss in losses if loss.name in terms]).sum()

    if discriminator is not None:
        # It sees the lightness as it is, not as it was degraded: so the result will be looked at.
        true, fake = discriminator_input(L, small_truth), discriminator_input(L, ab)

        # discriminator on: true and fake colours in one batch, so that a BatchNorm cannot hide a difference between the two
        discriminator.network.requires_grad_(True)
        with mixed:
            scores = discriminator.shared(torch.cat([true, fake.detach()]))
        terms["discriminator"] = lsgan_discriminator(*scores.chunk(2))
        torch.autograd.backward(terms["discriminator"] * share)

        # discriminator off: it only passes the gradient on
        discriminator.network.requires_grad_(False)
        with mixed:
            terms["gan"] = lsgan_generator(discriminator.network.scores(true, fake))
        total = total + gan_weight * terms["gan"]

    torch.autograd.backward(total * share)
    return {name: term.detach() for name, term in terms.items()}
