"""The reference engine: torch on any device."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DeviceError, OutOfMemory
from ..generators.base import Hints as TensorHints
from ..generators.checkpoint import Checkpoint
from ..generators.layout import layout_of, takes_hints
from ..settings import DeviceName, EngineName, Precision
from .base import Hints, Prediction, require_batch

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_TOLERANCES = {"float32": 0.01, "float16": 1.5, "bfloat16": 6.0}


def resolve_device(name: DeviceName) -> torch.device:
    """auto -> cuda, mps or cpu, whichever is there first; a named one is checked. Raises `DeviceError`."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise DeviceError(f"no device is called {name!r}; use auto, cpu, cuda, cuda:N or mps") from exc
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise DeviceError(f"device {name} is not available here; use --device auto or --device cpu")
    return device


@contextlib.contextmanager
def _memory_errors(device: torch.device) -> Iterator[None]:
    """The border where torch's ways of saying "out of memory" become ours."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as exc:
        raise OutOfMemory(f"the batch does not fit into the memory of {device}") from exc
    except RuntimeError as exc:
        # The CPU allocator and MPS raise a plain RuntimeError; only their wording tells.
        if "alloc" in str(exc) or "out of memory" in str(exc):
            raise OutOfMemory(f"the batch does not fit into the memory of {device}") from exc
        raise


@contextlib.contextmanager
def _compiling() -> Iterator[None]:
    """The border where the compiler's troubles become ours; it runs at the first batch."""
    from torch._dynamo.exc import TorchDynamoException

    try:
        yield
    except TorchDynamoException as exc:
        reason = str(exc).strip().splitlines()[0]
        raise DeviceError(f"torch cannot compile the network here ({reason}); leave out --compile") from exc


class TorchEngine:
    """Torch, channels-last; half precision by autocast. precision auto: float16 on CUDA, else float32. compile_: by `torch.compile`."""

    name: EngineName = "torch"

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, precision: Precision = "auto", compile_: bool = False
    ) -> None:
        if precision == "auto":
            precision = "float16" if device.type == "cuda" else "float32"
        if precision == "float16" and device.type == "cpu":
            raise DeviceError("float16 is not for the CPU; use --precision bfloat16, float32 or auto")
        if precision not in _DTYPES:
            raise DeviceError(f"torch does not compute in {precision} here; use --engine openvino, or --precision auto")
        self.device = str(device)
        self.precision: Precision = precision
        self.tolerance = _TOLERANCES[precision]
        self.takes_hints = takes_hints(checkpoint.architecture, checkpoint.configuration)
        self._taps = layout_of(checkpoint.architecture).taps
        self._device, self._dtype = device, _DTYPES[precision]
        self._lock = threading.Lock()
        with _memory_errors(device):
            # mypy: Module.to has no overload for memory_format with a device
            generator = checkpoint.generator().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Any size without compiling again: photos come in hundreds of shapes.
        self._generator = torch.compile(generator, dynamic=True) if compile_ else generator
        self._eager = generator
        self._trouble = _compiling if compile_ else contextlib.nullcontext

    def __call__(self, L: np.ndarray) -> np.ndarray:
        require_batch(L)
        with self._lock, self._trouble(), self._inference():
            return _on_host(self._generator(self._on_device(L)))

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        if hints is not None and not self.takes_hints:
            raise ValueError("this network takes no hints")
        features: dict[str, Tensor] = {}
        with self._lock, contextlib.ExitStack() as hooks, self._inference():
            for name in self._taps:
                module = self._eager.get_submodule(name)
                hooks.callback(module.register_forward_hook(functools.partial(_remember, features, name)).remove)
            given = None if hints is None else TensorHints(*map(self._on_device, hints))
            ab = self._eager(self._on_device(L), given)
            return Prediction(_on_host(ab), tuple(_on_host(features[name]) for name in self._taps))

    @contextlib.contextmanager
    def _inference(self) -> Iterator[None]:
        half = self._dtype != torch.float32
        with (
            _memory_errors(self._device),
            torch.inference_mode(),
            torch.autocast(self._device.type, self._dtype, enabled=half),
        ):
            yield

    def _on_device(self, planes: np.ndarray) -> Tensor:
        batch = torch.from_numpy(np.ascontiguousarray(planes, np.float32))
        if self._device.type == "cuda":
            batch = batch.pin_memory()
        return batch.to(self._device, non_blocking=True, memory_format=torch.channels_last)


def _remember(features: dict[str, Tensor], name: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
    features[name] = output.clone()  # layers behind it work in place


def _on_host(planes: Tensor) -> np.ndarray:
    host: np.ndarray = planes.float().cpu().contiguous().numpy()
    return host
