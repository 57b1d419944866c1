"""Small real weights for runs in separate processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, save


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lite with random weights whose colours can be seen."""
    torch.manual_seed(0)
    configuration = {"encoder": "lite0", "widths": [32, 24, 16, 16]}
    generator = build("lite", configuration)
    torch.nn.init.normal_(generator.head[-1].weight, std=0.1)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save(Checkpoint("lite", configuration, generator.state_dict(), {"network_size": 64}), path)
    return path
