"""Several processes, for real: two of them leave the gradients and weights of one with the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from batchcolor.errors import DeviceError, UsageError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, save
from tests.trainer.test_runs import command, trainer
from trainer.degrade import NONE
from trainer.networks import train_mode
from trainer.objective import Objective
from trainer.parallel import Processes, training_device
from trainer.randomness import random_of
from trainer.state import STATE_FILE, read_state
from trainer.step import forward_backward

GRADIENTS = """
import sys
import torch
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, save
from trainer.degrade import NONE
from trainer.networks import Predictor, train_mode
from trainer.objective import Objective
from trainer.parallel import gradients_shared, joined
from trainer.randomness import random_of
from trainer.running import RunningMeans
from trainer.step import forward_backward

torch.set_num_threads(1)
torch.manual_seed(0)
generator = build("siggraph17", {})
train_mode(generator)
rgb = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
with joined(torch.device("cpu")) as processes:
    part = rgb.chunk(processes.world)[processes.rank]
    network = processes.shared(Predictor(generator, classes=False))
    pieces = part.chunk(int(sys.argv[2]))  # as --accumulate does
    means = RunningMeans()
    for number, piece in enumerate(pieces, start=1):
        with gradients_shared(network, number == len(pieces)):
            losses = forward_backward(generator, piece, network=network, losses=Objective.of(chroma_scale=0).active(0, 0.0),
                                      degradation=NONE, random=random_of(0, 0, 0), autocast=False, share=1 / len(pieces))
        means.add(losses, share=1 / len(pieces))
    logged = means.take(processes)
gradients = {name: p.grad for name, p in generator.named_parameters() if p.grad is not None}
torch.save({"gradients": gradients, "logged": logged}, f"{sys.argv[1]}.{processes.rank}")
"""


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    return subprocess.run(launch, capture_output=True, text=True, check=False, timeout=240, env=environment)


@pytest.mark.parametrize("pieces", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_two_processes_have_the_gradients_of_one_with_twice_the_batch(tmp_path: Path, pieces: int) -> None:
    script, saved = tmp_path / "gradients.py", tmp_path / "gradients"
    script.write_text(GRADIENTS)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    ran = torchrun(str(script), str(saved), str(pieces))
    assert ran.returncode == 0, ran.stderr[-3000:]
    in_pieces_as_large = 1 if pieces == 1 else 2 * pieces
    subprocess.run([sys.executable, str(script), f"{saved}-alone", str(in_pieces_as_large)], check=True, timeout=120)
    alone = torch.load(f"{saved}-alone.0", weights_only=True)
    for rank in (0, 1):
        together = torch.load(f"{saved}.{rank}", weights_only=True)
        assert together["gradients"].keys() == alone["gradients"].keys()
        assert len(alone["gradients"]) > 60
        for name, gradient in alone["gradients"].items():
            torch.testing.assert_close(together["gradients"][name], gradient, rtol=1e-3, atol=1e-6)
        # the logged losses are those of the whole batch, in every process
        assert together["logged"].keys() == {"ab"}
        torch.testing.assert_close(together["logged"]["ab"], alone["logged"]["ab"], rtol=1e-5, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("gan", [False, True], ids=["reconstruction", "joint"])
def test_a_run_of_two_processes_ends_like_one(photos: Path, tmp_path: Path, gan: bool) -> None:
    # From weights, so that norms keep their statistics: a network from scratch normalizes by each process's own part.
    torch.manual_seed(0)
    start = tmp_path / "start.safetensors"
    save(Checkpoint("siggraph17", {}, dict(build("siggraph17", {}).state_dict())), start)
    arguments = ["train", photos, "--generator", "siggraph17", "--init", start, "--batch-size", 2, "--crop", 32, "--steps", 2,
                 "--no-autocast", "--chroma-scale", 0, "--warmup", 1, "--learning-rate", 1e-5]  # fmt: skip
    if gan:
        arguments += ["--gan-weight", 1, "--gan-ramp", 1, "--discriminator-channels", 8, "--discriminator-learning-rate", 1e-5]
    undamaged = [f"--degrade-{name}=0" for name in ("vignette", "tone", "fade", "blur", "grain", "scratches", "jpeg")]
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    together = torchrun("-m", "trainer", "--threads", "1", *map(str, [*arguments, *undamaged, "--output", tmp_path / "two"]))
    assert together.returncode == 0, together.stderr[-3000:]
    alone = trainer(*arguments, *undamaged, "--output", tmp_path / "one")
    assert alone.returncode == 0, alone.stderr
    one, two = (read_state(tmp_path / name / STATE_FILE) for name in ("one", "two"))
    assert one["step"] == two["step"] == 2
    alone, together = (
        {**state["generator"], **(state["discriminator"] or {}).get("discriminator", {})} for state in (one, two)
    )
    assert len(alone) > (110 if gan else 90)
    for name, tensor in alone.items():
        # Adam turns the smallest differences of a gradient near 0 into whole steps of 1e-5.
        torch.testing.assert_close(together[name], tensor, rtol=1e-3, atol=5e-5)


def test_parts_one_after_the_other_have_the_gradient_of_the_whole() -> None:
    torch.manual_seed(0)
    generator = build("siggraph17", {})
    train_mode(generator)
    rgb = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)

    def gradient(parts: int) -> torch.Tensor:
        generator.zero_grad()
        for part in rgb.chunk(parts):
            rng = random_of(0, 0, 0)
            losses = Objective.of(chroma_scale=0).active(0, 0.0)
            forward_backward(generator, part, losses=losses, degradation=NONE, random=rng, autocast=False, share=1 / parts)
        found = generator.get_parameter("model_out.0.weight").grad
        assert found is not None
        return found.clone()

    torch.testing.assert_close(gradient(2), gradient(1), rtol=1e-4, atol=1e-7)


def test_a_batch_that_cannot_be_shared_is_one_sentence(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="multiple of 2"):
        Processes(0, 2).part_of(5)
    ran = trainer(
        "train", photos, "--output", tmp_path / "run", "--init", "scratch", "--steps", 1, "--batch-size", 4, "--accumulate", 3
    )
    assert ran.returncode == 2
    assert "--accumulate 3" in ran.stderr


def test_a_gpu_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(DeviceError, match="--device cpu always works"):
        training_device("cuda:63")
    with pytest.raises(UsageError, match="no device is called"):
        training_device("abacus")


def test_two_runs_do_not_train_into_one_folder(photos: Path, tmp_path: Path) -> None:
    small = ["--encoder", "lite0", "--widths", "16,16,16,16", "--init", "scratch", "--batch-size", 2, "--crop", 64]
    arguments = ["train", photos, "--output", tmp_path / "run", "--steps", 100_000, "--save-minutes", 0, *small]
    with subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL) as first:
        try:
            while not (tmp_path / "run" / STATE_FILE).exists():
                assert first.poll() is None
                time.sleep(0.05)
            second = trainer(*arguments)
            assert second.returncode == 75
            assert "is working on it; wait until it ends or stop it" in second.stderr
        finally:
            first.kill()
