"""What changes in the course of a run, against formulas worked out by hand: rates, the average of weights, the joint stage's weight."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from batchcolor.generators import build
from batchcolor.generators.lite import LiteGenerator
from tests.trainer.test_runs import run_arguments, trainer
from trainer.degrade import NONE
from trainer.discriminator import NLayerDiscriminator
from trainer.networks import freeze, train_mode
from trainer.objective import Objective
from trainer.optimizers import parameter_groups
from trainer.randomness import random_of
from trainer.settings import Gan, TrainSettings, learning_rate_factor
from trainer.state import STATE_FILE, Ema, read_state
from trainer.step import TrainedDiscriminator, forward_backward


def test_the_average_follows_its_formula() -> None:
    module = nn.BatchNorm1d(1)  # has a counter, which is no weight
    ema = Ema(module, decay=0.2)
    expected = 1.0
    for update, value in enumerate((5.0, -3.0, 7.0, 7.0), start=1):
        nn.init.constant_(module.weight, value)
        module.num_batches_tracked.fill_(update)
        ema.update(module)
        decay = min(0.2, (1 + update) / (10 + update))  # 2/11 at first, then 0.2
        expected = decay * expected + (1 - decay) * value
        assert float(ema.tensors["weight"]) == pytest.approx(expected, rel=1e-6)
        assert int(ema.tensors["num_batches_tracked"]) == update
    assert module.weight.tolist() == [7.0]  # the module itself stays


def test_the_first_update_forgets_most_of_the_start() -> None:
    module = nn.Linear(1, 1)
    nn.init.constant_(module.weight, 0.0)
    ema = Ema(module, decay=0.999)
    nn.init.constant_(module.weight, 11.0)
    ema.update(module)
    assert float(ema.tensors["weight"]) == pytest.approx(9.0)  # 11 * (1 - 2/11)


@pytest.mark.parametrize(
    ("step", "progress", "factor"),
    [
        (0, 0.0, 1 / 300),
        (149, 0.0, 0.5),
        (299, 0.0, 1.0),
        (149, 0.5, 0.5 * 0.505),
        (5000, 0.5, 0.505),
        (5000, 1 / 3, 0.01 + 0.99 * 0.75),
        (9999, 1.0, 0.01),
        (9999, 2.0, 0.01),
    ],
)
def test_rates_rise_and_follow_half_a_cosine(step: int, progress: float, factor: float) -> None:
    assert learning_rate_factor(step, progress, 300) == pytest.approx(factor)


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    assert learning_rate_factor(0, 0.0, 0) == 1.0


def test_the_joint_stage_begins_at_a_share_of_the_run_or_at_a_step() -> None:
    share, step = Gan(weight=1, start=0.5), Gan(weight=1, start=100)
    assert [share.begun(0, progress) for progress in (0.0, 0.49, 0.5, 1.0)] == [False, False, True, True]
    assert [step.begun(number, 0.9) for number in (0, 99, 100, 101)] == [False, False, True, True]
    assert Gan(weight=1).begun(0, 0.0)
    assert not Gan(weight=0).begun(100, 1.0)


def test_its_weight_rises_linearly_and_stays() -> None:
    adversary = Gan(weight=3, ramp_steps=200)
    assert [adversary.weight_at(n) for n in (0, 99, 199, 200, 5000)] == pytest.approx([0.015, 1.5, 3, 3, 3])
    assert Gan(weight=3, ramp_steps=0).weight_at(0) == 3


def lite() -> LiteGenerator:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    assert isinstance(generator, LiteGenerator)
    return generator


def test_frozen_stages_do_not_learn_and_all_else_does() -> None:
    generator = lite()
    freeze(generator, 3)
    frozen = {name for name, p in generator.named_parameters() if not p.requires_grad}
    expected = ("encoder.stem.", "encoder.stages.0.", "encoder.stages.1.", "encoder.stages.2.")
    assert frozen == {name for name, _ in generator.named_parameters() if name.startswith(expected)}
    assert len(frozen) > 20
    untouched = lite()
    freeze(untouched, 0)
    assert all(p.requires_grad for p in untouched.parameters())


@pytest.mark.parametrize("frozen", [0, 3, 7])
def test_each_parameter_that_learns_is_in_one_group_the_encoders_with_its_rate(frozen: int) -> None:
    generator = lite()
    freeze(generator, frozen)
    groups = parameter_groups(generator, 0.1, 0.01)
    assert [group["scale"] for group in groups] == ([1.0, 1.0] if frozen == 7 else [1.0, 1.0, 0.1, 0.1])
    learning = {name: id(p) for name, p in generator.named_parameters() if p.requires_grad}
    for scale in (1.0, 0.1):
        grouped = {id(p) for group in groups if group["scale"] == scale for p in group["params"]}
        assert grouped == {number for name, number in learning.items() if name.startswith("encoder.") == (scale == 0.1)}
    assert sum(len(group["params"]) for group in groups) == len(learning)


def test_norms_and_biases_do_not_decay() -> None:
    generator = lite()
    decay = {id(p): group["weight_decay"] for group in parameter_groups(generator, 0.1, 0.01) for p in group["params"]}
    names = {id(p): name for name, p in generator.named_parameters()}
    decayed = {names[number] for number, weight in decay.items() if weight}
    of_norms = {
        f"{name}.weight" for name, module in generator.named_modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d)
    }
    assert len(of_norms) > 50
    assert decayed == {name for name in names.values() if name.endswith(".weight")} - of_norms


def test_the_encoder_is_frozen_as_a_whole_until_it_begins_to_learn() -> None:
    settings = TrainSettings(encoder_start=0.5, frozen_stages=3)
    assert [settings.encoder_frozen(9, progress) for progress in (0.0, 0.49, 0.5, 1.0)] == [True, True, False, False]
    generator = lite()
    freeze(generator, None)
    assert not any(p.requires_grad for p in generator.encoder.parameters())
    freeze(generator, settings.frozen)
    learning = {name for name, p in generator.named_parameters() if p.requires_grad}
    frozen = lite()
    freeze(frozen, 3)
    assert learning == {name for name, p in frozen.named_parameters() if p.requires_grad}


@pytest.mark.slow
def test_a_run_unfreezes_its_encoder_on_the_way(photos: Path, tmp_path: Path) -> None:
    ran = trainer(*run_arguments(photos, tmp_path / "run", "--encoder-start", 4))
    assert ran.returncode == 0, ran.stderr
    state = read_state(tmp_path / "run" / STATE_FILE)
    steps = {int(moments["step"]) for moments in state["optimizer"]["state"].values()}
    assert steps == {6, 2}  # the decoder's, and the encoder's from step 4 on
    resumed = trainer(*run_arguments(photos, tmp_path / "run", "--encoder-start", 4, "--steps", 8))
    assert resumed.returncode == 0, resumed.stderr


def norm_of(tensors: list[torch.Tensor]) -> float:
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in tensors))


def test_the_discriminators_gradient_is_clipped_and_its_norm_returned() -> None:
    generator = lite()
    train_mode(generator)
    network = NLayerDiscriminator(8)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    rgb = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)

    def left(clip_norm: float) -> tuple[float, float]:
        discriminator = TrainedDiscriminator(network, network, optimizer, clip_norm)
        optimizer.zero_grad()
        forward_backward(
            generator,
            rgb,
            losses=Objective().active(0, 0.0),
            degradation=NONE,
            random=random_of(0, 0, 0),
            autocast=False,
            discriminator=discriminator,
            gan_weight=1.0,
        )
        return float(discriminator.clip()), norm_of([p.grad for p in network.parameters() if p.grad is not None])

    told, kept = left(1e6)
    assert kept == pytest.approx(told, rel=1e-4)
    told, kept = left(told / 10)
    assert kept == pytest.approx(told / 10, rel=0.05)  # the power iteration of its norms went on between the two


@pytest.mark.slow
def test_a_run_clips_gradients_and_scales_its_rates(photos: Path, tmp_path: Path) -> None:
    """After one step Adam's first moment is a tenth of the gradient that was left after clipping."""
    ran = trainer(
        *run_arguments(
            photos, tmp_path / "run", "--steps", 1, "--clip-norm", 0.01, "--warmup", 4, "--encoder-learning-rate-scale", 0.25
        )
    )
    assert ran.returncode == 0, ran.stderr
    optimizer = read_state(tmp_path / "run" / STATE_FILE)["optimizer"]
    assert norm_of([state["exp_avg"] for state in optimizer["state"].values()]) == pytest.approx(0.1 * 0.01, rel=1e-3)
    rates = [group["lr"] for group in optimizer["param_groups"]]
    assert rates == pytest.approx(2 * [6e-4 / 4] + 2 * [6e-4 / 4 * 0.25])  # a quarter of the warm-up, no progress yet
