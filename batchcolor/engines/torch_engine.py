"""The reference engine: torch on any device."""

from __future__ import annotations

import contextlib
import functools
import queue
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
from .half_precision import fold_batch_norms, to_half_precision
from .torch_errors import translated

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_TOLERANCES = {"float32": 0.01, "float16": 1.5, "bfloat16": 6.0}
_CUDA_LANES = 2  # while one batch is computed, another is copied


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


def auto_precision(device: torch.device) -> Precision:
    """float32 except on CUDA: there bfloat16, whose range is float32's, so that nothing overflows; float16 on GPUs that lack it."""
    if device.type != "cuda":
        return "float32"
    return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) or torch.version.hip else "float16"


@contextlib.contextmanager
def _compiler_errors() -> Iterator[None]:
    """Raises `DeviceError` where torch cannot compile the network, which it does at the first batch."""
    from torch._dynamo.exc import TorchDynamoException

    try:
        yield
    except TorchDynamoException as exc:
        reason = str(exc).strip().splitlines()[0]
        raise DeviceError(f"torch cannot compile the network here ({reason}); leave out --compile") from exc


class TorchEngine:
    """Torch on any device. precision auto: see `auto_precision`. compile_: by `torch.compile`.

    A batch that does not fit is tried once more after the allocator has given back what it holds. On CUDA two calls run at once, each
    on a stream and with pinned buffers of its own, so that copies and computation overlap; elsewhere calls queue up.
    """

    name: EngineName = "torch"

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, precision: Precision = "auto", compile_: bool = False
    ) -> None:
        if precision == "auto":
            precision = auto_precision(device)
        if precision == "float16" and device.type == "cpu":
            raise DeviceError("float16 is not for the CPU; use --precision bfloat16, float32 or auto")
        if precision not in _DTYPES:
            raise DeviceError(f"torch does not compute in {precision} here; use --engine openvino, or --precision auto")
        self.device = str(device)
        self.precision: Precision = precision
        self.tolerance = _TOLERANCES[precision]
        self.takes_hints = takes_hints(checkpoint.architecture, checkpoint.configuration)
        self._taps = layout_of(checkpoint.architecture).taps
        self._device = device
        # Metal's convolutions copy channels-last tensors back and forth.
        self._memory_format = torch.contiguous_format if device.type == "mps" else torch.channels_last
        with translated(device):
            generator = checkpoint.generator()
            if device.type != "cpu":  # its float32 is what all else is compared with, so it stays as published
                fold_batch_norms(generator)
            # CPUs add up bfloat16 products as coarsely as they store them; autocast rounds less.
            self._autocast = device.type == "cpu" and precision == "bfloat16"
            if precision != "float32" and not self._autocast:
                to_half_precision(generator, _DTYPES[precision])
            # mypy: Module.to has no overload for memory_format with a device
            generator = generator.to(device).to(memory_format=self._memory_format)  # type: ignore[call-overload]
            if device.type == "cuda":
                torch.cuda.synchronize(device)  # the lanes' streams do not wait for the one that copied the weights
        # Any size without compiling again: photos come in hundreds of shapes.
        self._generator = torch.compile(generator, dynamic=True) if compile_ else generator
        self._eager = generator
        self._compiler_errors = _compiler_errors if compile_ else contextlib.nullcontext
        self._lanes: queue.SimpleQueue[_Transfer] = queue.SimpleQueue()
        for _ in range(_CUDA_LANES if device.type == "cuda" else 1):
            self._lanes.put(_CudaTransfer(device) if device.type == "cuda" else _Transfer(device))

    def __call__(self, L: np.ndarray) -> np.ndarray:
        require_batch(L)
        lane = self._lanes.get()
        try:
            try:
                return self._run(lane, L)
            except OutOfMemory:
                lane.release_memory()
            return self._run(lane, L)
        finally:
            self._lanes.put(lane)

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        require_batch(L)
        if hints is not None and not self.takes_hints:
            raise ValueError("this network takes no hints")
        features: dict[str, Tensor] = {}
        lane = self._lanes.get()
        try:
            with contextlib.ExitStack() as hooks, translated(self._device), self._inference(), lane.active():
                for name in self._taps:
                    module = self._eager.get_submodule(name)
                    remember = functools.partial(_remember, features, name, threading.get_ident())
                    hooks.callback(module.register_forward_hook(remember).remove)
                given = None if hints is None else TensorHints(*(torch.from_numpy(each).to(self._device) for each in hints))
                ab = self._eager(torch.from_numpy(L).to(self._device), given)
                return Prediction(_on_host(ab), tuple(_on_host(features[name]) for name in self._taps))
        except OutOfMemory:
            lane.release_memory()
            raise
        finally:
            self._lanes.put(lane)

    @contextlib.contextmanager
    def _inference(self) -> Iterator[None]:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._autocast):
            yield

    def _run(self, lane: _Transfer, L: np.ndarray) -> np.ndarray:
        with self._compiler_errors(), translated(self._device), self._inference(), lane.active():
            ab = self._generator(lane.upload(L).contiguous(memory_format=self._memory_format))
            return lane.download(ab)


def _remember(features: dict[str, Tensor], name: str, thread: int, _module: nn.Module, _inputs: object, output: Tensor) -> None:
    if threading.get_ident() == thread:  # other lanes run the same modules
        features[name] = output.clone()  # layers behind it work in place


def _on_host(planes: Tensor) -> np.ndarray:
    host: np.ndarray = planes.float().cpu().contiguous().numpy()
    return host


class _Transfer:
    """The way of a batch to the device and back."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def active(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    def upload(self, L: np.ndarray) -> Tensor:
        return torch.from_numpy(L).to(self.device)

    def download(self, ab: Tensor) -> np.ndarray:
        result: np.ndarray = ab.float().cpu().numpy()
        return result

    def release_memory(self) -> None:
        if self.device.type == "mps":
            torch.mps.empty_cache()


class _CudaTransfer(_Transfer):
    """A stream of its own, and pinned buffers, which alone are copied while the GPU computes."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pinned: dict[str, Tensor] = {}

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
            yield

    def upload(self, L: np.ndarray) -> Tensor:
        buffer = self._buffer("L", L.shape)
        buffer.copy_(torch.from_numpy(L))
        return buffer.to(self.device, non_blocking=True)

    def download(self, ab: Tensor) -> np.ndarray:
        buffer = self._buffer("ab", ab.shape)
        buffer.copy_(ab, non_blocking=True)
        self._stream.synchronize()  # for this lane alone; the other goes on
        return buffer.numpy().copy()

    def release_memory(self) -> None:
        self._stream.synchronize()
        torch.cuda.empty_cache()

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Pinned memory, float32, kept from batch to batch: pinning takes longer than copying."""
        count = int(np.prod(shape))
        kept = self._pinned.get(name)
        if kept is None or kept.numel() < count:
            kept = self._pinned[name] = torch.empty(count, dtype=torch.float32, pin_memory=True)
        return kept[:count].view(shape)
