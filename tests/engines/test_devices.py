"""Torch is asked for a graphics card only where there may be one."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from batchcolor.engines import devices


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
def test_torch_is_asked_where_it_and_the_machine_may_have_a_card(
    built_for: Path, monkeypatch: pytest.MonkeyPatch, built: str, driver: bool, asked: bool
) -> None:
    built_for.write_text(built)

    def open_library(name: str) -> None:
        if not driver:
            raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", open_library)
    assert devices._may_know_more() == asked


def test_without_torch_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda _: None)
    assert devices.is_cpu("auto")
