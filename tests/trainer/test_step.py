"""One step: which losses it names, and what they hold."""

from __future__ import annotations

import pytest
import torch

from batchcolor.generators import build
from trainer.degrade import NONE
from trainer.networks import train_mode
from trainer.settings import Objective
from trainer.step import forward_backward, random_of, random_shift


def test_shifts_are_of_whole_pixels_of_ab_and_go_every_way() -> None:
    shifts = [random_shift(16, 4, random_of(0, step, 0)) for step in range(200)]
    assert {pixels for shift in shifts for pixels in shift} == set(range(-16, 17, 4))
    assert random_shift(3, 4, random_of(0, 0, 0)) == (0, 0)


def test_a_steady_generator_learns_only_from_the_truth() -> None:
    """Gray everywhere is as steady as can be; colours that hang on where the picture lies are not."""
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    train_mode(generator)
    rgb = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)

    def losses(weight: float) -> dict[str, torch.Tensor]:
        return forward_backward(
            generator, rgb, objective=Objective(steady_weight=weight), degrade=NONE, rng=random_of(0, 1, 0), autocast=False
        )

    assert "steady" not in losses(0)
    torch.nn.init.zeros_(generator.get_parameter("head.1.weight"))
    assert float(losses(1)["steady"]) == pytest.approx(0, abs=1e-6)
    torch.nn.init.normal_(generator.get_parameter("head.1.weight"))
    assert float(losses(1)["steady"]) > 1
