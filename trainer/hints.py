"""Random hint points, as siggraph17 was trained with (Zhang et al. 2017, section 3.2), so that fine-tuning does not unlearn them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from batchcolor.generators.base import Hints

from .randomness import StepRandom

_MEAN_POINTS = 8  # number of points: geometric with p = 1/8
_LARGEST_PATCH = 9  # pixels
_EVERYTHING = 0.01  # share of samples that see all true colours: the network learns to copy


class Patch(NamedTuple):
    """A square of a picture, in pixels."""

    top: int
    left: int
    side: int


def random_patches(count: int, height: int, width: int, share: float, random: torch.Generator) -> list[list[Patch] | None]:
    """The hinted patches of each of `count` samples: [] for the `1 - share` of them without hints, None for all true colours."""
    drawn: list[list[Patch] | None] = []
    for _ in range(count):
        if _uniform(random) >= share:
            drawn.append([])
        elif _uniform(random) < _EVERYTHING:
            drawn.append(None)
        else:
            drawn.append([_patch(height, width, random) for _ in range(_geometric(random))])
    return drawn


def random_hints(ab: Tensor, share: float, random: StepRandom) -> Hints:
    """Hints from the true ab `(N, 2, H, W)`: patches of 1 to 9 pixels with their mean colour, more of them near the middle.

    share: of the samples that get any; the others, and those for which the geometric distribution says 0, have empty channels.
    """
    n, _, height, width = ab.shape
    shown, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    patches = random_patches(n, height, width, share, random.host)
    if everything := [index for index, drawn in enumerate(patches) if drawn is None]:
        shown[everything], mask[everything] = ab[everything], 1.0
    y, x = (torch.arange(length, device=ab.device) for length in (height, width))
    # The n-th patches of all samples at once: a few operations on the device, however many points there are.
    for number in range(max((len(drawn) for drawn in patches if drawn), default=0)):
        rows = [(index, *drawn[number]) for index, drawn in enumerate(patches) if drawn and len(drawn) > number]
        where, *square = torch.tensor(rows).to(ab.device, non_blocking=True).unbind(1)
        top, left, side = (values[:, None, None, None] for values in square)  # (n, 1, 1, 1)
        inside = (y[:, None] >= top) & (y[:, None] < top + side) & (x >= left) & (x < left + side)  # (n, 1, H, W)
        mean = (ab[where] * inside).sum((2, 3), keepdim=True) / side.square()
        shown[where] = torch.where(inside, mean, shown[where])
        mask[where] = torch.where(inside, 1.0, mask[where])
    return Hints(shown, mask)


def _uniform(random: torch.Generator) -> float:
    return float(torch.rand((), generator=random))


def _geometric(random: torch.Generator) -> int:
    """Failures before the first success at p = 1/8."""
    return int(torch.empty(()).geometric_(1 / _MEAN_POINTS, generator=random)) - 1


def _patch(height: int, width: int, random: torch.Generator) -> Patch:
    side = int(torch.randint(1, _LARGEST_PATCH + 1, (), generator=random))
    top, left = (_near_middle(length - side, random) for length in (height, width))
    return Patch(top, left, side)


def _near_middle(room: int, random: torch.Generator) -> int:
    """A position 0..room, Gaussian about its middle with a deviation of a quarter of it."""
    position = room / 2 + float(torch.randn((), generator=random)) * room / 4
    return int(min(max(position, 0), room))
