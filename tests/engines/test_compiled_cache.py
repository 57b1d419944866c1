"""Compiled networks in the cache: used if intact, rebuilt if not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from batchcolor.engines import openvino_engine
from batchcolor.engines.openvino_engine import OpenVINOEngine
from batchcolor.weights import open_checkpoint

L = np.linspace(0, 100, 64 * 96, dtype=np.float32).reshape(1, 1, 64, 96)


def blobs(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.blob"))


def test_a_second_opening_compiles_nothing(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = OpenVINOEngine(open_checkpoint("lite"), "int8")(L)
    assert len(blobs(empty_cache)) == 1
    monkeypatch.setattr(openvino_engine, "_compile", lambda *_: pytest.fail("compiled again"))
    np.testing.assert_array_equal(OpenVINOEngine(open_checkpoint("lite"), "int8")(L), first)


@pytest.mark.parametrize("damage", [*(pytest.param(damage, marks=pytest.mark.slow) for damage in (b"", b"short")), None])
def test_a_damaged_cache_entry_is_rebuilt(empty_cache: Path, damage: bytes | None) -> None:
    first = OpenVINOEngine(open_checkpoint("lite"), "int8")(L)
    (blob,) = blobs(empty_cache)
    whole = blob.read_bytes()
    blob.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    np.testing.assert_array_equal(OpenVINOEngine(open_checkpoint("lite"), "int8")(L), first)
    assert blob.stat().st_size > 0.9 * len(whole)  # OpenVINO numbers some names anew


def test_the_trial_compiles_each_precision_once(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_ = openvino_engine._compile

    def counted(core: object, checkpoint: object, precision: str) -> object:
        compiled.append(precision)
        return compile_(core, checkpoint, precision)  # type: ignore[arg-type]

    monkeypatch.setattr(openvino_engine, "_compile", counted)
    OpenVINOEngine(open_checkpoint("lite"))(L)
    assert sorted(compiled) == sorted(set(compiled))
    assert len(blobs(empty_cache)) == 1
    compiled.clear()
    OpenVINOEngine(open_checkpoint("lite"))
    assert compiled == []


@pytest.mark.parametrize(("flags", "tried"), [("flags: avx512_bf16", False), ("flags: amx_bf16", True), (None, True)])
def test_bfloat16_is_tried_beside_int8_where_it_may_be_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str | None, tried: bool
) -> None:
    monkeypatch.setattr(openvino_engine, "_native", lambda _core: ["bfloat16", "int8"])
    monkeypatch.setattr(openvino_engine, "_CPUINFO", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(flags)
    candidates: list[str] = []

    def trial(tolerances: dict[str, float], *_: object) -> str:
        candidates.extend(tolerances)
        return "int8"

    monkeypatch.setattr(openvino_engine, "fastest_precision", trial)
    OpenVINOEngine(open_checkpoint("lite"))
    assert candidates == (["float32", "bfloat16", "int8"] if tried else ["float32", "int8"])
