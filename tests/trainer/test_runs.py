"""Whole runs, small ones: what is killed goes on as if nothing had been, and what comes out loads."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from batchcolor.engines import open_engine
from batchcolor.errors import UsageError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, load
from trainer.__main__ import main, run
from trainer.export import average, checkpoint_of, with_chroma_gain
from trainer.networks import initial_generator
from trainer.options import RENAMED
from trainer.settings import TrainSettings
from trainer.state import STATE_FILE, read_state, save_state

STEPS = 6
SMALL = {"encoder": "lite0", "widths": [16, 16, 16, 16]}
JOINT = ["--gan-weight", 1, "--gan-start", 2, "--discriminator-channels", 8, "--temporal-weight", 1]


def trainer(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in this process: a process of its own takes ten times as long, to import PyTorch, as such a run.

    Where it trains, it loads pictures by itself: processes are not to be forked from one that has other libraries' threads.
    """
    workers = ["--workers", 0] if arguments[0] == "train" and "--workers" not in arguments else []
    said = io.StringIO()
    handler, root, threads = logging.StreamHandler(said), logging.getLogger(), torch.get_num_threads()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()) as out,
    ):
        patched.setattr(sys, "argv", ["trainer", "--threads", "1", *map(str, [*arguments, *workers])])
        try:
            run()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            torch.set_num_threads(threads)
    assert isinstance(code, int)
    return subprocess.CompletedProcess(sys.argv, code, out.getvalue(), said.getvalue())


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trainer", "--threads", "1", *map(str, arguments)]


def run_arguments(photos: Path, output: Path, *more: object) -> list[object]:
    small = ["--encoder", "lite0", "--widths", "16,16,16,16", "--init", "scratch", "--batch-size", 2, "--crop", 64]
    return ["train", photos, "--output", output, *small, "--steps", STEPS, "--warmup", 2, *more]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("gan", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["reconstruction", "joint"])
def test_a_killed_run_ends_with_the_same_weights(photos: Path, tmp_path: Path, gan: bool) -> None:
    more = JOINT if gan else []
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ran = trainer(*run_arguments(photos, whole, *more))
    assert ran.returncode == 0, ran.stderr
    with subprocess.Popen(
        command(*run_arguments(photos, killed, "--save-minutes", 0, *more)), stderr=subprocess.PIPE
    ) as running:
        while not (killed / STATE_FILE).exists() or read_state(killed / STATE_FILE)["step"] < 3:
            assert running.poll() is None or (killed / STATE_FILE).exists()
            time.sleep(0.02)
        running.kill()
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
    with subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL) as running:
        while not state.exists():
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    assert 0 < read_state(state)["step"] < 100_000


def test_a_run_leaves_tables_and_sheets_and_its_export_colors(photos: Path, tmp_path: Path) -> None:
    ran = trainer(
        *run_arguments(
            photos, tmp_path / "run", "--validation", photos, "--validation-every", 4, "--preview", photos / "part-0"
        )
    )
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "run" / "validation.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert int(row["step"]) == STEPS
    assert {"gain_pooled", "gain_mean", "colourfulness_ratio"} <= row.keys()
    for sheet in ("sheet_true.png", "sheet_old.png"):
        assert (tmp_path / "run" / sheet).stat().st_size > 1000
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"data": "pictures made here", "network_size": 128}))
    ran = trainer("export", tmp_path / "run", "--output", tmp_path / "w.safetensors", "--card", card)
    assert ran.returncode == 0, ran.stderr
    checkpoint = load(tmp_path / "w.safetensors")
    assert checkpoint.card["data"] == "pictures made here"
    assert checkpoint.card["steps"] == STEPS
    settings = checkpoint.card["settings"]
    assert (settings["generator"], settings["batch_size"], settings["crop"], settings["degrade_grain"]) == ("lite", 2, 64, 0.3)
    assert (settings["processes"], settings["pictures"]) == (1, 12)
    assert checkpoint.card["figures"] == {name: float(value) for name, value in row.items()}
    assert "figures" not in with_chroma_gain(checkpoint, 1.2).card
    ab = open_engine(checkpoint, engine="torch", device="cpu")(torch.full((1, 1, 64, 64), 50.0).numpy())
    assert ab.shape == (1, 2, 16, 16)
    judged = trainer("evaluate", photos, "--weights", tmp_path / "w.safetensors", "--device", "cpu", "--json")
    assert json.loads(judged.stdout)["pictures"] == 12


