"""From torch to OpenVINO: the generator is traced, and its trace read by OpenVINO's frontend for torch."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn

from ..generators import Generator
from ..generators.base import Hints


class _Prediction(nn.Module):
    """`predict` alone: padding depends on the sizes, and a trace knows no ifs."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, L: Tensor) -> Tensor:
        return self.generator.predict(L, None)


class _HintedPrediction(_Prediction):
    def forward(self, L: Tensor, ab: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return self.generator.predict(L, Hints(ab, mask))


def traced(generator: Generator, *, hints: bool = False) -> Any:
    """The generator as an `ov.Model`: L float32 `(N, 1, H, W)` -> ab; hints: with ab and mask of hints as further inputs.

    Raises `RuntimeError` where OpenVINO cannot take it.
    """
    # The frontend itself instead of `openvino.convert_model`: that one reports its use to the maker over the network.
    side = 4 * generator.side_multiple
    planes = (1, 2, 1) if hints else (1,)
    example = tuple(torch.zeros(2, count, side, 2 * side) for count in planes)
    prediction = _HintedPrediction(generator) if hints else _Prediction(generator)
    with warnings.catch_warnings():
        # OpenVINO's frontend traces, and torch would like to see traces go; what that means is for our tests to say, not for users.
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        decoder = TorchScriptPythonDecoder(prediction.eval(), example_input=example)
    frontend = FrontEndManager().load_by_framework("pytorch")
    description = frontend.load(decoder)
    model = frontend.convert(description)
    model.reshape({port: [-1, count, -1, -1] for port, count in zip(model.inputs, planes, strict=True)})
    return model
