"""The SIGGRAPH17 network: Zhang, Zhu, Isola, Geng, Lin, Yu, Efros, *Real-Time User-Guided Image Colorization with Learned Deep
Priors*, ACM TOG 36(4), 2017 (arXiv 1705.02999), figure 2.

Attribute names are those of the published state dict, so that it loads strictly. The public demo runs blocks 9 and 10 twice;
here each block runs once (150.4 GFLOP at 256x256 instead of 202).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from .base import Generator, Hints, initialize
from .layout import LAYOUTS

AB_BINS = 529  # a 23 x 23 grid over ab -110..110, step 10
AB_SCALE = 110.0


def _conv(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)


def _block(inputs: int, outputs: int, convolutions: int, dilation: int = 1) -> nn.Sequential:
    """`convolutions` times (3x3, ReLU), then BatchNorm."""
    layers: list[nn.Module] = []
    for n in range(convolutions):
        layers += [_conv(inputs if n == 0 else outputs, outputs, dilation), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1))


def _shortcut(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, outputs))


def _every_second(x: Tensor) -> Tensor:
    """Every second row and column, as the published network subsamples (no pooling)."""
    return x[:, :, ::2, ::2]


class SIGGRAPHGenerator(Generator):
    """34,187,027 parameters; ab at the input's size; takes user hints."""

    architecture: ClassVar[str] = "siggraph17"
    side_multiple: ClassVar[int] = LAYOUTS["siggraph17"].side_multiple
    output_layer: ClassVar[str] = "model_out.0"

    @property
    def takes_hints(self) -> bool:
        return True

    def __init__(self) -> None:
        super().__init__()
        self.model1 = _block(4, 64, 2)
        self.model2 = _block(64, 128, 2)
        self.model3 = _block(128, 256, 3)
        self.model4 = _block(256, 512, 3)
        self.model5 = _block(512, 512, 3, dilation=2)
        self.model6 = _block(512, 512, 3, dilation=2)
        self.model7 = _block(512, 512, 3)

        self.model8up = _up(512, 256)
        self.model3short8 = _shortcut(256, 256)
        self.model8 = nn.Sequential(
            nn.ReLU(inplace=True),
            _conv(256, 256),
            nn.ReLU(inplace=True),
            _conv(256, 256),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(256),
        )
        self.model9up = _up(256, 128)
        self.model2short9 = _shortcut(128, 128)
        self.model9 = nn.Sequential(nn.ReLU(inplace=True), _conv(128, 128), nn.ReLU(inplace=True), nn.BatchNorm2d(128))
        self.model10up = _up(128, 128)
        self.model1short10 = _shortcut(64, 128)
        self.model10 = nn.Sequential(nn.ReLU(inplace=True), _conv(128, 128), nn.LeakyReLU(0.2, inplace=True))
        self.model_class = nn.Sequential(nn.Conv2d(256, AB_BINS, 1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())
        initialize(self)

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        return self._ab_of(*self._features(L, hints))

    def predict_with_classes(self, L: Tensor, hints: Hints | None = None) -> tuple[Tensor, Tensor]:
        """ab `(N, 2, H, W)` and the logits of the ab bins `(N, 529, H/4, W/4)`; for training. H, W: multiples of 8."""
        conv1, conv2, conv8 = self._features(L, hints)
        return self._ab_of(conv1, conv2, conv8), self.model_class(conv8)

    def _features(self, L: Tensor, hints: Hints | None) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs of blocks 1, 2 and 8: at full, half and quarter size."""
        lightness = (L - 50) / 100
        ab, mask = hints if hints is not None else (L.new_zeros(1), L.new_zeros(1))
        ab = (ab / AB_SCALE).expand(L.shape[0], 2, *L.shape[-2:])
        mask = mask.expand(L.shape[0], 1, *L.shape[-2:])
        conv1 = self.model1(torch.cat([lightness, ab, mask], 1))  # (N, 64, H, W)
        conv2 = self.model2(_every_second(conv1))  # (N, 128, H/2, W/2)
        conv3 = self.model3(_every_second(conv2))  # (N, 256, H/4, W/4)
        conv4 = self.model4(_every_second(conv3))  # (N, 512, H/8, W/8)
        conv7 = self.model7(self.model6(self.model5(conv4)))
        conv8 = self.model8(self.model8up(conv7) + self.model3short8(conv3))  # (N, 256, H/4, W/4)
        return conv1, conv2, conv8

    def _ab_of(self, conv1: Tensor, conv2: Tensor, conv8: Tensor) -> Tensor:
        conv9 = self.model9(self.model9up(conv8) + self.model2short9(conv2))  # (N, 128, H/2, W/2)
        conv10 = self.model10(self.model10up(conv9) + self.model1short10(conv1))  # (N, 128, H, W)
        ab: Tensor = self.model_out(conv10) * AB_SCALE
        return ab