def test_chroma_gain_scales_all_chroma(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0"}).eval()
    checkpoint = Checkpoint("lite", generator.configuration(), generator.state_dict(), {})
    L = torch.rand(1, 1, 64, 64) * 100
    with torch.inference_mode():
        before, after = generator(L), with_chroma_gain(checkpoint, 1.2).generator()(L)
    torch.testing.assert_close(after, before * 1.2, rtol=1e-2, atol=1e-3)  # far below where the tanh bends


@pytest.mark.slow
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
    wanted = ["--hints", 0.5, "--class-weight", 0.1, "--gan-weight", 1, "--gan-ramp", 1, "--discriminator-channels", 8]
    return ["train", photos, "--output", output, "--generator", "siggraph17", "--init", "scratch", *size, *wanted]


@pytest.mark.slow
def test_siggraph17_learns_from_hints_classes_and_a_discriminator_in_parts(photos: Path, tmp_path: Path) -> None:
    ran = trainer(*siggraph17_arguments(photos, tmp_path / "run"))
    assert ran.returncode == 0, ran.stderr
    state = read_state(tmp_path / "run" / STATE_FILE)
    assert (state["step"], state["joint_steps"]) == (2, 2)
    torch.manual_seed(0)
    start = initial_generator(TrainSettings(architecture="siggraph17", init="scratch")).state_dict()
    for layer in ("model1.0", "model10.1", "model_class.0", "model_out.0"):
        assert not torch.equal(state["generator"][f"{layer}.weight"], start[f"{layer}.weight"]), layer
    # the channels of hints and their mask learn as well: half of the samples have some
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
    with pytest.raises(Exception, match="previous state is kept"):
        save_state({**state, "step": 2}, path)
    assert read_state(path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == [STATE_FILE]


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_with_the_last_good_state(photos: Path, tmp_path: Path) -> None:
    arguments = run_arguments(photos, tmp_path / "run", "--save-minutes", 0)
    assert trainer(*arguments).returncode == 0
    good = read_state(tmp_path / "run" / STATE_FILE)
    arguments[arguments.index("--steps") + 1] = 2 * STEPS
    ran = trainer(*arguments, "--learning-rate", "inf")
    assert ran.returncode == 4
    assert "not a number" in ran.stderr
    assert "Traceback" not in ran.stderr
    kept = read_state(tmp_path / "run" / STATE_FILE)
    assert kept["step"] == good["step"] == STEPS
    assert same(kept["generator"], good["generator"])


@pytest.mark.parametrize("budget", [[], ["--minutes", 1, "--steps", 3]])
def test_exactly_one_budget_is_wanted(photos: Path, tmp_path: Path, budget: list[object]) -> None:
    arguments = ["train", photos, "--output", tmp_path / "run", "--init", "scratch", *budget]
    ran = CliRunner().invoke(main, list(map(str, arguments)))
    assert isinstance(ran.exception, UsageError)
    assert ran.exception.exit_code == 2
    assert "--minutes or --steps" in str(ran.exception)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--crop", 72], "take 64 or 96"),
        (["--crop", 20], "take 32 or 64"),
        (["--crop", 32, "--gan-weight", 1], "48 pixels or more"),
        (["--generator", "siggraph17", "--crop", 100], "take 96 or 104"),
        (["--frozen-stages", 3], "--init scratch"),
        (["--frozen-stages", -1], "give 0 or more"),
        (["--widths", "16,wide"], "give four numbers"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_settings_that_cannot_be_are_one_sentence(photos: Path, tmp_path: Path, wrong: list[object], said: str) -> None:
    ran = CliRunner().invoke(main, list(map(str, [*run_arguments(photos, tmp_path / "run"), *wrong])))
    assert isinstance(ran.exception, UsageError)
    assert said in str(ran.exception)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_network_from_scratch_learns_as_a_whole_with_statistics_of_its_own(photos: Path, tmp_path: Path) -> None:
    ran = trainer(*run_arguments(photos, tmp_path / "run", "--steps", 2, "--warmup", 1))
    assert ran.returncode == 0, ran.stderr
    learned = read_state(tmp_path / "run" / STATE_FILE)["generator"]
    torch.manual_seed(0)
    start = initial_generator(TrainSettings(configuration=SMALL, init="scratch")).state_dict()
    unchanged = [name for name in start if torch.equal(start[name], learned[name]) and not name.startswith("whole.weight")]
    assert unchanged == []  # kernels from the stem on, and the means and variances of every norm


@pytest.mark.slow
def test_options_have_a_hidden_former_name_that_warns(photos: Path, tmp_path: Path) -> None:
    ran = trainer(
        *run_arguments(photos, tmp_path / "run", "--steps", 1, "--rate=3e-4", "--judge-every", 1, "--decode-threads", 0)
    )
    assert ran.returncode == 0, ran.stderr
    for old, new in (("--rate", "--learning-rate"), ("--judge-every", "--validation-every"), ("--decode-threads", "--workers")):
        assert f"Warning: {old} is now called {new}\n" in ran.stderr
    settings = read_state(tmp_path / "run" / STATE_FILE)["settings"]
    assert (settings["learning_rate"], settings["workers"]) == (3e-4, 0)
    help_text = CliRunner().invoke(main, ["train", "--help"]).output
    assert "--learning-rate" in help_text
    assert not any(f"{old} " in help_text for old in RENAMED)
