"""Checkpoints: weights plus the card that says what they are, in one safetensors file.

A checkpoint of this project names its architecture and configuration in the file's metadata and so rebuilds itself. The published
SIGGRAPH17 file (a pickled state dict, in either of torch's formats) is read by torch's restricted unpickler, which builds tensors
and nothing else: no code from a file ever runs.

torch is an extra and takes a second to import, so it is imported only where tensors are needed: networks that OpenVINO runs do without.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open

from ..errors import ModelError
from ..runtime.atomic_write import atomic_write_bytes
from ..runtime.extras import needs_torch, torch_installed

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .base import Generator

FORMAT = "batchcolor-checkpoint-1"
MIN_NETWORK_SIZE, MAX_NETWORK_SIZE = 16, 4096  # pixels; more would fill any memory
_SHOWN_KEYS = 3


@dataclass(frozen=True)
class Checkpoint:
    """Weights and what is known about them.

    tensors: name -> tensor, float32. card: free JSON values (data, command, figures, licences, limits). graph: how OpenVINO runs them
    without PyTorch, as `batchcolor.engines.stored_graph` writes it; empty where they carry none.
    """

    architecture: str
    configuration: dict[str, Any]
    tensors: Mapping[str, Tensor]
    card: dict[str, Any] = field(default_factory=dict)
    graph: str = ""

    def generator(self) -> Generator:
        """The generator with these weights, in eval mode. Raises `ModelError` where a tensor is missing, unknown or misshapen."""
        from .registry import build

        module = build(self.architecture, self.configuration)
        load_weights(module, self.tensors)
        return module.eval()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the network and its weights, hexadecimal; the same for every file that holds them."""
        digest = hashlib.sha256(json.dumps([self.architecture, self.configuration], sort_keys=True).encode())
        for name, array in sorted(self.arrays().items()):
            digest.update(name.encode())
            digest.update(array.data)
        return digest.hexdigest()

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The tensors as arrays; needs no torch where they come from a file of this project."""
        if isinstance(self.tensors, _Stored):
            return self.tensors.arrays
        return {name: tensor.contiguous().numpy() for name, tensor in self.tensors.items()}


class _Stored(Mapping[str, "Tensor"]):
    """The arrays of a file, each made a tensor on access."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays

    def __getitem__(self, name: str) -> Tensor:
        import torch

        return torch.from_numpy(self.arrays[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)


def load_weights(module: Generator, tensors: Mapping[str, Tensor]) -> None:
    """Copy `tensors` into `module`, every name and shape matching (BatchNorm's step counters excepted); else `ModelError`."""
    from .base import weight_tensors

    wanted = weight_tensors(module)
    loaded = {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    wrong = [f"{name} is missing" for name in wanted.keys() - loaded.keys()]
    wrong += [f"{name} is unknown" for name in loaded.keys() - wanted.keys()]
    wrong += [
        f"{name} has shape {tuple(loaded[name].shape)}, not {tuple(wanted[name].shape)}"
        for name in wanted.keys() & loaded.keys()
        if loaded[name].shape != wanted[name].shape
    ]
    if wrong:
        more = f" (and {len(wrong) - _SHOWN_KEYS} more)" if len(wrong) > _SHOWN_KEYS else ""
        raise ModelError(f"not weights of {module.architecture}: {'; '.join(sorted(wrong)[:_SHOWN_KEYS])}{more}")
    module.load_state_dict(loaded, strict=False)  # all names but the counters' were checked above


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint of this project (.safetensors) or the published SIGGRAPH17 state dict (.pth).

    Raises `ModelError` with the path and the remedy: no such file, not weights, of something else, or not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file; `batchcolor models` lists what can be named or fetched")
    try:
        with path.open("rb") as file:
            head = file.read(16)
        safetensors = head[8:9] == b"{"  # an 8-byte length, then JSON
        checkpoint = _load_safetensors(path) if safetensors else Checkpoint("siggraph17", {}, _load_state_dict(path))
        _require_finite(path, checkpoint.arrays())
        return checkpoint
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read ({exc.strerror or exc}); check the file's permissions") from exc


def _require_finite(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        # Extremes rather than a flag for each weight: both are NaN where one weight is, and take no memory.
        if array.dtype.kind == "f" and array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise ModelError(
                f"{path}: {name} holds values that are not finite (NaN or infinite); fetch or export the weights again"
            )


def _load_safetensors(path: Path) -> Checkpoint:
    try:
        metadata, arrays = _read_safetensors(path)
    except SafetensorError as exc:
        raise ModelError(f"{path}: damaged safetensors file ({exc}); fetch or export it again") from exc
    if metadata.get("format") != FORMAT:
        raise ModelError(f"{path}: safetensors, but not a checkpoint of this project; export one with the trainer")
    try:
        return Checkpoint(
            metadata["architecture"],
            _json_object(metadata["configuration"]),
            _Stored(arrays),
            _card(metadata.get("card", "{}")),
            metadata.get("openvino", ""),
        )
    except (KeyError, ValueError, RecursionError) as exc:
        raise ModelError(f"{path}: the checkpoint's description is damaged ({exc}); fetch or export it again") from exc


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text[:40]!r} is not a JSON object")
    return value


def _card(text: str) -> dict[str, Any]:
    """A checkpoint's card; the one value that the program acts on is checked."""
    card = _json_object(text)
    size = card.get("network_size", MIN_NETWORK_SIZE)
    if isinstance(size, bool) or not isinstance(size, int) or not MIN_NETWORK_SIZE <= size <= MAX_NETWORK_SIZE:
        raise ValueError(f"network_size is {size!r}, not a whole number from {MIN_NETWORK_SIZE} to {MAX_NETWORK_SIZE}")
    return card


def _read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The file's metadata and its tensors in float32. Raises `SafetensorError`."""
    try:
        with safe_open(path, framework="np") as file:
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118 - not a dict
            return file.metadata() or {}, arrays
    except TypeError:  # numpy has no bfloat16: the upper half of a float32
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
        return metadata, {name: _as_float32(tensor) for name, tensor in deserialize(path.read_bytes())}  # type: ignore[no-untyped-call]


def _as_float32(tensor: Mapping[str, Any]) -> np.ndarray:
    """tensor: dtype, shape and data, as safetensors stores them."""
    if tensor["dtype"] == "BF16":
        values = (np.frombuffer(tensor["data"], "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(tensor["data"], {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[tensor["dtype"]])
    return values.reshape(tensor["shape"]).astype(np.float32)


def _load_state_dict(path: Path) -> dict[str, Tensor]:
    if not torch_installed():
        raise ModelError(needs_torch(f"{path}: reading a file that is not safetensors"))
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickle protocols and the like: either it loads or it does not
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as exc:  # torch raises whatever the damage brings about
        raise ModelError(f"{path}: not a weights file, or damaged; fetch it again") from exc
    if not isinstance(state, Mapping) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ModelError(f"{path}: holds no state dict; the published siggraph17 file is one")
    return {str(name): t.float() if t.is_floating_point() else t for name, t in state.items()}


def save(checkpoint: Checkpoint, path: str | os.PathLike[str], dtype: torch.dtype | None = None) -> None:
    """Write `checkpoint` as safetensors under a temporary name, then rename it. dtype: how weights are stored, float16 (half the file) or
    float32, the default.

    Raises `OutputError`; an older file under that name stays whole in that case.
    """
    import torch
    from safetensors.torch import save as safetensors_bytes

    path = Path(path)
    tensors = {
        name: t.detach().to("cpu", dtype or torch.float32).contiguous()
        for name, t in checkpoint.tensors.items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "format": FORMAT,
        "architecture": checkpoint.architecture,
        "configuration": json.dumps(checkpoint.configuration, sort_keys=True),
        "card": json.dumps(checkpoint.card, sort_keys=True),
    }
    if checkpoint.graph:
        metadata["openvino"] = checkpoint.graph
    atomic_write_bytes(path, safetensors_bytes(tensors, metadata))  # its own save_file lets nobody else read the file
