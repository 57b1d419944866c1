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

from .options import setting


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


def vignette(L: Tensor, rng: Generator) -> Tensor:
    """Corners darkened by up to 60 %, as by old lenses: a factor of 1 - s r^2, r = 1 in the corners."""
    y, x = (torch.linspace(-1, 1, side, device=L.device) for side in L.shape[-2:])
    squared = (y[:, None] ** 2 + x[None] ** 2) / 2
    return L * (1 - _uniform(L, 0.1, 0.6, rng) * squared)


def jpeg(L: Tensor, rng: Generator) -> Tensor:
    """Blocks of JPEG at a quality of 15 to 60: cosine transform of 8x8, the standard's luminance table (ITU-T T.81, annex K)."""
    height, width = L.shape[-2:]
    padded = F.pad(L * 2.55 - 128, (0, -width % 8, 0, -height % 8), mode="replicate")
    basis, table = _cosines().to(L), torch.tensor(_LUMINANCE_TABLE).view(8, 8).to(L)
    quality = _uniform(L, 15, 60, rng)[..., None, None]
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    steps = (table * scale).clamp(min=1)  # (N, 1, 1, 1, 8, 8)
    blocks = padded.unfold(2, 8, 8).unfold(3, 8, 8)  # (N, 1, H/8, W/8, 8, 8)
    rounded = torch.round(basis @ blocks @ basis.T / steps) * steps
    rows = (basis.T @ rounded @ basis).permute(0, 1, 2, 4, 3, 5).reshape(padded.shape)
    return ((rows[..., :height, :width] + 128) / 2.55).clamp(0, 100)


def scratches(L: Tensor, rng: Generator) -> Tensor:
    """One to four lines from top to bottom, a pixel wide and slightly slanted, lighter or darker than what they cross."""
    n, _, height, width = L.shape
    y, x = torch.arange(height)[:, None], torch.arange(width)[None]
    lines = torch.zeros(L.shape)
    for index in range(n):
        for _ in range(int(torch.randint(1, 5, (), generator=rng))):
            start, slant, strength = torch.rand(3, generator=rng).tolist()
            at = start * width + (slant - 0.5) * 0.06 * y
            lines[index, 0] += (1 - (x - at).abs()).clamp(min=0) * (strength * 80 - 30)
    return (L + lines.to(L.device)).clamp(0, 100)


_LUMINANCE_TABLE = (
    16.0, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def _cosines() -> Tensor:
    """The orthonormal DCT-II of length 8, `(8, 8)`, a row a frequency."""
    k, n = torch.arange(8.0)[:, None], torch.arange(8.0)[None]
    basis = torch.cos(torch.pi * (n + 0.5) * k / 8) / 2
    basis[0] /= 2**0.5
    return basis


DEGRADATIONS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    # in the order in which film, print and scan suffer them
    "vignette": vignette,
    "tone": tone,
    "fade": fade,
    "blur": blur,
    "grain": grain,
    "scratches": scratches,
    "jpeg": jpeg,
}


@dataclass(frozen=True, slots=True)
class Degrade:
    """Applies degradations, each to a random part of the batch: every field is the share of one of them, 0..1."""

    vignette: float = setting(0.1, "Share of pictures with dark corners.", flag="--degrade-vignette")
    tone: float = setting(0.5, "Share with another gamma and contrast.", flag="--degrade-tone")
    fade: float = setting(0.15, "Share that has faded.", flag="--degrade-fade")
    blur: float = setting(0.25, "Share that is blurred.", flag="--degrade-blur")
    grain: float = setting(0.3, "Share with film grain.", flag="--degrade-grain")
    scratches: float = setting(0.05, "Share with scratches.", flag="--degrade-scratches")
    jpeg: float = setting(0.1, "Share with JPEG's blocks.", flag="--degrade-jpeg")

    def __call__(self, L: Tensor, rng: Generator) -> Tensor:
        for name, function in DEGRADATIONS.items():
            chosen = torch.rand(L.shape[0], 1, 1, 1, generator=rng) < getattr(self, name)
            if chosen.any():
                L = torch.where(chosen.to(L.device), function(L, rng), L)
        return L


NONE = Degrade(**dict.fromkeys(DEGRADATIONS, 0.0))
