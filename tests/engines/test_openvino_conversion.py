"""Converted models: cached once, verified, and made offline."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch

from batchcolor.engines import openvino_conversion as room
from batchcolor.engines.openvino_engine import OpenVINOEngine
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    return Checkpoint("lite", generator.configuration(), generator.state_dict())


_converted: dict[tuple[str, bool], ov.Model] = {}


@pytest.fixture(autouse=True)
def _each_network_is_converted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Converting takes seconds, and most tests here are about what becomes of a converted model."""
    convert = room._convert

    def converted_once(checkpoint: Checkpoint, hints: bool) -> ov.Model:
        key = checkpoint.digest, hints
        if key not in _converted:
            _converted[key] = convert(checkpoint, hints)
        return _converted[key].clone()

    monkeypatch.setattr(room, "_convert", converted_once)


def entries(cache: Path) -> list[Path]:
    folder = cache / "openvino"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def lightness() -> np.ndarray:
    return np.linspace(0, 100, 64 * 96, dtype=np.float32).reshape(1, 1, 64, 96)


def test_a_second_opening_converts_nothing(checkpoint: Checkpoint, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = OpenVINOEngine(checkpoint, "float32")(lightness())
    assert len(entries(empty_cache)) == 1
    shutil.rmtree(empty_cache / "compiled")
    monkeypatch.setattr(room, "_convert", lambda _: pytest.fail("converted again"))
    np.testing.assert_array_equal(OpenVINOEngine(checkpoint, "float32")(lightness()), first)


def test_other_weights_have_an_entry_of_their_own(checkpoint: Checkpoint, empty_cache: Path) -> None:
    other = Checkpoint("lite", checkpoint.configuration, {k: v + 1 for k, v in checkpoint.tensors.items()})
    for weights in (checkpoint, other, checkpoint):
        room.convert(ov.Core(), weights)
    assert len(entries(empty_cache)) == 2


@pytest.mark.parametrize("damage", [b"<net", *(pytest.param(damage, marks=pytest.mark.slow) for damage in (b"", b"not xml"))])
def test_a_damaged_entry_is_converted_again(checkpoint: Checkpoint, empty_cache: Path, damage: bytes) -> None:
    first = OpenVINOEngine(checkpoint, "float32")(lightness())
    (entry,) = entries(empty_cache)
    (entry / "model.xml").write_bytes(damage)
    shutil.rmtree(empty_cache / "compiled")
    np.testing.assert_array_equal(OpenVINOEngine(checkpoint, "float32")(lightness()), first)
    assert (entry / "model.xml").stat().st_size > 1000


def test_a_cache_that_cannot_be_written_only_costs_time(checkpoint: Checkpoint, empty_cache: Path) -> None:
    empty_cache.parent.mkdir(exist_ok=True)
    empty_cache.write_text("a file where the folder should be")
    assert OpenVINOEngine(checkpoint, "float32")(lightness()).shape == (1, 2, 16, 24)


def test_a_full_disk_leaves_no_entry_and_the_same_colours(
    checkpoint: Checkpoint, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = OpenVINOEngine(checkpoint, "float32")(lightness())
    shutil.rmtree(empty_cache)
    save = ov.save_model

    def full_disk(model: object, path: Path, **options: object) -> None:
        if empty_cache in path.parents:
            path.write_bytes(b"<net")
            raise OSError(28, os.strerror(28))
        save(model, path, **options)

    monkeypatch.setattr(ov, "save_model", full_disk)
    np.testing.assert_array_equal(OpenVINOEngine(checkpoint, "float32")(lightness()), first)
    assert entries(empty_cache) == []


def test_converting_opens_no_connection(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    _converted.clear()
    room.convert(ov.Core(), checkpoint)


def test_networks_are_not_tied_to_cores(checkpoint: Checkpoint, empty_cache: Path) -> None:
    """OpenVINO ties the threads of every process to the same first cores, and so do the processes that a film is coloured by."""
    request = OpenVINOEngine(checkpoint, "float32")._request
    assert request.get_compiled_model().get_property("ENABLE_CPU_PINNING") is False


def test_openvino_comes_without_its_converter_and_telemetry() -> None:
    """They take longer to import than all the rest of it."""
    looked_for = {"openvino", "openvino.tools.ovc", "openvino_telemetry"}
    code = f"import sys, batchcolor.engines.openvino_engine; print(sorted({looked_for} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "['openvino']\n"
