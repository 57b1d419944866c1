"""Torch is asked for a GPU only where there may be one, and a GPU that nothing uses is mentioned once."""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from batchcolor.engines import devices

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def built_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stands for torch's own description of how it was built."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda _: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    return tmp_path / "version.py"


def test_a_named_device_is_taken_at_its_word() -> None:
    assert devices.is_cpu("cpu")
    assert not devices.is_cpu("cuda")


@pytest.mark.parametrize(
    ("built", "driver", "asked"),
    [
        ("cuda = None", True, False),
        ("cuda = '13.0'", False, False),
        ("cuda = '13.0'", True, True),
        ("hip = '7.1'", False, True),
    ],
)
def test_torch_is_imported_only_where_a_gpu_is_possible(
    built_for: Path, monkeypatch: pytest.MonkeyPatch, built: str, driver: bool, asked: bool
) -> None:
    built_for.write_text(built)

    def open_library(name: str) -> object:
        if not driver:
            raise OSError(name)
        return object()

    monkeypatch.setattr(ctypes, "CDLL", open_library)
    assert devices._torch_may_find_gpu() == asked


def test_without_torch_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda _: None)
    assert devices.is_cpu("auto")


class Driver:
    """Stands for NVIDIA's driver library on a machine with `gpus` cards."""

    def __init__(self, gpus: int) -> None:
        self._gpus = gpus

    def cuInit(self, _flags: int) -> int:  # noqa: N802 - the driver's own name
        return 0 if self._gpus else 100  # CUDA_ERROR_NO_DEVICE

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        count._obj.value = self._gpus  # type: ignore[attr-defined]
        return 0


def unused_gpu_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        devices.mention_unused_gpu()
    return [record.getMessage() for record in caplog.records]


def test_a_gpu_without_torch_is_mentioned_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(devices, "_cuda_driver", lambda: Driver(2))
    assert unused_gpu_messages(caplog) == []  # torch is installed here
    monkeypatch.setitem(sys.modules, "torch", None)
    assert devices.cuda_gpu_count() == 2
    (message,) = unused_gpu_messages(caplog)
    assert "pip install 'batchcolor[torch]'" in message
    assert unused_gpu_messages(caplog) == []


@pytest.mark.parametrize("driver", [None, Driver(0)])
def test_a_machine_without_a_gpu_hears_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, driver: Driver | None
) -> None:
    monkeypatch.setattr(devices, "_cuda_driver", lambda: driver)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert unused_gpu_messages(caplog) == []
