"""Whole runs, small ones: what is killed goes on as if nothing had been, and what comes out loads."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from batchcolor.engines import open_engine
from batchcolor.errors import UsageError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, load
from trainer.export import average, checkpoint_of, livelier
from trainer.networks import initial_generator
from trainer.settings import TrainSettings
from trainer.state import STATE_FILE, read_state, save_state

STEPS = 6
JOINT = ["--gan-weight", 1, "--gan-from", 2, "--discriminator-planes", 8, "--steady-weight", 1]


def trainer(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload,no-any-return]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trainer", "--threads", "1", *map(str, arguments)]


def run_arguments(photos: Path, output: Path, *more: object) -> list[object]:
    small = ["--encoder", "lite0", "--widths", "16,16,16,16", "--init", "scratch", "--batch-size", 2, "--crop", 64]
    return ["train", photos, "--output", output, *small, "--steps", STEPS, "--frozen-stages", 0, "--warmup", 2, *more]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("gan", [False, True], ids=["reconstruction", "joint"])
def test_a_killed_run_ends_with_the_same_weights(photos: Path, tmp_path: Path, gan: bool) -> None:
    more = JOINT if gan else []
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ran = trainer(*run_arguments(photos, whole, *more))
    assert ran.returncode == 0, ran.stderr
    with subprocess.Popen(command(*run_arguments(photos, killed, "--save-minutes", 0, *more)), stderr=subprocess.PIPE) as run:
        while not (killed / STATE_FILE).exists() or read_state(killed / STATE_FILE)["step"] < 3:
            assert run.poll() is None or (killed / STATE_FILE).exists()
            time.sleep(0.02)
        run.kill()
    assert read_state(killed / STATE_FILE)["step"] >= 3
    ran = trainer(*run_arguments(photos, killed, *more))
    assert ran.returncode == 0, ran.stderr
    assert "resumed" in ran.stderr
    assert "other settings" not in ran.stderr
    first, second = read_state(whole / STATE_FILE), read_state(killed / STATE_FILE)
    assert first["step"] == second["step"] == STEPS
    assert same(first["ema"], second["ema"])
    assert same(first["generator"], second["generator"])
    if gan:
        assert same(first["discriminator"]["discriminator"], second["discriminator"]["discriminator"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can answer")
def test_sigterm_saves_the_state(photos: Path, tmp_path: Path) -> None:
    arguments = run_arguments(photos, tmp_path / "run", "--save-minutes", 0)
    arguments[arguments.index("--steps") + 1] = 100_000
    state = tmp_path / "run" / STATE_FILE
    with subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL) as run:
        while not state.exists():
            assert run.poll() is None
            time.sleep(0.02)
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 0
    assert 0 < read_state(state)["step"] < 100_000


def test_a_run_leaves_tables_and_sheets_and_its_export_colors(photos: Path, tmp_path: Path) -> None:
    ran = trainer(*run_arguments(photos, tmp_path / "run", "--judge", photos, "--judge-every", 4, "--show", photos / "part-0"))
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "run" / "validation.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert int(row["step"]) == STEPS
    assert {"gain_pooled", "gain_mean", "colourfulness_ratio"} <= row.keys()
    for sheet in ("sheet_true.png", "sheet_old.png"):
        assert (tmp_path / "run" / sheet).stat().st_size > 1000
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"data": "made pictures", "network_size": 128}))
    ran = trainer("export", tmp_path / "run", "--output", tmp_path / "w.safetensors", "--card", card)
    assert ran.returncode == 0, ran.stderr
    checkpoint = load(tmp_path / "w.safetensors")
    assert checkpoint.card["data"] == "made pictures"
    assert checkpoint.card["steps"] == STEPS
    settings = checkpoint.card["settings"]
    assert (settings["generator"], settings["batch_size"], settings["crop"], settings["degrade_grain"]) == ("lite", 2, 64, 0.3)
    assert (settings["processes"], settings["pictures"]) == (1, 12)
    assert checkpoint.card["figures"] == {name: float(value) for name, value in row.items()}
    assert "figures" not in livelier(checkpoint, 1.2).card
    ab = open_engine(checkpoint, engine="torch", device="cpu")(torch.full((1, 1, 64, 64), 50.0).numpy())
    assert ab.shape == (1, 2, 16, 16)
    judged = trainer("evaluate", photos, "--weights", tmp_path / "w.safetensors", "--device", "cpu", "--json")
    assert json.loads(judged.stdout)["pictures"] == 12


def test_chroma_can_be_made_livelier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0"}).eval()
    checkpoint = Checkpoint("lite", generator.configuration(), generator.state_dict(), {})
    L = torch.rand(1, 1, 64, 64) * 100
    with torch.inference_mode():
        before, after = generator(L), livelier(checkpoint, 1.2).generator()(L)
    torch.testing.assert_close(after, before * 1.2, rtol=1e-2, atol=1e-3)  # far below where the tanh bends


def test_checkpoints_are_averaged_by_weight(photos: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        assert trainer(*run_arguments(photos, tmp_path / name, "--seed", seed)).returncode == 0
    a, b = (checkpoint_of(tmp_path / name).tensors for name in "ab")
    mixed = average([(str(tmp_path / "a"), 3.0), (str(tmp_path / "b"), 1.0)]).tensors
    name = "head.1.weight"
    torch.testing.assert_close(mixed[name], 0.75 * a[name] + 0.25 * b[name])
    with pytest.raises(UsageError, match="more than 0"):
        average([(str(tmp_path / "a"), 0.0)])


def siggraph17_arguments(photos: Path, output: Path) -> list[object]:
    size = ["--batch-size", 4, "--accumulate", 2, "--crop", 32, "--steps", 2, "--warmup", 1]
    wanted = ["--hints", 0.5, "--class-weight", 0.1, "--gan-weight", 1, "--gan-ramp", 1, "--discriminator-planes", 8]
    return ["train", photos, "--output", output, "--generator", "siggraph17", "--init", "scratch", *size, *wanted]


def test_siggraph17_learns_from_hints_classes_and_an_opponent_in_parts(photos: Path, tmp_path: Path) -> None:
    ran = trainer(*siggraph17_arguments(photos, tmp_path / "run"))
    assert ran.returncode == 0, ran.stderr
    state = read_state(tmp_path / "run" / STATE_FILE)
    assert (state["step"], state["joint_steps"]) == (2, 2)
    torch.manual_seed(0)
    start = initial_generator(TrainSettings(architecture="siggraph17", init="scratch")).state_dict()
    for layer in ("model1.0", "model10.1", "model_class.0", "model_out.0"):
        assert not torch.equal(state["generator"][f"{layer}.weight"], start[f"{layer}.weight"]), layer
    # the planes of hints and their mask learn as well: half of the samples have some
    assert float(state["optimizer"]["state"][0]["exp_avg"][:, 1:].abs().max()) > 0
    assert {int(moments["step"]) for moments in state["discriminator"]["optimizer"]["state"].values()} == {2}  # once a batch


@pytest.mark.slow
def test_a_run_with_classes_does_not_go_on_without(photos: Path, tmp_path: Path) -> None:
    arguments = siggraph17_arguments(photos, tmp_path / "run")
    assert trainer(*arguments).returncode == 0
    ran = trainer(*arguments, "--class-weight", 0)
    assert ran.returncode == 4
    assert "--class-weight" in ran.stderr
    assert "another --output" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_full_disk_keeps_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / STATE_FILE
    state = {"architecture": "lite", "configuration": {}, "ema": {}, "step": 1}
    save_state(state, path)

    def full_disk(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(Exception, match="previous one is kept"):
        save_state({**state, "step": 2}, path)
    assert read_state(path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == [STATE_FILE]


def test_a_loss_that_is_no_number_stops_with_the_last_good_state(photos: Path, tmp_path: Path) -> None:
    arguments = run_arguments(photos, tmp_path / "run", "--save-minutes", 0)
    assert trainer(*arguments).returncode == 0
    good = read_state(tmp_path / "run" / STATE_FILE)
    arguments[arguments.index("--steps") + 1] = 2 * STEPS
    ran = trainer(*arguments, "--rate", "inf")
    assert ran.returncode == 4
    assert "no number" in ran.stderr
    assert "Traceback" not in ran.stderr
    kept = read_state(tmp_path / "run" / STATE_FILE)
    assert kept["step"] == good["step"] == STEPS
    assert same(kept["generator"], good["generator"])


@pytest.mark.parametrize("budget", [[], ["--minutes", 1, "--steps", 3]])
def test_exactly_one_budget_is_wanted(photos: Path, tmp_path: Path, budget: list[object]) -> None:
    ran = trainer("train", photos, "--output", tmp_path / "run", "--init", "scratch", *budget)
    assert ran.returncode == 2
    assert "--minutes or --steps" in ran.stderr
