"""The settings of a run, as values; `options.py` makes the command line's options from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchcolor.errors import UsageError
from batchcolor.generators import GENERATORS

from .batches import Sampling
from .degrade import Degradation
from .discriminator import NORMS
from .objective import Objective, begun
from .options import setting

SCRATCH, IMAGENET = "scratch", "imagenet"
_PRETRAINED_FROZEN_STAGES = 3


@dataclass(frozen=True, slots=True)
class Gan:
    """The discriminator and the joint (GAN) stage.

    weight: of the adversarial loss beside the reconstruction loss (which is in ab units, so that 1 is about what pix2pix uses); 0: no
    discriminator at all. start: where the joint stage begins, below 1 a share of the run, from 1 on a step. ramp_steps: steps over
    which the weight rises from 0, while the discriminator starts from scratch. channels, norm: see `discriminator.NLayerDiscriminator`.
    learning_rate: of the discriminator's Adam, with the run's cosine.
    """

    weight: float = setting(0.0, "Weight of the adversarial loss; 0: no discriminator.", flag="--gan-weight")
    start: float = setting(
        0.0, "Where the joint stage begins: below 1 a share of the run, from 1 on a step.", flag="--gan-start"
    )
    ramp_steps: int = setting(200, "Steps of the joint stage over which --gan-weight rises from 0.", flag="--gan-ramp")
    learning_rate: float = setting(2e-4, "Peak learning rate of the discriminator.", flag="--discriminator-learning-rate")
    channels: int = setting(64, "Channels of the discriminator's first layer.", flag="--discriminator-channels")
    norm: str = setting("spectral", "Normalization of its inner layers.", flag="--discriminator-norm", choices=NORMS)

    def begun(self, step: int, progress: float) -> bool:
        """Whether the joint stage runs at `step`, progress 0..1 of the run."""
        return self.weight > 0 and begun(self.start, step, progress)

    def weight_at(self, joint_steps: int) -> float:
        """The weight after `joint_steps` steps of the joint stage: rises linearly, then stays."""
        return self.weight * min(1.0, (joint_steps + 1) / max(1, self.ramp_steps))


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run. Learning rates are peak rates; the encoder learns at `encoder_learning_rate_scale` times the decoder's, so that it keeps
    its ImageNet features. frozen_stages: stages of lite's encoder, from the stem on, that never learn; three of seven double the
    speed on a CPU, as no gradient goes through the large feature maps. None: three, but none of an encoder from scratch.
    encoder_start: until then the whole encoder is frozen. Exactly one of `minutes` and `steps` ends the run. batch_size: pictures a
    step, over all processes; accumulate: in so many parts, one after the other, for cards with little memory. hints: share of the
    batch that gets random hint points. Raises `UsageError` where values contradict each other.
    """

    configuration: dict[str, Any] = field(default_factory=dict)
    architecture: str = setting("lite", "Architecture of the generator.", flag="--generator", choices=sorted(GENERATORS))
    init: str = setting(
        IMAGENET,
        "Where its weights come from: imagenet, scratch, a name that `batchcolor models` lists, a checkpoint, or the folder of a run.",
    )
    minutes: float | None = setting(None, "How long to train.")
    steps: int | None = setting(None, "How many steps to train.")
    batch_size: int = setting(32, "Pictures a step, over all processes.")
    accumulate: int = setting(1, "Parts of a process's batch that are worked on one after the other, where memory is short.")
    learning_rate: float = setting(6e-4, "Peak learning rate of the generator.")
    encoder_learning_rate_scale: float = setting(0.1, "Learning rate of the encoder, as a part of --learning-rate.")
    encoder_start: float = setting(
        0.0, "Where the encoder begins to learn: below 1 a share of the run, from 1 on a step. A frozen one is faster."
    )
    frozen_stages: int | None = setting(
        None, "Stages of lite's encoder that never learn; by default 3, and 0 with --init scratch."
    )
    weight_decay: float = setting(0.01, "Weight decay of the generator's AdamW; norms and biases have none.")
    warmup_steps: int = setting(300, "Steps over which the learning rate rises from 0.", flag="--warmup")
    clip_norm: float = setting(1.0, "Norm that the generator's gradient is clipped to.")
    ema_decay: float = setting(0.999, "Decay of the average of weights that is validated and exported.")
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.")
    autocast: bool = setting(True, "Compute in bfloat16 where that is safe.")
    compile: bool = setting(False, "Have torch compile the generator: minutes at the start, faster steps.")
    hints: float = setting(0.0, "Share of samples that get random hint points. lite then learns to take hints.")
    seed: int = setting(0, "Seed of everything random.")
    save_minutes: float = setting(3.0, "Minutes between two saved states; the last one is saved at the end.")
    validation_minutes: float = setting(6.0, "Minutes between two validations; the last one is made at the end.")
    validation_timeout: float = setting(120.0, "Minutes that the other processes wait for a validation.")
    validation_size: int = 256
    workers: int = setting(1, "Processes that load pictures; 0: none, the trainer loads them itself.")
    sampling: Sampling = field(default_factory=Sampling)
    objective: Objective = field(default_factory=Objective)
    gan: Gan = field(default_factory=Gan)
    degradation: Degradation = field(default_factory=Degradation)

    def __post_init__(self) -> None:
        if self.frozen_stages is not None and self.frozen_stages < 0:
            raise UsageError(f"--frozen-stages {self.frozen_stages}: give 0 or more")
        if self.frozen_stages and self.init == SCRATCH:
            raise UsageError(
                f"--frozen-stages {self.frozen_stages} with --init scratch: those stages would stay random; leave one of the two out"
            )
        multiple = GENERATORS[self.architecture].side_multiple
        size = self.sampling.size
        if size % multiple:
            below = max(multiple, size // multiple * multiple)
            raise UsageError(
                f"--crop {size}: {self.architecture} is trained on crops whose side is a multiple of {multiple}; take {below} or "
                f"{below + multiple}"
            )
        smallest = _SMALLEST_DISCRIMINATED * max(1, GENERATORS[self.architecture].ab_fraction // 2)
        if self.gan.weight > 0 and size < smallest:
            raise UsageError(f"--crop {size}: the discriminator needs crops of {smallest} pixels or more")

    @property
    def frozen(self) -> int:
        """Encoder stages that never learn."""
        if self.frozen_stages is not None:
            return self.frozen_stages
        return 0 if self.init == SCRATCH else _PRETRAINED_FROZEN_STAGES

    def encoder_frozen(self, step: int, progress: float) -> bool:
        """Whether the whole encoder is frozen at `step`, progress 0..1 of the run."""
        return not begun(self.encoder_start, step, progress)


_SMALLEST_DISCRIMINATED = 24  # pixels of the input of the discriminator


def learning_rate_factor(step: int, progress: float, warmup_steps: int) -> float:
    """Linear warm-up over `warmup_steps`, then a half cosine to 1 % over the run; progress 0..1."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


# What may change when a run is resumed: where and how often, not what. A state has its own start, and refuses another network by itself.
_FREE = {"configuration", "init", "device", "compile", "workers", "save_minutes"}
_FREE |= {"validation_minutes", "validation_timeout", "validation_size"}


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Values (`options.values_of`) that a run began with and is not resumed with, of those that change what comes out, such as
    "learning-rate 0.0006 -> 0.0003". Names that only one of the two has do not count: an older version knew fewer."""
    known = [name for name in now if name in before and name not in _FREE]
    return [f"{name.replace('_', '-')} {before[name]} -> {now[name]}" for name in known if before[name] != now[name]]
