"""Checkpoints: written files are read again, damaged and foreign ones refused, and no code from a file ever runs."""

from __future__ import annotations

import io
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save as safetensors_bytes
from safetensors.torch import save_file

from batchcolor.errors import ModelError, OutputError
from batchcolor.generators import Generator, build, weight_tensors
from batchcolor.generators.checkpoint import FORMAT, Checkpoint, load, save
from batchcolor.runtime.file_hash import file_sha256

SMALL = {"encoder": "lite0", "widths": [16, 16, 16, 16]}


@pytest.fixture(scope="module")
def siggraph() -> Generator:
    torch.manual_seed(0)
    return build("siggraph17").eval()


@pytest.fixture
def lite() -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint("lite", SMALL, dict(build("lite", SMALL).state_dict()), {"data": "made up", "network_size": 96})


@pytest.mark.parametrize("zipped", [True, False], ids=["zip format", "legacy format"])
def test_the_published_file_loads_in_both_of_torchs_formats(tmp_path: Path, siggraph: Generator, zipped: bool) -> None:
    path = tmp_path / "siggraph17.pth"
    torch.save(siggraph.state_dict(), path, _use_new_zipfile_serialization=zipped)
    checkpoint = load(path)
    assert checkpoint.architecture == "siggraph17"
    L = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        assert torch.equal(checkpoint.generator()(L), siggraph(L))


