"""Means of losses over steps, parts and processes, and a look for numbers that are none, neither waiting for a GPU at every step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .parallel import Processes


class RunningMeans:
    """Means of named values since they were last taken; the sums stay on the values' device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, float] = {}

    def add(self, values: Mapping[str, Tensor], share: float = 1.0) -> None:
        """One step's values, or one part's, which counts for `share` of the step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach().float() * share
            self._counts[name] = self._counts.get(name, 0.0) + share

    def take(self, processes: Processes) -> dict[str, Tensor]:
        """The means over all processes, each a scalar on the CPU, and begin anew. All processes call it at the same step."""
        names = list(self._sums)
        means = processes.mean(torch.stack([self._sums[name] / self._counts[name] for name in names])).cpu()
        self._sums.clear()
        self._counts.clear()
        return dict(zip(names, means, strict=True))


def not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names of those that are infinite or not a number somewhere, found with one look at the device."""
    names = list(tensors)
    finite = torch.stack([tensors[name].isfinite().all() for name in names]).tolist()
    return [name for name, good in zip(names, finite, strict=True) if not good]
