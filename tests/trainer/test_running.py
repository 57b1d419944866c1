"""Figures that are gathered without waiting for a GPU at every step."""

from __future__ import annotations

import pytest
import torch

from trainer.parallel import Processes
from trainer.running import RunningMeans, not_finite


def test_means_are_over_all_parts_of_all_steps_since_they_were_last_taken() -> None:
    means = RunningMeans()
    for step in ((1.0, 3.0), (5.0, 7.0)):
        for part in step:
            means.add({"ab": torch.tensor(part)}, share=0.5)
    means.add({"gan": torch.tensor(8.0)})  # a loss that began later counts from then on
    taken = means.take(Processes())
    assert {name: float(value) for name, value in taken.items()} == {"ab": 4.0, "gan": 8.0}
    means.add({"ab": torch.tensor(2.0)})
    assert float(means.take(Processes())["ab"]) == 2.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_bad_value_between_two_looks_is_found(value: float) -> None:
    means = RunningMeans()
    for loss in (1.0, value, 1.0):
        means.add({"ab": torch.tensor(loss), "norm": torch.tensor(1.0)})
    assert not_finite(means.take(Processes())) == ["ab"]


def test_tensors_of_any_type_and_shape_are_looked_at() -> None:
    tensors = {"good": torch.ones(3, 3), "counter": torch.tensor(3), "bad": torch.tensor([[0.0, float("-inf")]])}
    assert not_finite(tensors) == ["bad"]