class _Code:
    """Unpickling this runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("how", ["zip", "legacy", "bare pickle"])
def test_code_in_a_file_never_runs(tmp_path: Path, how: str) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "it-ran"
    content = {"model1.0.weight": torch.zeros(1), "x": _Code(f"echo ran > '{trace}'")}
    if how == "bare pickle":
        path.write_bytes(pickle.dumps(content["x"]))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(ModelError, match=r"evil\.pth"):
        load(path)
    assert not trace.exists()


def test_missing_unknown_and_misshapen_tensors_are_named(tmp_path: Path, siggraph: Generator) -> None:
    state = dict(siggraph.state_dict())
    state["another.weight"] = state.pop("model4.0.weight")
    state["model1.0.bias"] = torch.zeros(3)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "other.pth").generator()
    for part in ("model4.0.weight is missing", "another.weight is unknown", "model1.0.bias has shape (3,), not (64,)"):
        assert part in str(caught.value)


def test_saved_checkpoints_are_loaded_again(tmp_path: Path, lite: Checkpoint) -> None:
    save(lite, tmp_path / "a.safetensors")
    again = load(tmp_path / "a.safetensors")
    assert (again.architecture, again.configuration, again.card) == (lite.architecture, lite.configuration, lite.card)
    for name, tensor in weight_tensors(lite.generator()).items():
        assert torch.equal(again.tensors[name], tensor), name


def test_half_precision_files_are_half_as_large_and_load_as_float32(tmp_path: Path, lite: Checkpoint) -> None:
    save(lite, tmp_path / "whole.safetensors")
    save(lite, tmp_path / "half.safetensors", torch.float16)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
    tensors = load(tmp_path / "half.safetensors").tensors
    assert {t.dtype for t in tensors.values()} == {torch.float32}


def damaged(kind: str, folder: Path, lite: Checkpoint) -> Path:
    path = folder / "damaged.safetensors"
    if kind == "foreign":
        save_file({"x": torch.zeros(2)}, path)
        return path
    if kind == "unknown architecture":
        save(Checkpoint("pix2pix", {}, lite.tensors), path)
        return path
    save(lite, path)
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "cut": whole[: len(whole) // 2], "text": b"<html>not found</html>", "header": whole[:40]}[kind]
    )
    return path


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("published", [False, True], ids=["safetensors", "state dict"])
def test_weights_that_are_not_finite_are_refused_by_name(
    tmp_path: Path, lite: Checkpoint, siggraph: Generator, odd: float, published: bool
) -> None:
    tensors = {name: t.clone() for name, t in (siggraph.state_dict() if published else lite.tensors).items()}
    name = next(name for name, t in tensors.items() if t.ndim == 4)
    tensors[name][0, 0, 0, 0] = odd
    path = tmp_path / "odd"
    if published:
        torch.save(tensors, path)
    else:
        save(Checkpoint("lite", SMALL, tensors), path)
    with pytest.raises(ModelError, match=f"{name} holds values that are not finite"):
        load(path)


@pytest.mark.parametrize(
    "description",
    [
        {"configuration": "[]"},
        {"configuration": "null"},
        {"configuration": '"x"'},
        {"configuration": '{"bogus": 1}'},
        {"configuration": '{"encoder": "lite0", "widths": [-16, 16, 16, 16]}'},
        {"configuration": '{"encoder": "lite0", "widths": []}'},
        {"configuration": "[" * 100_000},
        {"card": "[1]"},
        {"card": '{"network_size": "big"}'},
        {"card": '{"network_size": 1000000}'},
        {"architecture": "../../x"},
    ],
    ids=lambda description: str(description)[:40],
)
def test_a_hostile_description_is_one_sentence(tmp_path: Path, lite: Checkpoint, description: dict[str, str]) -> None:
    path = tmp_path / "odd.safetensors"
    metadata = {"format": FORMAT, "architecture": "lite", "configuration": json.dumps(SMALL), "card": "{}"}
    save_file({name: t.contiguous() for name, t in lite.tensors.items()}, path, metadata | description)
    with pytest.raises(ModelError) as caught:
        load(path).generator()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "header", "foreign", "unknown architecture"])
def test_damaged_and_foreign_files_are_refused_in_one_sentence(tmp_path: Path, lite: Checkpoint, kind: str) -> None:
    path = damaged(kind, tmp_path, lite)
    with pytest.raises(ModelError) as caught:
        load(path).generator()
    assert "\n" not in str(caught.value)
    assert ("damaged.safetensors" in str(caught.value)) or ("pix2pix" in str(caught.value))


@pytest.mark.parametrize(
    "content",
    [[torch.zeros(2)], {"model1": {"weight": torch.zeros(2)}}, torch.zeros(2), {"epoch": 3}],
    ids=["list", "nested", "tensor", "numbers"],
)
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other\.pth: holds no state dict"):
        load(tmp_path / "other.pth")


@pytest.fixture(scope="module")
def whole_files() -> dict[str, bytes]:
    """A few tensors in each of the three formats."""
    torch.manual_seed(0)
    tensors = {"a.weight": torch.randn(4, 3, 3, 3), "a.bias": torch.randn(4), "a.running_mean": torch.randn(4)}
    made = {}
    for name, zipped in (("zip.pth", True), ("legacy.pth", False)):
        buffer = io.BytesIO()
        torch.save(tensors, buffer, _use_new_zipfile_serialization=zipped)
        made[name] = buffer.getvalue()
    metadata = {"format": FORMAT, "architecture": "lite", "configuration": json.dumps(SMALL), "card": "{}"}
    return made | {"own.safetensors": safetensors_bytes(tensors, metadata)}


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth", "own.safetensors"])
@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_checkpoint_loads_or_is_refused(
    tmp_path: Path, whole_files: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    """Files cut off anywhere and bytes changed anywhere: no other exception, no warning, no crash."""
    content = bytearray(whole_files[name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(content[: data.draw(st.one_of(st.none(), st.integers(0, len(content))))])
    tensors, refusal = {}, f"{path}: "
    try:
        tensors = load(path).tensors
    except ModelError as exc:
        refusal = str(exc)
    assert refusal.startswith(f"{path}: ")
    assert "\n" not in refusal
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="batchcolor models"):
        load(tmp_path / "none.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, lite: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    save(lite, path)
    before = file_sha256(path)

    def full_disk(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(OutputError, match=r"a\.safetensors"):
        save(lite, path)
    assert file_sha256(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
