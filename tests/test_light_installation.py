"""An installation without extras (no PyTorch, no scikit-image, no SciPy) colorizes, and names the extra that the rest needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from batchcolor.engines import open_engine
from batchcolor.errors import DeviceError, ModelError
from batchcolor.settings import ModelSettings
from batchcolor.weights import open_checkpoint, verify
from batchcolor.weights.catalogue import CATALOGUE
from batchcolor.weights.fetch import fetch_weights
from tests.films.made import Made, make_film
from tests.support import gradient

pytestmark = pytest.mark.usefixtures("empty_cache")

EXTRAS = ("torch", "skimage", "scipy", "nncf", "matplotlib", "tensorboard", "tqdm", "ray")


@pytest.fixture
def light(tmp_path: Path, empty_cache: Path) -> dict[str, str]:
    """The environment of processes for which nothing of the extras is installed: theirs, and that of the processes they start."""
    (tmp_path / "site").mkdir()
    missing = f"import sys\nfor name in {EXTRAS}:\n    sys.modules[name] = None\n"
    (tmp_path / "site" / "sitecustomize.py").write_text(missing)
    return {**os.environ, "PYTHONPATH": str(tmp_path / "site")}


def batchcolor(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchcolor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=environment)


def test_it_colorizes_a_photo_and_a_film(light: dict[str, str], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), gradient(64, 96))
    make_film(tmp_path / "film.mp4", Made(width=96, height=64, pts=tuple(range(0, 320, 40))))
    ran = batchcolor(
        light, "colorize", tmp_path / "photo.jpg", tmp_path / "film.mp4", "--output", tmp_path / "out", "--jobs", 2
    )
    assert ran.returncode == 0, ran.stderr
    photo = cv2.imread(str(tmp_path / "out" / "photo.jpg"))
    assert np.ptp(photo.astype(int), axis=2).max() > 5
    with av.open(str(tmp_path / "out" / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 8


@pytest.mark.parametrize(
    ("arguments", "subject", "code"),
    [
        (["--engine", "torch"], "--engine torch", 6),
        (["--device", "cuda"], "--device cuda", 6),
        (["--weights", "siggraph17"], "--weights siggraph17", 4),
    ],
)
def test_features_that_need_torch_say_so_in_one_sentence(
    light: dict[str, str], tmp_path: Path, arguments: list[str], subject: str, code: int
) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), gradient(64, 96))
    ran = batchcolor(light, "colorize", tmp_path / "photo.jpg", "--output", tmp_path / "out", *arguments)
    sentence = f"Error: {subject} needs PyTorch, which is not installed; type: pip install 'batchcolor[torch]'"
    assert (ran.returncode, ran.stderr.strip().splitlines()[-1]) == (code, sentence)


def test_weights_that_only_torch_reads_are_not_fetched_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"batchcolor\[torch\]"):
        fetch_weights(CATALOGUE["siggraph17"])


def test_a_pickled_file_and_weights_without_a_graph_need_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "own.pth").write_bytes(b"PK" + bytes(100))
    with pytest.raises(ModelError, match=r"own\.pth.* needs PyTorch"):
        open_checkpoint(str(tmp_path / "own.pth"))
    bare = open_checkpoint("lite")
    object.__setattr__(bare, "graph", "")
    with pytest.raises(ModelError, match="no OpenVINO graph, needs PyTorch"):
        open_engine(bare, precision="float32")
    with pytest.raises(DeviceError, match="--engine torch needs PyTorch"):
        open_engine(bare, engine=ModelSettings(engine="torch").engine)


def test_the_built_in_weights_are_verified_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    found = verify("lite")
    assert (found.problem, found.architecture) == (None, "lite")
    assert found.tensors > 300


def test_the_trainer_says_what_it_needs(light: dict[str, str]) -> None:
    command = [sys.executable, "-c", "from trainer.command import run; run()", "train"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=light)
    assert (ran.returncode, ran.stderr) == (2, "Error: torch is not installed; type: pip install 'batchcolor[train]'\n")
