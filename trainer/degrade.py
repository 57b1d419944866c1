"""What old film and old prints do to lightness. Applied to the generator's input only; the colours to learn stay true.

Every function takes L float32 `(N, 1, H, W)`, 0..100, and random numbers, works on L's device, and returns the same shape and range.
Each picture of a batch draws its own strength.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .options import setting
from .randomness import StepRandom

_BLUR_RADIUS = 4  # pixels: 2.5 of the widest sigma
_MOST_SCRATCHES = 4


def tone(L: Tensor, random: StepRandom) -> Tensor:
    """Another development: gamma 0.7..1.4 and contrast 0.8..1.2 about mid-gray."""
    gamma = torch.exp(random.uniform(len(L), -0.35, 0.35))
    contrast = random.uniform(len(L), 0.8, 1.2)
    curved = (L / 100).clamp(1e-4, 1) ** gamma * 100
    return ((curved - 50) * contrast + 50).clamp(0, 100)


def fade(L: Tensor, random: StepRandom) -> Tensor:
    """Blacks rise by up to 25 and whites fall by up to 20, as in a print that has lost its density."""
    low, high = random.uniform(len(L), 0, 25), random.uniform(len(L), 80, 100)
    return low + L / 100 * (high - low)


def blur(L: Tensor, random: StepRandom) -> Tensor:
    """A Gaussian blur, sigma 0.3..1.6 pixels."""
    sigma = random.uniform(len(L), 0.3, 1.6)
    taps = [torch.exp(-(x**2) / (2 * sigma**2)) for x in range(-_BLUR_RADIUS, _BLUR_RADIUS + 1)]  # each (N, 1, 1, 1)
    whole = torch.stack(taps).sum(0)
    height, width = L.shape[-2:]
    r = _BLUR_RADIUS
    # Sums of shifted pictures: a convolution with a kernel for each picture would have cuDNN tune itself anew for each number of them.
    rows = F.pad(L, (0, 0, r, r), mode="replicate")
    L = torch.stack([rows[..., n : n + height, :] * tap for n, tap in enumerate(taps)]).sum(0) / whole
    columns = F.pad(L, (r, r, 0, 0), mode="replicate")
    return torch.stack([columns[..., n : n + width] * tap for n, tap in enumerate(taps)]).sum(0) / whole


def grain(L: Tensor, random: StepRandom) -> Tensor:
    """Film grain: Gaussian noise of up to 8 L, strongest in the mid-tones."""
    strength = random.uniform(len(L), 1, 8) * (0.4 + 2.4 * (L / 100) * (1 - L / 100))
    return (L + random.normal(L.shape) * strength).clamp(0, 100)


def vignette(L: Tensor, random: StepRandom) -> Tensor:
    """Corners darkened by up to 60 %, as by old lenses: a factor of 1 - s r^2, r = 1 in the corners."""
    y, x = (torch.linspace(-1, 1, side, device=L.device) for side in L.shape[-2:])
    squared = (y[:, None] ** 2 + x[None] ** 2) / 2
    return L * (1 - random.uniform(len(L), 0.1, 0.6) * squared)


def jpeg(L: Tensor, random: StepRandom) -> Tensor:
    """Blocks of JPEG at a quality of 15 to 60: cosine transform of 8x8, the standard's luminance table (ITU-T T.81, annex K)."""
    height, width = L.shape[-2:]
    padded = F.pad(L * 2.55 - 128, (0, -width % 8, 0, -height % 8), mode="replicate")
    basis, table = _jpeg_constants(L.device)
    quality = random.uniform(len(L), 15, 60)[..., None, None]
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    steps = (table * scale).clamp(min=1)  # (N, 1, 1, 1, 8, 8)
    blocks = padded.unfold(2, 8, 8).unfold(3, 8, 8)  # (N, 1, H/8, W/8, 8, 8)
    rounded = torch.round(basis @ blocks @ basis.T / steps) * steps
    rows = (basis.T @ rounded @ basis).permute(0, 1, 2, 4, 3, 5).reshape(padded.shape)
    return ((rows[..., :height, :width] + 128) / 2.55).clamp(0, 100)


def scratches(L: Tensor, random: StepRandom) -> Tensor:
    """One to four lines from top to bottom, a pixel wide and slightly slanted, lighter or darker than what they cross."""
    n, _, height, width = L.shape
    y, x = torch.arange(height, device=L.device)[:, None], torch.arange(width, device=L.device)
    count = random.uniform(n, 1, _MOST_SCRATCHES + 1)
    total = torch.zeros_like(L)
    for number in range(_MOST_SCRATCHES):
        start, slant, strength = (random.uniform(n, 0, 1) for _ in range(3))
        center = start * width + (slant - 0.5) * 0.06 * y  # (N, 1, H, 1)
        line = (1 - (x - center).abs()).clamp(min=0) * (strength * 80 - 30)
        total = total + line * (number < count.floor())
    return (L + total).clamp(0, 100)


_LUMINANCE_TABLE = (
    16.0, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


@functools.cache
def _jpeg_constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """The orthonormal DCT-II of length 8, a row a frequency, and the luminance table, both `(8, 8)`; copied to a device once."""
    k, n = torch.arange(8.0)[:, None], torch.arange(8.0)[None]
    basis = torch.cos(torch.pi * (n + 0.5) * k / 8) / 2
    basis[0] /= 2**0.5
    return basis.to(device), torch.tensor(_LUMINANCE_TABLE).view(8, 8).to(device)


DEGRADATIONS: dict[str, Callable[[Tensor, StepRandom], Tensor]] = {
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
class Degradation:
    """Applies degradations, each to a random part of the batch: every field is the share of one of them, 0..1."""

    vignette: float = setting(0.1, "Share of pictures with dark corners.", flag="--degrade-vignette")
    tone: float = setting(0.5, "Share of pictures with another gamma and contrast.", flag="--degrade-tone")
    fade: float = setting(0.15, "Share of faded pictures.", flag="--degrade-fade")
    blur: float = setting(0.25, "Share of blurred pictures.", flag="--degrade-blur")
    grain: float = setting(0.3, "Share of pictures with film grain.", flag="--degrade-grain")
    scratches: float = setting(0.05, "Share of scratched pictures.", flag="--degrade-scratches")
    jpeg: float = setting(0.1, "Share of pictures with JPEG block artefacts.", flag="--degrade-jpeg")

    def __call__(self, L: Tensor, random: StepRandom) -> Tensor:
        for name, function in DEGRADATIONS.items():
            chosen = (torch.rand(len(L), generator=random.host) < getattr(self, name)).nonzero()[:, 0]
            if len(chosen):  # known on the CPU: a GPU is not waited for
                where = chosen.to(L.device, non_blocking=True)
                L = L.index_copy(0, where, function(L[where], random))
        return L


NONE = Degradation(**dict.fromkeys(DEGRADATIONS, 0.0))
