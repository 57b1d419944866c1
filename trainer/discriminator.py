"""The discriminator: which patches of a picture have true colours?

`NLayerDiscriminator`, the 70x70 PatchGAN of Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial
Networks*, 2017 (arXiv 1611.07004, appendix 6.1.2), on lightness and chroma together.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from batchcolor.errors import UsageError

Convolution = Callable[[int, int, int], list[nn.Module]]


def _spectral(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [spectral_norm(nn.Conv2d(inputs, outputs, 4, stride, 1))]


def _batch(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False), nn.BatchNorm2d(outputs)]


NORMS: dict[str, Convolution] = {"spectral": _spectral, "batch": _batch}  # a normalized inner convolution by its option
_AB_UNIT = 50.0  # most chroma of photographs lies within, so that ab has about the spread of (L - 50) / 50
_LAYERS = 3  # of stride 2; with two of stride 1 behind them an output sees 70x70 pixels


class NLayerDiscriminator(nn.Module):
    """Five 4x4 convolutions, strides 2-2-2-1-1, LeakyReLU 0.2 between, no sigmoid at the end (for LSGAN).

    channels: of the first layer, doubled up to eightfold (64 is the paper's). norm: of the three inner layers. "batch" is the paper's
    BatchNorm; "spectral" (Miyato et al. 2018, arXiv 1802.05957) normalizes the weights instead: the activations keep their mean, and
    with it how saturated a picture is as a whole, which BatchNorm takes away; it also costs nothing per pixel. Raises `UsageError`
    for another norm.
    """

    def __init__(self, channels: int = 64, norm: str = "spectral") -> None:
        super().__init__()
        if norm not in NORMS:
            raise UsageError(f"no normalization is called {norm!r}; use {' or '.join(NORMS)}")
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for n in range(1, _LAYERS + 1):
            inputs, outputs = channels * 2 ** (n - 1), channels * min(2**n, 8)
            layers += NORMS[norm](inputs, outputs, 2 if n < _LAYERS else 1)
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers.append(nn.Conv2d(channels * 8, 1, 4, 1, 1))
        self.layers = nn.Sequential(*layers)
        self._mixes = any(isinstance(layer, nn.BatchNorm2d) for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        """x: `(N, 3, H, W)` of `discriminator_input`, sides of 24 or more -> `(N, 1, H/8 - 2, W/8 - 2)`, 1 for true and 0 for fake."""
        verdict: Tensor = self.layers(x)
        return verdict.float()

    def scores(self, true: Tensor, fake: Tensor) -> Tensor:
        """The scores on `fake` alone, for the generator's loss.

        A BatchNorm sees `true` beside it, as in the discriminator's own step: with the statistics of fakes alone it would be another
        function than the one that was trained.
        """
        if not self._mixes:
            return self(fake)
        both: Tensor = self(torch.cat([true, fake]))
        return both[len(true) :]


def discriminator_input(L: Tensor, ab: Tensor) -> Tensor:
    """L `(N, 1, H, W)` and ab `(N, 2, H/f, W/f)` -> `(N, 3, ...)`, each about -1..1, at twice ab's sides but at most at L's.

    A generator whose ab is a quarter of the picture is seen at a half: there the edges of the lightness still tell where colour
    spills over, while the discriminator costs a quarter of what it would at full size and each of its patches sees 140 pixels of the
    picture. The true ab must come through the same averaging: otherwise its sharpness alone would give it away.
    """
    fraction = L.shape[-1] // ab.shape[-1]
    if fraction > 1:
        ab = F.interpolate(ab, scale_factor=2.0, mode="bilinear", align_corners=False)
        L = F.avg_pool2d(L, fraction // 2)
    return torch.cat([(L - 50) / 50, ab / _AB_UNIT], 1).to(memory_format=torch.channels_last)
