"""Weights that carry their OpenVINO graph: one file for both engines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch

from batchcolor.engines.stored_graph import model_of, with_graph
from batchcolor.errors import ModelError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, load, save


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    torch.nn.init.normal_(generator.get_parameter("head.1.weight"), std=0.4)
    return with_graph(Checkpoint("lite", generator.configuration(), generator.state_dict()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_equals_torch_on_the_same_file(checkpoint: Checkpoint, tmp_path: Path, dtype: torch.dtype) -> None:
    save(checkpoint, tmp_path / "own.safetensors", dtype)
    stored = load(tmp_path / "own.safetensors")
    L = np.random.default_rng(0).uniform(0, 100, (2, 1, 64, 96)).astype(np.float32)
    compiled = ov.Core().compile_model(model_of(ov.Core(), stored), "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.f32})
    with torch.inference_mode():
        expected = stored.generator()(torch.from_numpy(L)).numpy()
    assert expected.std() > 1
    np.testing.assert_allclose(compiled([L])[0], expected, atol=0.01)


def test_the_graph_holds_no_weights_of_its_own(checkpoint: Checkpoint) -> None:
    assert len(checkpoint.graph) < 100_000
    other = replace(checkpoint, tensors={name: 0 * tensor for name, tensor in checkpoint.tensors.items()})
    compiled = ov.Core().compile_model(model_of(ov.Core(), other), "CPU")
    assert not compiled([np.full((1, 1, 64, 64), 50, np.float32)])[0].any()


@pytest.mark.parametrize("damage", ["x", "{}", json.dumps({"xml": "eJwDAAAAAAE=", "constants": "", "layout": ""})])
def test_a_damaged_graph_is_named(checkpoint: Checkpoint, damage: str) -> None:
    with pytest.raises(ModelError, match=r"graph .* damaged"):
        model_of(ov.Core(), replace(checkpoint, graph=damage))


def test_the_graph_of_other_weights_is_refused(checkpoint: Checkpoint) -> None:
    fewer = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "head.1.bias"}
    with pytest.raises(ModelError, match="other weights"):
        model_of(ov.Core(), replace(checkpoint, tensors=fewer))
