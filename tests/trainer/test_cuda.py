"""What only a GPU can show. Skipped where there is none."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from batchcolor.generators import build
from tests.trainer.test_parallel import torchrun
from tests.trainer.test_runs import run_arguments, trainer
from trainer.batches import Batches, Sampling
from trainer.degrade import DEGRADATIONS, Degradation
from trainer.hints import random_hints
from trainer.networks import train_mode
from trainer.objective import Objective
from trainer.randomness import random_of
from trainer.sources import find_sources
from trainer.state import STATE_FILE, read_state
from trainer.step import forward_backward

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_a_run_on_a_gpu_ends_and_is_resumed(photos: Path, tmp_path: Path) -> None:
    more = ["--device", "cuda", "--gan-weight", 1, "--gan-start", 2, "--discriminator-channels", 8, "--hints", 0.5]
    assert trainer(*run_arguments(photos, tmp_path / "run", *more, "--steps", 4)).returncode == 0
    ran = trainer(*run_arguments(photos, tmp_path / "run", *more))
    assert ran.returncode == 0, ran.stderr
    assert read_state(tmp_path / "run" / STATE_FILE)["step"] == 6


def test_batches_come_in_page_locked_memory(photos: Path) -> None:
    stream = Batches(find_sources([photos]), Sampling(size=32), 2, 0).from_step(0, 1, pinned=True)
    assert all(batch.is_pinned() for batch in itertools.islice(stream, 2))
    stream.close()


def test_degradations_hints_and_losses_stay_on_the_gpu() -> None:
    L, ab = torch.rand(8, 1, 64, 64, device="cuda") * 100, torch.rand(8, 2, 64, 64, device="cuda") * 40
    always = Degradation(**dict.fromkeys(DEGRADATIONS, 1.0))
    random = random_of(0, 1, 0, "cuda")
    assert always(L, random).device == L.device
    assert random_hints(ab, 1.0, random).ab.device == ab.device
    torch.testing.assert_close(always(L, random_of(0, 2, 0, "cuda")), always(L, random_of(0, 2, 0, "cuda")))


def test_a_step_never_waits_for_the_gpu() -> None:
    generator = build("lite", {"encoder": "lite0"}).cuda()
    train_mode(generator)
    rgb = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8).cuda()

    def step(number: int) -> None:
        forward_backward(
            generator,
            rgb,
            losses=Objective().active(0, 0.0),
            degradation=Degradation(),
            random=random_of(0, number, 0, "cuda"),
            autocast=True,
        )

    step(0)  # constants are copied once
    torch.cuda.set_sync_debug_mode("error")
    try:
        step(1)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_train_one_network(photos: Path, tmp_path: Path) -> None:
    arguments = run_arguments(photos, tmp_path / "run", "--device", "cuda")
    ran = torchrun("-m", "trainer", *map(str, arguments))
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert read_state(tmp_path / "run" / STATE_FILE)["step"] == 6
