"""Judging: where the network runs, and what becomes of files that are no pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from batchcolor.generators import Generator
from batchcolor.generators.base import Hints
from tests.trainer.test_runs import trainer
from trainer.evaluate import predict_ab


class _Elsewhere(Generator):
    """A network whose weights lie on another device than the CPU (torch's "meta", which every machine has)."""

    architecture = "elsewhere"
    side_multiple = 32

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, device="meta"))
        self.seen: list[str] = []

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        self.seen.append(L.device.type)
        return torch.full((1, 2, *L.shape[-2:]), 7.0)  # on the CPU: "meta" holds no values to give back


def test_lightness_goes_to_where_the_weights_lie_and_ab_comes_back() -> None:
    generator = _Elsewhere()
    ab = predict_ab(generator, np.full((40, 60, 3), 99, np.uint8), 64, (20, 30))
    assert generator.seen == ["meta"]
    assert ab.shape == (2, 20, 30)
    np.testing.assert_allclose(ab, 7.0, rtol=1e-6)


@pytest.mark.parametrize("command", ["evaluate", "evaluate-clips"])
@pytest.mark.parametrize(
    ("device", "code", "said"), [("cuda:63", 6, "--device cpu always works"), ("abacus", 2, "no device is")]
)
def test_a_device_to_judge_on_that_is_not_there_is_one_sentence(
    photos: Path, command: str, device: str, code: int, said: str
) -> None:
    ran = trainer(command, photos, "--weights", "lite", "--device", device)
    assert ran.returncode == code
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
