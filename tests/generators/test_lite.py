"""lite, the architecture of the embedded weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from batchcolor.errors import ModelError
from batchcolor.generators import Hints, build, parameter_count
from batchcolor.generators.checkpoint import Checkpoint, save
from batchcolor.generators.lite import ENCODERS
from batchcolor.weights import find_weights, open_checkpoint


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_builds_and_answers_at_a_quarter(encoder: str) -> None:
    generator = build("lite", {"encoder": encoder}).eval()
    with torch.inference_mode():
        assert generator(torch.zeros(1, 1, 64, 96)).shape == (1, 2, 16, 24)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_with_every_encoder_a_file_of_half_precision_has_at_most_20_megabytes(encoder: str, tmp_path: Path) -> None:
    generator = build("lite", {"encoder": encoder})
    path = tmp_path / "half.safetensors"
    save(Checkpoint("lite", generator.configuration(), generator.state_dict()), path, torch.float16)
    assert path.stat().st_size <= 20_000_000


def test_an_unknown_encoder_is_named() -> None:
    with pytest.raises(ModelError, match="lite9"):
        build("lite", {"encoder": "lite9"})


def test_hints_are_refused_not_forgotten() -> None:
    hints = Hints(torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64))
    with pytest.raises(ValueError, match="siggraph17"):
        build("lite").eval()(torch.zeros(1, 1, 64, 64), hints)


def test_the_shipped_weights_are_small_and_have_a_card() -> None:
    path = find_weights("lite")
    assert Path(path).stat().st_size <= 20_000_000
    checkpoint = open_checkpoint("lite")
    assert parameter_count(checkpoint.generator()) < 6_000_000
    assert {"data", "command", "figures", "licence", "limits"} <= checkpoint.card.keys()
