"""One step: which losses it names, and what they hold."""

from __future__ import annotations

import pytest
import torch

from batchcolor.generators import build
from trainer.degrade import NONE
from trainer.discriminator import NORMS, NLayerDiscriminator, discriminator_input
from trainer.networks import float32_output, train_mode
from trainer.objective import Objective
from trainer.randomness import random_of
from trainer.step import TrainedDiscriminator, forward_backward, lab_batch, random_shift


def test_shifts_are_of_whole_pixels_of_ab_and_go_every_way() -> None:
    shifts = [random_shift(16, 4, random_of(0, step, 0).host) for step in range(200)]
    assert {pixels for shift in shifts for pixels in shift} == set(range(-16, 17, 4))
    assert random_shift(3, 4, random_of(0, 0, 0).host) == (0, 0)


def test_colours_that_depend_on_the_place_are_not_consistent() -> None:
    """Gray everywhere is consistent; colours that depend on where the crop lies are not."""
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    train_mode(generator)
    rgb = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)

    def losses(weight: float) -> dict[str, torch.Tensor]:
        terms = Objective.of(temporal_weight=weight).active(0, 0.0)
        return forward_backward(generator, rgb, losses=terms, degradation=NONE, random=random_of(0, 1, 0), autocast=False)

    assert "temporal" not in losses(0)
    torch.nn.init.zeros_(generator.get_parameter("head.1.weight"))
    assert float(losses(1)["temporal"]) == pytest.approx(0, abs=1e-6)
    torch.nn.init.normal_(generator.get_parameter("head.1.weight"))
    assert float(losses(1)["temporal"]) > 1


def test_in_parts_both_networks_take_the_step_that_they_take_on_the_whole_batch() -> None:
    rgb = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    def after(steps: int, parts: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        generator = build("siggraph17", {})
        train_mode(generator)
        # in eval mode its spectral norms stand still; in training their power iteration goes on with every part
        discriminator = NLayerDiscriminator(8).eval()
        optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in (generator, discriminator)]
        trained = TrainedDiscriminator(discriminator, discriminator, optimizers[1])
        for number in range(steps):
            for optimizer in optimizers:
                optimizer.zero_grad()
            for part in rgb.chunk(parts):
                forward_backward(
                    generator,
                    part,
                    losses=Objective.of(chroma_scale=0).active(0, 0.0),
                    degradation=NONE,
                    random=random_of(0, number, 0),
                    autocast=False,
                    share=1 / parts,
                    discriminator=trained,
                    gan_weight=5.0,
                )
            torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)
            trained.clip()
            for optimizer in optimizers:
                optimizer.step()
        return {**generator.state_dict(), **discriminator.state_dict()}

    start, whole, halves = after(0, 1), after(2, 1), after(2, 2)
    for name, tensor in whole.items():
        torch.testing.assert_close(halves[name], tensor, rtol=1e-4, atol=1e-5)
    for name in ("model_out.0.weight", "layers.0.weight", "layers.2.parametrizations.weight.original"):
        assert float((whole[name] - start[name]).abs().max()) > 1e-3


@pytest.mark.parametrize("architecture", ["lite", pytest.param("siggraph17", marks=pytest.mark.slow)])
def test_ab_under_autocast_is_not_rounded_to_bfloat16(architecture: str) -> None:
    torch.manual_seed(0)
    generator = build(architecture, {"encoder": "lite0", "widths": [16, 16, 16, 16]} if architecture == "lite" else {}).eval()
    layer = generator.get_submodule(generator.output_layer)
    torch.nn.init.normal_(layer.weight, std=0.3)
    L = torch.rand(1, 1, 64, 64) * 100

    def rounded() -> float:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            ab = generator(L)
        assert float(ab.abs().max()) > 40
        return float((ab == ab.bfloat16().float()).float().mean())

    assert rounded() > 0.9
    float32_output(generator)
    assert rounded() < 0.1
    assert generator.state_dict().keys() == build(architecture, generator.configuration()).state_dict().keys()


@pytest.mark.parametrize("norm", NORMS)
def test_the_generator_hears_the_verdicts_that_the_discriminator_gave(norm: str) -> None:
    """With a BatchNorm, fakes judged alone would get other scores than fakes beside true pictures."""
    torch.manual_seed(0)
    network = NLayerDiscriminator(8, norm)
    rgb = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    L, truth = lab_batch(rgb)
    true, fake = discriminator_input(L, truth), discriminator_input(L, truth * 0.2)
    if norm == "spectral":
        network.eval()  # its power iteration goes on with every call otherwise
    own = network(torch.cat([true, fake])).chunk(2)[1]
    torch.testing.assert_close(network.scores(true, fake), own)
    if norm == "batch":
        assert float((network(fake) - own).detach().abs().max()) > 1e-3


def test_the_temporal_loss_begins_where_it_is_told_to() -> None:
    objective = Objective.of(temporal_weight=1.0, temporal_start=0.5)
    assert [[loss.name for loss in objective.active(0, progress)] for progress in (0.4, 0.5)] == [["ab"], ["ab", "temporal"]]
