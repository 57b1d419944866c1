"""Going on from a state: what fits goes on, and what does not is refused in one sentence and left as it was."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

from batchcolor.errors import ModelError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import save
from tests.trainer.conftest import write
from tests.trainer.test_runs import JOINT, run_arguments, trainer
from trainer.__main__ import run as run_here
from trainer.export import checkpoint_of
from trainer.networks import Predictor
from trainer.optimizers import parameter_groups
from trainer.state import STATE_FILE, fitting, load_state, read_state


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Pictures, and a run over them with a discriminator."""
    folder = tmp_path_factory.mktemp("finished")
    for n in range(4):
        write(folder / "photos" / f"{n}.jpg", n)
    ran = trainer(*run_arguments(folder / "photos", folder / "run", *JOINT))
    assert ran.returncode == 0, ran.stderr
    return folder / "photos", folder / "run"


@pytest.mark.slow
def test_a_state_of_another_network_is_refused(finished: tuple[Path, Path], tmp_path: Path) -> None:
    photos, run = finished
    shutil.copytree(run, tmp_path / "run")
    ran = trainer(*run_arguments(photos, tmp_path / "run", *JOINT, "--encoder", "lite1"))
    assert ran.returncode == 4
    assert "another --output" in ran.stderr
    assert "Traceback" not in ran.stderr


class Here:
    """The command line in this process, for commands that end before they train: half a second instead of four."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def error(self, *arguments: object) -> str:
        """The one sentence on stderr; anything but an exit code for models, such as torch's own exceptions, fails."""
        self._monkeypatch.setattr(sys, "argv", ["trainer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run_here()
        assert ended.value.code == 4
        (sentence,) = (line for line in self._capsys.readouterr().err.splitlines() if line.startswith("Error: "))
        return sentence


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (["--encoder", "lite1"], "lite1"),
        (["--generator", "siggraph17"], "siggraph17"),
        (["--widths", "16,16,16,8"], "widths"),
        (["--discriminator-channels", 16], "--discriminator-channels"),
        (["--discriminator-norm", "batch"], "--discriminator-norm"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_whatever_does_not_fit_a_state_is_named(
    finished: tuple[Path, Path], tmp_path: Path, here: Here, other: list[object], named: str
) -> None:
    photos, run = finished
    shutil.copytree(run, tmp_path / "run")
    before = (tmp_path / "run" / STATE_FILE).read_bytes()
    sentence = here.error(*run_arguments(photos, tmp_path / "run", *JOINT, *other))
    assert named in sentence
    assert "another --output" in sentence
    assert (tmp_path / "run" / STATE_FILE).read_bytes() == before


def test_a_state_of_another_architecture_is_refused(finished: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match="siggraph17"):
        load_state(finished[1] / STATE_FILE, "siggraph17", {})


def test_a_state_with_class_weights_does_not_go_on_without(tmp_path: Path) -> None:
    """The classes' layer learns in one of the two only, so the optimizers hold other parameters."""
    generator = build("siggraph17", {})
    optimizers = []
    for classes in (True, False):
        Predictor(generator, classes)
        optimizers.append(torch.optim.AdamW(parameter_groups(generator, 1.0, 0.01)))
    taught, plain = optimizers
    for optimizer, state in ((plain, taught.state_dict()), (taught, plain.state_dict())):
        with (
            pytest.raises(ModelError, match=r"--class-weight .* another --output"),
            fitting(tmp_path, "optimizer", "--class-weight"),
        ):
            optimizer.load_state_dict(state)


def test_other_settings_on_going_on_are_named_and_heeded(finished: tuple[Path, Path], tmp_path: Path) -> None:
    photos, run = finished
    shutil.copytree(run, tmp_path / "run")
    others = ["--learning-rate", 1e-4, "--encoder-learning-rate-scale", 0.5, "--weight-decay", 0, "--degrade-grain", 0]
    others += ["--init", tmp_path / "gone.safetensors"]  # a state has its own start
    ran = trainer(*run_arguments(photos, tmp_path / "run", *JOINT, *others, "--save-minutes", 9, "--device", "cpu"))
    assert "resumed" in ran.stderr
    assert ran.returncode == 0, ran.stderr
    (warning,) = (line for line in ran.stderr.splitlines() if "other settings" in line)
    named = "learning-rate 0.0006 -> 0.0001, encoder-learning-rate-scale 0.1 -> 0.5, weight-decay 0.01 -> 0.0, degrade-grain 0.3 -> 0.0"
    assert warning.endswith(f"{tmp_path / 'run' / STATE_FILE}: resumed with other settings than it was saved with: {named}")
    state = read_state(tmp_path / "run" / STATE_FILE)
    assert state["settings"]["learning_rate"] == 1e-4
    assert [group["scale"] for group in state["optimizer"]["param_groups"]] == [1.0, 1.0, 0.5, 0.5]
    assert {group["weight_decay"] for group in state["optimizer"]["param_groups"]} == {0.0}


@pytest.mark.slow
def test_a_state_from_before_settings_were_saved_goes_on(finished: tuple[Path, Path], tmp_path: Path) -> None:
    photos, run = finished
    shutil.copytree(run, tmp_path / "run")
    state = tmp_path / "run" / STATE_FILE
    torch.save({name: part for name, part in read_state(state).items() if name != "settings"}, state)
    assert checkpoint_of(tmp_path / "run").card.keys() == {"steps", "joint_steps", "training_minutes"}
    ran = trainer(*run_arguments(photos, tmp_path / "run", *JOINT, "--learning-rate", 1e-4))
    assert ran.returncode == 0, ran.stderr
    assert "other settings" not in ran.stderr


@pytest.mark.parametrize("damage", ["cut off", "empty", "something else", "no optimizer"])
def test_a_damaged_state_is_one_sentence(finished: tuple[Path, Path], tmp_path: Path, here: Here, damage: str) -> None:
    photos, run = finished
    state = tmp_path / "run" / STATE_FILE
    state.parent.mkdir()
    whole = (run / STATE_FILE).read_bytes()
    state.write_bytes({"cut off": whole[: len(whole) // 2], "empty": b"", "something else": b"no state"}.get(damage, whole))
    if damage == "no optimizer":
        torch.save({name: part for name, part in read_state(run / STATE_FILE).items() if name != "optimizer"}, state)
    before = state.read_bytes()
    sentence = here.error(*run_arguments(photos, tmp_path / "run", *JOINT))
    assert str(state) in sentence
    assert "another folder" in sentence or "another --output" in sentence
    assert state.read_bytes() == before


@pytest.mark.slow
def test_a_state_with_frozen_stages_does_not_go_on_without(finished: tuple[Path, Path], tmp_path: Path, here: Here) -> None:
    photos, run = finished
    start = checkpoint_of(run)
    save(start, tmp_path / "start.safetensors")
    arguments = run_arguments(photos, tmp_path / "run", "--init", tmp_path / "start.safetensors", "--steps", 1)
    assert trainer(*arguments).returncode == 0
    sentence = here.error(*arguments, "--steps", 2, "--frozen-stages", 2)
    assert "--frozen-stages" in sentence
    assert "another --output" in sentence
