"""Losses, as pure functions of tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_TEMPORAL_EPSILON = 3.0  # ab units; smaller changes of a colour hardly show


def chroma_weight(ab: Tensor, scale: float) -> Tensor:
    """1 + chroma / scale, `(N, 1, H, W)`; pulls away from brown by making colourful pixels count more. scale 0: no weighting."""
    if scale == 0:
        return torch.ones_like(ab[:, :1])
    chroma: Tensor = torch.linalg.vector_norm(ab, dim=1, keepdim=True)
    return 1 + chroma / scale


def charbonnier(ab: Tensor, truth: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Weighted mean of sqrt(|d|^2 + epsilon^2) - epsilon over pixels, |d| the distance in the ab plane (Charbonnier et al. 1994).

    ab, truth: `(N, 2, H, W)`, in ab units; weight: `(N, 1, H, W)`. Quadratic for errors below epsilon, linear above.
    """
    squared = (ab - truth).square().sum(1, keepdim=True)
    return (weight * (torch.sqrt(squared + epsilon**2) - epsilon)).sum() / weight.sum()


def l1(ab: Tensor, truth: Tensor, weight: Tensor, epsilon: float = 0.0) -> Tensor:
    """Weighted mean of |d_a| + |d_b| over pixels; shapes as for `charbonnier`, whose `epsilon` it ignores."""
    return (weight * (ab - truth).abs().sum(1, keepdim=True)).sum() / weight.sum()


def shifted(x: Tensor, rows: int, columns: int) -> Tensor:
    """`x` `(N, C, H, W)` moved down by `rows` and right by `columns` (up and left where negative), the border repeated behind."""
    height, width = x.shape[-2:]
    repeated = F.pad(x, (abs(columns), abs(columns), abs(rows), abs(rows)), mode="replicate")
    top, left = abs(rows) - rows, abs(columns) - columns
    return repeated[..., top : top + height, left : left + width]


def temporal_consistency(ab: Tensor, ab_shifted: Tensor, rows: int, columns: int) -> Tensor:
    """Mean distance in the ab plane between the colours of pictures and of the same pictures `shifted`, where both show them.

    ab, ab_shifted: `(N, 2, H, W)`, in ab units; rows, columns: in their pixels, less than H and W. What changes between two frames of
    a film (a small motion, other grain, another exposure) should not change a colour (Lai et al. 2018, arXiv 1808.00449, eq. 3, with
    a motion that is known instead of estimated). 0: no change at all.
    """
    height, width = ab.shape[-2:]
    before = ab[..., max(-rows, 0) : height - max(rows, 0), max(-columns, 0) : width - max(columns, 0)]
    after = ab_shifted[..., max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)]
    return charbonnier(after, before, torch.ones_like(before[:, :1]), _TEMPORAL_EPSILON)


def lsgan_discriminator(true: Tensor, fake: Tensor) -> Tensor:
    """Half the mean of (D(true) - 1)^2 plus half the mean of D(fake)^2 (Mao et al. 2017, arXiv 1611.04076, eq. 9). 0.25: chance."""
    return ((true - 1).square().mean() + fake.square().mean()) / 2


def lsgan_generator(fake: Tensor) -> Tensor:
    """Mean of (D(fake) - 1)^2: 0 where the discriminator is fooled everywhere (eq. 9, without its half, as pix2pix weighs it)."""
    return (fake - 1).square().mean()


_BIN_STEP, _BINS_A_SIDE = 10, 23  # ab from -110 to 110 in steps of 10: 23 x 23 = 529 bins


def ab_bins(ab: Tensor) -> Tensor:
    """The bin of each colour, `(N, 2, H, W)` -> integers `(N, H, W)`, 0..528 (Zhang et al. 2017, section 3.4)."""
    steps = ((ab + 110) / _BIN_STEP).round().clamp(0, _BINS_A_SIDE - 1).long()
    return steps[:, 0] * _BINS_A_SIDE + steps[:, 1]


def classification(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the true colours' bins. logits: `(N, 529, h, w)`; truth: ab `(N, 2, H, W)`, a multiple of that size."""
    small = F.avg_pool2d(truth, truth.shape[-1] // logits.shape[-1])
    return F.cross_entropy(logits.float(), ab_bins(small))


RECONSTRUCTION = {"charbonnier": charbonnier, "l1": l1}
