"""What is added to a registry is trained: a generator without an adapter, and a loss of its own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import click
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from batchcolor.errors import ModelError
from batchcolor.generators import GENERATORS, Generator
from batchcolor.generators.base import Hints
from trainer.batches import Sampling
from trainer.loop import train
from trainer.networks import freeze, initial_generator
from trainer.objective import LOSSES, Objective, Prediction
from trainer.options import made_of, options_of, setting
from trainer.report import LOG_FILE, read_rows
from trainer.settings import TrainSettings
from trainer.state import STATE_FILE, read_state


class _Tiny(Generator):
    """A generator that the trainer knows nothing of."""

    architecture = "tiny"
    side_multiple = 2
    ab_fraction = 2
    output_layer = "last"

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.last = nn.Conv2d(4, 2, 1)

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        return torch.tanh(self.last(self.first((L - 50) / 50))) * 110


@dataclass(frozen=True, slots=True)
class _Restraint:
    """A loss that asks for gray."""

    name: ClassVar[str] = "restraint"
    needs_classes: ClassVar[bool] = False
    view_shift: ClassVar[int | None] = None

    weight: float = setting(0.0, "Weight of restraint.", flag="--restraint-weight")

    def __call__(self, prediction: Prediction) -> Tensor:
        return prediction.ab.abs().mean()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> TrainSettings:
    monkeypatch.setitem(GENERATORS, "tiny", _Tiny)
    objective = Objective((*Objective().losses, _Restraint(weight=0.5)))
    return TrainSettings(
        architecture="tiny", init="scratch", steps=20, batch_size=2, workers=0, sampling=Sampling(size=30), objective=objective
    )


def test_a_generator_and_a_loss_that_were_added_are_trained(photos: Path, tmp_path: Path, tiny: TrainSettings) -> None:
    train([photos], tmp_path / "run", tiny, [], [])
    state = read_state(tmp_path / "run" / STATE_FILE)
    assert (state["architecture"], state["step"]) == ("tiny", 20)
    assert state["settings"]["restraint_weight"] == 0.5
    (row,) = read_rows(tmp_path / "run" / LOG_FILE)
    assert float(row["restraint"]) > 0


def test_a_generator_without_a_pretrained_part_has_nothing_to_freeze_or_to_load(tiny: TrainSettings) -> None:
    generator = initial_generator(tiny)
    freeze(generator, 3)
    assert all(p.requires_grad for p in generator.parameters())
    with pytest.raises(ModelError, match="tiny has no ImageNet encoder"):
        initial_generator(TrainSettings(architecture="tiny", sampling=Sampling(size=30)))


def test_the_options_of_losses_come_from_their_fields() -> None:
    @click.command()
    @options_of(*LOSSES, _Restraint)
    def command(**values: float) -> None:
        click.echo(made_of(_Restraint, values).weight)

    assert CliRunner().invoke(command, ["--restraint-weight", "0.25"]).output == "0.25\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="torch compiles with a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # torch's own, while it compiles
def test_a_compiled_generator_learns_what_the_same_one_learns_uncompiled(
    photos: Path, tmp_path: Path, tiny: TrainSettings
) -> None:
    weights = []
    for compiled in (False, True):
        output = tmp_path / f"compiled-{compiled}"
        train([photos], output, replace(tiny, steps=3, autocast=False, compile=compiled), [], [])
        weights.append(read_state(output / STATE_FILE)["generator"])
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-3, atol=1e-4)
