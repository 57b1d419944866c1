"""Random hint points, as siggraph17 was trained with (Zhang et al. 2017, section 3.2), so that fine-tuning does not unlearn them."""

from __future__ import annotations

import torch
from torch import Tensor

from batchcolor.generators.base import Hints

_MEAN_POINTS = 8  # number of points: geometric with p = 1/8
_LARGEST_PATCH = 9  # pixels
_EVERYTHING = 0.01  # share of samples that see all true colours: the network learns to copy


def random_hints(ab: Tensor, share: float, rng: torch.Generator) -> Hints:
    """Hints from the true ab `(N, 2, H, W)`: patches of 1 to 9 pixels with their mean colour, more of them near the middle.

    share: of the samples that get any; the others, and those for which the geometric distribution says 0, have empty planes.
    """
    n, _, height, width = ab.shape
    shown, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    for index in range(n):
        if _uniform(rng) >= share:
            continue
        if _uniform(rng) < _EVERYTHING:
            shown[index], mask[index] = ab[index], 1
            continue
        for _ in range(_geometric(rng)):
            side = int(torch.randint(1, _LARGEST_PATCH + 1, (), generator=rng))
            top, left = (_near_middle(length - side, rng) for length in (height, width))
            patch = (slice(top, top + side), slice(left, left + side))
            shown[index][:, *patch] = ab[index][:, *patch].mean((1, 2), keepdim=True)
            mask[index][:, *patch] = 1
    return Hints(shown, mask)


def _uniform(rng: torch.Generator) -> float:
    return float(torch.rand((), generator=rng))


def _geometric(rng: torch.Generator) -> int:
    """Failures before the first success at p = 1/8."""
    return int(torch.empty(()).geometric_(1 / _MEAN_POINTS, generator=rng)) - 1


def _near_middle(room: int, rng: torch.Generator) -> int:
    """A Gaussian place in 0..room, a quarter of it wide."""
    place = room / 2 + float(torch.randn((), generator=rng)) * room / 4
    return int(min(max(place, 0), room))
