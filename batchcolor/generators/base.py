"""What every generator is: L in, ab out, any height and width."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class Hints(NamedTuple):
    """Colours that a user has set by hand.

    ab: float32 `(N, 2, H, W)`, the colour at hinted pixels, 0 elsewhere. mask: float32 `(N, 1, H, W)`, 1 at hinted pixels, else 0.
    """

    ab: Tensor
    mask: Tensor


class Generator(nn.Module):
    """Predicts chroma from lightness.

    A subclass names its `architecture`, says how its output shrinks, and implements `predict` for sides that are multiples of
    `side_multiple`; padding and cropping are done here, so that every generator takes every size.
    """

    architecture: ClassVar[str]
    side_multiple: ClassVar[int]  # `predict` wants height and width in multiples of this
    ab_fraction: ClassVar[int] = 1  # ab has 1/ab_fraction of the input's height and width
    output_layer: ClassVar[str]  # the convolution whose output becomes ab by a tanh

    @property
    def takes_hints(self) -> bool:
        """Whether `predict` does something with hints."""
        return False

    def configuration(self) -> dict[str, Any]:
        """Keyword arguments that build this module again; JSON values only."""
        return {}

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        """As `forward`, for sides that are multiples of `side_multiple`."""
        raise NotImplementedError

    def forward(self, L: Tensor, hints: Hints | None = None) -> Tensor:
        """L: `(N, 1, H, W)`, 0..100 -> ab: float32 `(N, 2, ceil(H / ab_fraction), ceil(W / ab_fraction))`, within -110..110."""
        height, width = L.shape[-2:]
        right, bottom = -width % self.side_multiple, -height % self.side_multiple
        if right or bottom:
            pad = (0, right, 0, bottom)
            L = F.pad(L, pad, mode="replicate")
            if hints is not None:
                hints = Hints(F.pad(hints.ab, pad), F.pad(hints.mask, pad))
        ab = self.predict(L, hints)
        if right or bottom:
            ab = ab[..., : -(-height // self.ab_fraction), : -(-width // self.ab_fraction)]
        return ab.float()


def parameter_count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def weight_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The state that counts: parameters and running statistics, without BatchNorm's step counters."""
    return {name: t for name, t in module.state_dict().items() if not name.endswith("num_batches_tracked")}


def initialize(module: nn.Module) -> None:
    """He initialization for convolutions that start from nothing (He et al. 2015, arXiv 1502.01852)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
