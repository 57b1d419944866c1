"""The embedded default: an EfficientNet-Lite encoder with a light decoder; ab at a quarter of the input's sides.

Encoder: Tan and Le, *EfficientNet*, 2019 (arXiv 1905.11946), in its "lite" form (no squeeze-and-excitation, ReLU6; stem and last
stage not scaled). Decoder: a feature pyramid (Lin et al. 2017, arXiv 1612.03144) from 1/32 to 1/4 with one pooled global vector
at its top, so that a corner of a picture knows what the whole shows. A quarter is enough: chroma is scaled up along the edges of
the full lightness afterwards, and the eye resolves it coarsely.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, Hints, initialize
from .layout import LAYOUTS

AB_SCALE = 110.0
_BATCH_NORM_EPS = 1e-3  # as the published encoder was trained


class Stage(NamedTuple):
    """A run of inverted-bottleneck blocks; the first one has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


# Published scalings: depth and width 1.0/1.0, 1.1/1.0, 1.2/1.1; channels rounded to multiples of 8.
ENCODERS: dict[str, tuple[Stage, ...]] = {
    name: tuple(
        Stage(*row)
        for row in zip(depth, (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1), (1, 6, 6, 6, 6, 6, 6), width, strict=True)
    )
    for name, depth, width in (
        ("lite0", (1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
        ("lite1", (1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
        ("lite2", (1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
    )
}
_STEM_CHANNELS = 32
_TAPS = (0, 1, 2, 4, 6)  # stages whose outputs go on to the decoder: at 1/2, 1/4, 1/8, 1/16, 1/32


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME" does for even sides: with stride 2 one pixel less on the left and top."""

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        if total > 0 and total % 2:
            x = F.pad(x, (before, total - before, before, total - before))
            return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
        return F.conv2d(x, self.weight, self.bias, self.stride, max(before, 0), self.dilation, self.groups)


def _conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        _SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=_BATCH_NORM_EPS, momentum=0.01),
    ]


class _Bottleneck(nn.Module):
    """Expand 1x1, filter depthwise, project 1x1 (Sandler et al. 2018, arXiv 1801.04381)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [*_conv_norm(inputs, inner, 1), nn.ReLU6(inplace=True)]
        layers += [*_conv_norm(inner, inner, kernel, stride, groups=inner), nn.ReLU6(inplace=True)]
        layers += _conv_norm(inner, outputs, 1)
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Encoder(nn.Module):
    """L in -1..1 `(N, 1, H, W)` -> five feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, name: str, channels_in: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv_norm(channels_in, _STEM_CHANNELS, 3, stride=2), nn.ReLU6(inplace=True))
        stages: list[nn.Module] = []
        inputs = _STEM_CHANNELS
        for stage in ENCODERS[name]:
            blocks = [
                _Bottleneck(
                    inputs if n == 0 else stage.channels,
                    stage.channels,
                    stage.kernel,
                    stage.stride if n == 0 else 1,
                    stage.expansion,
                )
                for n in range(stage.blocks)
            ]
            stages.append(nn.Sequential(*blocks))
            inputs = stage.channels
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(ENCODERS[name][n].channels for n in _TAPS)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        taps = []
        for n, stage in enumerate(self.stages):
            x = stage(x)
            if n in _TAPS:
                taps.append(x)
        return taps


def _fuse(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class LiteGenerator(Generator):
    """L -> ab at a quarter of the input's sides.

    encoder: a key of `ENCODERS`. widths: channels of the decoder at 1/32, 1/16, 1/8 and 1/4. hints: whether it takes hints, which then
    enter the decoder at every size; without it they raise `ValueError`.
    """

    architecture: ClassVar[str] = "lite"
    side_multiple: ClassVar[int] = LAYOUTS["lite"].side_multiple
    ab_fraction: ClassVar[int] = LAYOUTS["lite"].ab_fraction
    output_layer: ClassVar[str] = "head.1"

    def __init__(
        self, encoder: str = "lite0", widths: tuple[int, int, int, int] = (256, 192, 128, 96), hints: bool = False
    ) -> None:
        super().__init__()
        self._configuration: dict[str, Any] = {"encoder": encoder, "widths": list(widths)} | ({"hints": True} if hints else {})
        self.encoder = Encoder(encoder)
        half, quarter, eighth, sixteenth, top = self.encoder.channels
        w32, w16, w8, w4 = widths
        self.top = _fuse(top, w32, kernel=1)
        self.whole = nn.Linear(top, w32)  # of the picture's mean feature: what is shown, wherever it is
        self.lateral16, self.fuse16 = nn.Conv2d(sixteenth, w32, 1), _fuse(w32, w16)
        self.lateral8, self.fuse8 = nn.Conv2d(eighth, w16, 1), _fuse(w16, w8)
        self.lateral4, self.fuse4 = nn.Conv2d(quarter, w8, 1), _fuse(w8, w4)
        self.detail = nn.Conv2d(half, w8, 3, stride=2, padding=1)  # edges of 1/2, brought down to 1/4
        last = nn.Conv2d(w4, 2, 1)
        self.head = nn.Sequential(_fuse(w4, w4), last)
        # From 1/32 to 1/4, where the laterals enter; ab and mask, averaged to that size.
        self.hinted = nn.ModuleList(
            nn.Conv2d(3, channels, 3, padding=1, bias=False) for channels in widths[:1] + widths[:3] if hints
        )
        initialize(self)
        for weight in self.hinted.parameters():
            nn.init.zeros_(weight)  # so that weights which never saw hints go on as they were
        nn.init.zeros_(self.whole.weight)
        nn.init.normal_(last.weight, std=1e-3)  # starts near gray

    def configuration(self) -> dict[str, Any]:
        return dict(self._configuration)

    @property
    def takes_hints(self) -> bool:
        return len(self.hinted) > 0

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        if hints is not None and not self.takes_hints:
            raise ValueError("this lite was made without hints; use siggraph17")
        half, quarter, eighth, sixteenth, top = self.encoder((L - 50) / 50)
        whole = self.whole(top.mean((2, 3)))[:, :, None, None]  # (N, w32, 1, 1)
        hints32, hints16, hints8, hints4 = self._hint_features(hints)
        x = _sum(self.top(top), whole, hints32)  # (N, w32, H/32, W/32)
        x = self.fuse16(_sum(_double(x), self.lateral16(sixteenth), hints16))  # (N, w16, H/16, W/16)
        x = self.fuse8(_sum(_double(x), self.lateral8(eighth), hints8))  # (N, w8, H/8, W/8)
        x = self.fuse4(_sum(_double(x), self.lateral4(quarter), self.detail(half), hints4))  # (N, w4, H/4, W/4)
        ab: Tensor = torch.tanh(self.head(x)) * AB_SCALE
        return ab

    def _hint_features(self, hints: Hints | None) -> list[Tensor | None]:
        """What hints add to the decoder at 1/32, 1/16, 1/8 and 1/4; None without hints."""
        if hints is None:
            return [None] * 4
        hinted = torch.cat([hints.ab / AB_SCALE, hints.mask], 1)
        return [part(F.avg_pool2d(hinted, size)) for part, size in zip(self.hinted, (32, 16, 8, 4), strict=True)]


def _sum(*parts: Tensor | None) -> Tensor:
    return functools.reduce(torch.add, (part for part in parts if part is not None))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
