"""What a run is told, as values. Everything here can be set on the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from .data import Sampling
from .degrade import Degrade


@dataclass(frozen=True, slots=True)
class Objective:
    """What the generator is asked for. reconstruction: a key of `losses.RECONSTRUCTION`; chroma_scale: see `losses.chroma_weight`."""

    reconstruction: str = "charbonnier"
    chroma_scale: float = 25.0


@dataclass(frozen=True, slots=True)
class Adversary:
    """The discriminator and the joint (GAN) stage.

    weight: factor of the adversarial loss beside the reconstruction loss (which is in ab units, so that 1 is about what pix2pix
    uses); 0: no discriminator at all. start: where the joint stage begins, below 1 a share of the run, from 1 on a step. ramp_steps:
    steps over which the weight rises from 0, while the discriminator, from scratch, learns to see anything. planes, norm: see
    `discriminator.NLayerDiscriminator`. rate: of the discriminator's Adam, with the run's cosine.
    """

    weight: float = 0.0
    start: float = 0.0
    ramp_steps: int = 200
    rate: float = 2e-4
    planes: int = 64
    norm: str = "spectral"

    def begun(self, step: int, progress: float) -> bool:
        """Whether the joint stage runs at `step`, progress 0..1 of the run."""
        return self.weight > 0 and (progress >= self.start if self.start < 1 else step >= self.start)

    def weight_at(self, joint_steps: int) -> float:
        """The weight after `joint_steps` steps of the joint stage: rises linearly, then stays."""
        return self.weight * min(1.0, (joint_steps + 1) / max(1, self.ramp_steps))


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run. Rates are peak rates; the encoder learns at `encoder_rate` times the decoder's (its ImageNet features are worth
    keeping: at 0.4 it unlearns them within half an hour). frozen_stages: stages of lite's encoder, from the stem on, that do not
    learn at all; three of seven double the speed on a CPU, as no gradient goes through the large planes. Exactly one of `minutes`
    and `steps` ends the run.
    """

    architecture: str = "lite"
    configuration: dict[str, Any] = field(default_factory=dict)
    init: str = "imagenet"  # imagenet, scratch, a checkpoint's path, or the folder of a run
    minutes: float | None = None
    steps: int | None = None
    batch_size: int = 32
    rate: float = 6e-4
    encoder_rate: float = 0.1
    frozen_stages: int = 3
    weight_decay: float = 0.01
    warmup_steps: int = 300
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    autocast: bool = True
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    objective: Objective = field(default_factory=Objective)
    adversary: Adversary = field(default_factory=Adversary)
    degrade: Degrade = field(default_factory=Degrade)
    save_minutes: float = 3.0
    judge_minutes: float = 6.0
    judge_size: int = 256
    decode_threads: int = 1


def learning_rate_factor(step: int, progress: float, warmup_steps: int) -> float:
    """Linear warm-up over `warmup_steps`, then a half cosine to 1 % over the run; progress 0..1."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
