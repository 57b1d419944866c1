"""What old film and old prints do to lightness. Applied to the generator's input only; the colours to learn stay true.

Every function takes L float32 `(N, 1, H, W)`, 0..100, and a torch generator, and returns the same shape and range. Each picture of a
batch draws its own strength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def _uniform(L: Tensor, low: float, high: float, rng: Generator) -> Tensor:
    """One value a picture, `(N, 1, 1, 1)`."""
    return torch.empty(L.shape[0], 1, 1, 1).uniform_(low, high, generator=rng).to(L.device)


def tone(L: Tensor, rng: Generator) -> Tensor:
    """Another development: gamma 0.7..1.4 and contrast 0.8..1.2 about mid-gray."""
    gamma = torch.exp(_uniform(L, -0.35, 0.35, rng))
    contrast = _uniform(L, 0.8, 1.2, rng)
    curved = (L / 100).clamp(1e-4, 1) ** gamma * 100
    return ((curved - 50) * contrast + 50).clamp(0, 100)


def fade(L: Tensor, rng: Generator) -> Tensor:
    """Blacks rise by up to 25 and whites fall by up to 20, as in a print that has lost its density."""
    low, high = _uniform(L, 0, 25, rng), _uniform(L, 80, 100, rng)
    return low + L / 100 * (high - low)


def blur(L: Tensor, rng: Generator) -> Tensor:
    """A Gaussian blur, sigma 0.3..1.6 pixels."""
    sigma = _uniform(L, 0.3, 1.6, rng)
    x = torch.arange(-4.0, 5.0, device=L.device)
    kernel = torch.exp(-(x**2) / (2 * sigma.view(-1, 1) ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).view(-1, 1, 1, 9)
    n = L.shape[0]
    planes = F.pad(L, (4, 4, 4, 4), mode="replicate").transpose(0, 1)  # (1, N, H, W): one group a picture
    planes = F.conv2d(planes, kernel, groups=n)
    return F.conv2d(planes, kernel.transpose(2, 3), groups=n).transpose(0, 1)


def grain(L: Tensor, rng: Generator) -> Tensor:
    """Film grain: Gaussian noise of up to 8 L, strongest in the mid-tones."""
    noise = torch.empty(L.shape).normal_(generator=rng).to(L.device)
    strength = _uniform(L, 1, 8, rng) * (0.4 + 2.4 * (L / 100) * (1 - L / 100))
    return (L + noise * strength).clamp(0, 100)


DEGRADATIONS: dict[str, tuple[Callable[[Tensor, Generator], Tensor], float]] = {
    # name -> (what it does, how often); in the order in which film suffers them
    "tone": (tone, 0.5),
    "fade": (fade, 0.15),
    "blur": (blur, 0.25),
    "grain": (grain, 0.3),
}


@dataclass(frozen=True, slots=True)
class Degrade:
    """Applies the named degradations, each to a random part of the batch."""

    names: tuple[str, ...] = tuple(DEGRADATIONS)

    def __call__(self, L: Tensor, rng: Generator) -> Tensor:
        for name in self.names:
            function, probability = DEGRADATIONS[name]
            chosen = torch.rand(L.shape[0], 1, 1, 1, generator=rng).to(L.device) < probability
            L = torch.where(chosen, function(L, rng), L)
        return L
