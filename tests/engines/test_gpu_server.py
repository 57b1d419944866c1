"""One process owns a GPU: here a fake one, with a latency, a limit of memory and faults."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from batchcolor.engines import gpu_server
from batchcolor.engines.colorizer import Colorizer
from batchcolor.engines.engine_info import EngineInfo
from batchcolor.engines.gpu_client import SharedColorizer
from batchcolor.engines.gpu_server import serve
from batchcolor.engines.opening import cached_colorizer, open_colorizer
from batchcolor.engines.shared_gpus import shared_gpus
from batchcolor.errors import DeviceError, DeviceLost, ModelError, OutOfMemory
from batchcolor.executors import ProcessExecutor
from batchcolor.executors.base import JobContext
from batchcolor.settings import ModelSettings
from tests.support import FormulaEngine

FAULT = 99.0  # a plane of this lightness makes the fake fail


class FakeGPU(FormulaEngine):
    """Takes 20 ms a batch, of up to 4 pictures and 64 pixels; fails for good at planes of `FAULT`, as often as `faults` has bytes."""

    name = "torch"
    device = "cuda:0"

    def __init__(self, faults: Path) -> None:
        super().__init__(fits=4, largest_side=64)
        self._faults = faults

    def __call__(self, L: np.ndarray) -> np.ndarray:
        time.sleep(0.02)
        left = self._faults.read_bytes() if self._faults.is_file() else b""
        if left and bool((L == FAULT).any()):
            self._faults.write_bytes(left[1:])
            raise DeviceLost("cuda:0 does not work any more (an illegal memory access); start again")
        return super().__call__(L)


def open_fake(model: ModelSettings) -> Colorizer:
    """As `open_colorizer`, in the server's process; the weights' name says where the faults are counted."""
    if model.weights == "missing":
        raise ModelError("no weights are called 'missing'")
    if model.weights == "dead":
        os._exit(3)
    return Colorizer(FakeGPU(Path(model.weights)), side_multiple=32, network_size=64, batch_size=16, fallback=FormulaEngine)


def plane(n: float, height: int = 64) -> np.ndarray:
    return np.full((height, 64), n, np.float32)


def expected(given: np.ndarray) -> np.ndarray:
    return FormulaEngine()(given[None, None])[0]


def colorize(model: ModelSettings, n: int, _context: JobContext | None = None) -> float:
    """A job in a worker process: a picture like others, and one that is too large for the GPU."""
    given = [plane(n), plane(n, 96)]
    colorizer = cached_colorizer(model)
    for one, ab in zip(given, colorizer.ab(given), strict=True):
        np.testing.assert_array_equal(ab, expected(one))
    return float(n)


class Work:
    """`colorize` with its settings, picklable."""

    def __init__(self, model: ModelSettings) -> None:
        self.model = model

    def __call__(self, n: int, context: JobContext) -> float:
        return colorize(self.model, n, context)


def test_workers_share_one_server_and_every_picture_is_right(tmp_path: Path) -> None:
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service:
        model = ModelSettings(device=service.device_name())
        colorizer = open_colorizer(model)
        assert EngineInfo.of(colorizer.engine).device == "cuda:0"
        assert EngineInfo.of(colorizer.engine).resolve_auto(model).device == model.device
        assert colorizer.network_shape(480, 640) == (64, 64)
        outcomes = list(ProcessExecutor(2).map(Work(model), range(8), lambda: False))
    assert sorted(outcome.result for outcome in outcomes if outcome.error is None) == list(range(8))


def test_features_come_from_the_server_as_well(tmp_path: Path) -> None:
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service:
        colorizer = open_colorizer(ModelSettings(device=service.device_name()))
        assert not colorizer.takes_hints
        for n, answer in zip((3, 5), colorizer.predict([plane(3), plane(5)]), strict=True):
            np.testing.assert_allclose(answer.ab, expected(plane(n)), atol=1e-4)
            assert [each.shape for each in answer.features] == [(1, 16, 16), (1, 8, 8)]


@pytest.mark.parametrize("faults", [1, 2])
def test_a_server_that_loses_its_gpu_is_replaced_and_asked_again(tmp_path: Path, faults: int) -> None:
    (tmp_path / "faults").write_bytes(bytes(faults))
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service, ThreadPoolExecutor(2) as pool:
        colorizer = SharedColorizer(service.device_name())
        answers = pool.map(lambda n: colorizer.ab([plane(n)])[0], [FAULT, 1.0])
        for given, ab in zip((FAULT, 1.0), answers, strict=True):
            np.testing.assert_array_equal(ab, expected(plane(given)))
    assert (tmp_path / "faults").read_bytes() == b""


def test_pictures_that_end_every_server_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "faults").write_bytes(bytes(3))
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service:
        colorizer = SharedColorizer(service.device_name())
        with pytest.raises(DeviceLost, match="3 times"):
            colorizer.ab([plane(FAULT)])
        np.testing.assert_array_equal(colorizer.ab([plane(5)])[0], expected(plane(5)))  # others have their turn


def test_a_gpu_that_fails_again_and_again_is_given_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpu_server, "_RESTARTS", 1)
    (tmp_path / "faults").write_bytes(bytes(9))
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service:
        colorizer = SharedColorizer(service.device_name())
        for n in (FAULT, 1.0):  # the second picture is a good one, and does not wait for a server that will not come
            with pytest.raises(DeviceLost, match="is gone"):
                colorizer.ab([plane(n)])
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def test_errors_arrive_as_what_they_are(tmp_path: Path) -> None:
    with (
        serve([ModelSettings(weights=str(tmp_path / "faults"))], open_without_fallback) as service,
        pytest.raises(OutOfMemory, match="--network-size"),
    ):
        SharedColorizer(service.device_name()).ab([plane(1, 96)])


def open_without_fallback(model: ModelSettings) -> Colorizer:
    return Colorizer(FakeGPU(Path(model.weights)), side_multiple=32)


@pytest.mark.parametrize(("weights", "error"), [("missing", ModelError), ("dead", DeviceError)])
def test_a_server_that_cannot_start_says_why(weights: str, error: type[Exception]) -> None:
    with (
        pytest.raises(error, match=weights if weights == "missing" else "ended"),
        serve([ModelSettings(weights=weights)], open_fake),
    ):
        pass


def test_a_stranger_is_not_answered(tmp_path: Path) -> None:
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service:
        with pytest.raises(Exception, match="digest"):
            SharedColorizer(replace(service, key=b"another key").device_name())
        np.testing.assert_array_equal(SharedColorizer(service.device_name()).ab([plane(5)])[0], expected(plane(5)))


def test_once_the_run_is_over_clients_hear_so_at_once(tmp_path: Path) -> None:
    with serve([ModelSettings(weights=str(tmp_path / "faults"))], open_fake) as service:
        colorizer = SharedColorizer(service.device_name())
    with pytest.raises(DeviceLost, match="is gone"):
        colorizer.ab([plane(5)])


@pytest.mark.parametrize("model", [ModelSettings(device="cpu"), ModelSettings(engine="openvino")])
def test_the_cpu_needs_no_server(model: ModelSettings) -> None:
    with shared_gpus(model) as same:
        assert same is model


def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(DeviceError, match="cuda:63"), shared_gpus(ModelSettings(device="cuda:63")):
        pass
