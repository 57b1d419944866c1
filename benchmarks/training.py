"""Whether reading pictures is what training waits for: the loader alone against the step alone, in pictures a second.

python -m benchmarks.training DATA...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from batchcolor.generators import Generator
from trainer.data import Batches, Sampling, find_sources
from trainer.degrade import Degrade
from trainer.networks import freeze, initial_generator, train_mode
from trainer.settings import Objective, TrainSettings
from trainer.step import forward_backward, random_of

BATCH, STEPS = 32, 8


def loaded(batches: Batches) -> tuple[float, np.ndarray]:
    """Pictures a second of one thread, and the last batch."""
    batches.batch(0)
    started = time.perf_counter()
    for step in range(1, STEPS + 1):
        batch = batches.batch(step)
    return BATCH * STEPS / (time.perf_counter() - started), batch


def stepped(generator: Generator, batch: np.ndarray) -> float:
    """Pictures a second of forward and backward passes, on all cores."""
    optimizer = torch.optim.AdamW([p for p in generator.parameters() if p.requires_grad], lr=1e-6)
    for step in range(STEPS + 2):
        if step == 2:
            started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        forward_backward(
            generator,
            torch.from_numpy(batch),
            objective=Objective(),
            degrade=Degrade(),
            rng=random_of(0, step, 0),
            autocast=True,
        )
        optimizer.step()
    return BATCH * STEPS / (time.perf_counter() - started)


def main(data: list[Path]) -> None:
    settings = TrainSettings(configuration={"encoder": "lite2"})
    batches = Batches(find_sources(data), Sampling(), BATCH, seed=0)
    rate, batch = loaded(batches)
    print(f"loader, one thread: {rate:.0f} pictures/s ({len(batches)} pictures, crops of {settings.sampling.size})")
    generator = initial_generator(settings)
    freeze(generator, settings.frozen_stages)
    train_mode(generator)
    steps = stepped(generator, batch)
    print(
        f"step alone, lite2, {torch.get_num_threads()} threads: {steps:.0f} pictures/s; the loader is {rate / steps:.1f} times as fast"
    )


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
