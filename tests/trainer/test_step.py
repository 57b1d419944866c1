"""One step: which losses it names, and what they hold."""

from __future__ import annotations

import pytest
import torch

from batchcolor.generators import build
from trainer.degrade import NONE
from trainer.discriminator import NLayerDiscriminator
from trainer.networks import train_mode
from trainer.settings import Objective
from trainer.step import Opponent, forward_backward, random_of, random_shift


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


def test_in_parts_both_networks_take_the_step_that_they_take_on_the_whole_batch() -> None:
    rgb = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    def after(steps: int, parts: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        generator = build("siggraph17", {})
        train_mode(generator)
        # in eval mode its spectral norms stand still; in training their power iteration goes on with every part
        discriminator = NLayerDiscriminator(8).eval()
        optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in (generator, discriminator)]
        opponent = Opponent(discriminator, discriminator, optimizers[1])
        for number in range(steps):
            for optimizer in optimizers:
                optimizer.zero_grad()
            for part in rgb.chunk(parts):
                forward_backward(
                    generator,
                    part,
                    objective=Objective(chroma_scale=0),
                    degrade=NONE,
                    rng=random_of(0, number, 0),
                    autocast=False,
                    share=1 / parts,
                    opponent=opponent,
                    gan_weight=5.0,
                )
            torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)
            opponent.clip()
            for optimizer in optimizers:
                optimizer.step()
        return {**generator.state_dict(), **discriminator.state_dict()}

    start, whole, halves = after(0, 1), after(2, 1), after(2, 2)
    for name, tensor in whole.items():
        torch.testing.assert_close(halves[name], tensor, rtol=1e-4, atol=1e-5)
    for name in ("model_out.0.weight", "layers.0.weight", "layers.2.parametrizations.weight.original"):
        assert float((whole[name] - start[name]).abs().max()) > 1e-3
