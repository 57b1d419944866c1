"""Quantized models: the embedded one belongs to the embedded weights, others are made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from batchcolor.engines import quantization as room
from batchcolor.engines.openvino_engine import OpenVINOEngine
from batchcolor.errors import DeviceError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, load, save
from batchcolor.weights import open_checkpoint


@pytest.fixture
def other() -> Checkpoint:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    return Checkpoint("lite", generator.configuration(), generator.state_dict())


def test_the_embedded_model_was_made_from_the_embedded_weights() -> None:
    assert room.is_ready(open_checkpoint("lite"))


def test_calibration_is_real_lightness_and_always_the_same() -> None:
    planes = list(room.calibration())
    assert {plane.shape for plane in planes} == {(1, 1, 256, 256)}
    assert all(plane.dtype == np.float32 and plane.min() >= 0 and plane.max() <= 100 for plane in planes)
    assert min(plane.std() for plane in planes) > 1
    for first, second in zip(planes, room.calibration(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_other_weights_need_nncf(other: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    assert not room.is_ready(other)
    with pytest.raises(DeviceError, match=r"pip install 'batchcolor\[int8\]'"):
        OpenVINOEngine(other, "int8")
    assert OpenVINOEngine(other, "auto").precision != "int8"


_ASKED = """
import socket, sys
def refused(*_): raise SystemExit("something wants the network")
socket.socket.connect = refused
from batchcolor.engines.opening import open_colorizer
from batchcolor.settings import ModelSettings
print(open_colorizer(ModelSettings(weights=sys.argv[1], engine="openvino", precision="int8")).engine.precision)
"""


@pytest.mark.slow
def test_other_weights_are_quantized_once_and_offline(other: Checkpoint, empty_cache: Path, tmp_path: Path) -> None:
    save(other, tmp_path / "other.safetensors")
    for made in (True, False):
        ran = subprocess.run(
            [sys.executable, "-c", _ASKED, tmp_path / "other.safetensors"],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert (ran.returncode, ran.stdout) == (0, "int8\n"), ran.stderr
        assert ("quantizing lite" in ran.stderr) == made
    assert len([path for path in (empty_cache / "openvino").iterdir() if path.name.endswith("-int8")]) == 1
    assert room.is_ready(load(tmp_path / "other.safetensors"))
