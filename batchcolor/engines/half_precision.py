"""A generator in half precision: its weights converted once, BatchNorm folded, and float32 where rounding would show."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..generators import Generator


def fold_batch_norms(module: nn.Module) -> None:
    """Make each BatchNorm that directly follows a convolution part of it, in place; exact up to rounding. For networks in eval mode."""
    for parent in module.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        for n in range(len(parent) - 1):
            first, second = parent[n], parent[n + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                parent[n], parent[n + 1] = fuse_conv_bn_eval(first, second), nn.Identity()


def to_half_precision(generator: Generator, dtype: torch.dtype) -> Generator:
    """The generator with weights of `dtype`, for float32 input and output.

    Lightness stays float32 up to the first layer: bfloat16 knows it in steps of half a unit only. So does ab after the last one.
    """
    generator.to(dtype)
    for part in generator.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            part.register_forward_pre_hook(_as_weights_are)
    generator.get_submodule(generator.output_layer).register_forward_hook(_as_float32)
    return generator


def _as_weights_are(part: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.to(part.weight.dtype) for x in inputs)


def _as_float32(_part: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output.float()
