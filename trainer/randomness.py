"""Random numbers of a training step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class StepRandom(NamedTuple):
    """Two generators: `host` draws what decides which work is done (which pictures, how many points), on the CPU so that nothing has
    to wait for a GPU; `device` draws strengths and noise where the pictures lie."""

    host: torch.Generator
    device: torch.Generator

    def uniform(self, count: int, low: float, high: float) -> Tensor:
        """One value a picture, `(count, 1, 1, 1)`, on the device."""
        values = torch.empty(count, 1, 1, 1, device=self.device.device)
        return values.uniform_(low, high, generator=self.device)

    def normal(self, shape: torch.Size) -> Tensor:
        """Standard normal noise on the device."""
        return torch.empty(shape, device=self.device.device).normal_(generator=self.device)


def random_of(seed: int, step: int, rank: int, device: torch.device | str = "cpu") -> StepRandom:
    """The random numbers of one step of one process: they depend on nothing else, so none of them has to be saved."""
    host, on_device = np.random.SeedSequence((seed, step, rank)).generate_state(2, np.uint64).tolist()
    return StepRandom(torch.Generator().manual_seed(host >> 1), torch.Generator(device).manual_seed(on_device >> 1))
