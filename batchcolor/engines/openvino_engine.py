"""OpenVINO on the CPU: the same network, compiled; two to three times as fast as eager torch there."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import DeviceError, ModelError, OutOfMemory
from ..generators.checkpoint import Checkpoint
from ..generators.layout import layout_of, takes_hints
from ..runtime.cache_dir import cache_root
from ..runtime.openvino import ov
from ..runtime.thread_budget import allowed
from ..settings import EngineName, Precision
from .base import Hints, Prediction, require_batch
from .compiled_cache import load_compiled, processor_name, save_compiled
from .openvino_conversion import cache_folder, cache_key, convert, with_features
from .precision_trial import fastest_precision
from .quantization import is_ready, quantized_model

_CPUINFO = Path("/proc/cpuinfo")
_HINTS = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16, "int8": ov.Type.f32}
_TOLERANCES: dict[str, float] = {"float32": 0.05, "bfloat16": 6.0, "int8": 25.0}


class OpenVINOEngine:
    """precision auto: the fastest that the processor supports, that is ready and accurate, by a trial whose result is cached."""

    name: EngineName = "openvino"
    device = "cpu"

    def __init__(self, checkpoint: Checkpoint, precision: Precision = "auto") -> None:
        core = ov.Core()
        try:
            self._open(core, checkpoint, precision)
        except RuntimeError as exc:
            raise ModelError(f"OpenVINO cannot run this {checkpoint.architecture}: {exc}; use --engine torch") from exc
        self._core, self._checkpoint = core, checkpoint
        self._layout = layout_of(checkpoint.architecture)
        self.takes_hints = takes_hints(checkpoint.architecture, checkpoint.configuration)
        self._feature_requests: dict[bool, Any] = {}  # without and with hints; opened on first use
        # A picture a core keeps all busy, and there are fewer batch sizes: each new one costs 50 ms of preparing.
        self._largest_batch = allowed()
        self._lock = threading.Lock()

    def _open(self, core: ov.Core, checkpoint: Checkpoint, precision: Precision) -> None:
        native: list[Precision] = ["float32", *_native(core)]
        tried: dict[Precision, Any] = {}
        if precision == "auto":

            def prepared(each: Precision) -> Callable[[], np.ndarray]:
                tried[each] = _compile(core, checkpoint, each)
                return _trial_run(tried[each])

            ready = [each for each in native if each != "int8" or is_ready(checkpoint)]
            if {"int8", "bfloat16"} <= set(ready) and not _may_have_amx():
                ready.remove("bfloat16")  # which AVX-512 multiplies half as fast as integers: a trial would only cost time
            tolerances = {each: _TOLERANCES[each] for each in ready}
            precision = fastest_precision(tolerances, cache_folder(checkpoint, "trial"), prepared)
        if precision not in native:
            raise DeviceError(f"this processor does not compute in {precision}; use --precision auto or float32")
        self.precision: Precision = precision
        self.tolerance = _TOLERANCES[precision]
        self._new_request: Callable[[], Any] = lambda: _opened(core, checkpoint, precision).create_infer_request()
        self._request = _opened(core, checkpoint, precision, tried.get(precision)).create_infer_request()

    def __call__(self, L: np.ndarray) -> np.ndarray:
        require_batch(L)
        height, width = L.shape[-2:]
        # Padding as in `Generator.forward`; OpenVINO's int8 kernels crash on some processors where a layer is left with a single pixel.
        multiple, fraction = self._layout.side_multiple, self._layout.ab_fraction
        least = 2 * multiple if self.precision == "int8" else 0
        bottom, right = (max(side + -side % multiple, least) - side for side in (height, width))
        if bottom or right:
            L = np.pad(L, ((0, 0), (0, 0), (0, bottom), (0, right)), mode="edge")
        with self._lock:
            ab = np.concatenate([self._infer(L[n : n + self._largest_batch]) for n in range(0, len(L), self._largest_batch)])
        return ab[..., : -(-height // fraction), : -(-width // fraction)]

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        if hints is not None and not self.takes_hints:
            raise ValueError("this network takes no hints")
        inputs = [L] if hints is None else [L, *hints]
        each = self._largest_batch
        with self._lock:
            answers = [
                self._infer_features([np.ascontiguousarray(planes[n : n + each]) for planes in inputs], hints is not None)
                for n in range(0, len(L), each)
            ]
        ab, *features = (np.concatenate(parts) for parts in zip(*answers, strict=True))
        return Prediction(ab, tuple(features))

    def _infer(self, L: np.ndarray) -> np.ndarray:
        try:
            with _memory_errors():
                self._request = self._request or self._new_request()
                (ab,) = self._request.infer([L]).values()
        except OutOfMemory:
            self._request = None  # it holds all its memory until it is gone, and smaller batches would fail as well
            raise
        return np.array(ab, np.float32)  # a copy: the request's own buffer is reused

    def _infer_features(self, inputs: list[np.ndarray], hinted: bool) -> list[np.ndarray]:
        """ab and features for inputs L, or L, ab and mask of hints."""
        try:
            with _memory_errors():
                if hinted not in self._feature_requests:
                    self._feature_requests[hinted] = self._new_feature_request(hinted)
                answers = self._feature_requests[hinted].infer(inputs)
        except OutOfMemory:
            self._feature_requests.pop(hinted, None)
            raise
        return [np.array(answers[n], np.float32) for n in range(1 + len(self._layout.taps))]

    def _new_feature_request(self, hinted: bool) -> Any:
        core, checkpoint = self._core, self._checkpoint
        if hinted:  # calibration knows no hints: with them, int8 computes in float32
            model = convert(core, checkpoint, hints=True)
        else:
            model = quantized_model(core, checkpoint) if self.precision == "int8" else convert(core, checkpoint)
        compiled = core.compile_model(with_features(model, self._layout.taps), "CPU", _options(self.precision))
        return compiled.create_infer_request()


def _native(core: ov.Core) -> list[Precision]:
    """Precisions besides float32 that the processor has instructions for."""
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    kinds: dict[str, Precision] = {"BF16": "bfloat16", "INT8": "int8"}
    return [precision for name, precision in kinds.items() if name in capabilities]


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    """The border where OpenVINO's ways of saying "out of memory" become ours."""
    try:
        yield
    except RuntimeError as exc:
        if "alloc" in str(exc).lower() or "memory" in str(exc).lower():
            raise OutOfMemory("the batch does not fit into memory") from exc
        raise


def _may_have_amx() -> bool:
    """Whether the processor multiplies matrices of bfloat16 (Intel AMX), as far as the system tells."""
    try:
        return "amx_bf16" in _CPUINFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return True


def _options(precision: Precision) -> dict[str, Any]:
    """One stream with all the cores it may use: calls queue up, each as fast as it can be."""
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": allowed(),
        "ENABLE_CPU_PINNING": False,  # the networks of all processes would be tied to the same core
    }


def _compile(core: ov.Core, checkpoint: Checkpoint, precision: Precision) -> Any:
    model = quantized_model(core, checkpoint) if precision == "int8" else convert(core, checkpoint)
    return core.compile_model(model, "CPU", _options(precision))


def _opened(core: ov.Core, checkpoint: Checkpoint, precision: Precision, compiled: Any | None = None) -> Any:
    """The compiled network, from the cache where it is there. compiled: the network, where it was compiled just now."""
    options = _options(precision)
    settings = sorted((name, str(value)) for name, value in options.items())
    key = hashlib.sha256(f"{cache_key(checkpoint)} {processor_name(core)} {settings}".encode()).hexdigest()[:32]
    path = cache_root() / "compiled" / f"{key}-{precision}.blob"
    found = None if compiled is not None else load_compiled(core, path, options)
    if found is not None:
        return found
    compiled = compiled or _compile(core, checkpoint, precision)
    save_compiled(compiled, path)
    return compiled


def _trial_run(compiled: Any) -> Callable[[], np.ndarray]:
    """A run of the network on a picture of 256 x 256 of noise at every scale, on which precisions differ more than on photographs."""
    request = compiled.create_infer_request()
    noise = np.random.default_rng(0)
    sides = (2, 5, 12, 40)
    planes = [
        cv2.resize(noise.uniform(0, 100, (n, n)).astype(np.float32), (256, 256), interpolation=cv2.INTER_CUBIC) for n in sides
    ]
    L = np.clip(np.mean(planes, 0), 0, 100)[None, None]

    def run() -> np.ndarray:
        (ab,) = request.infer([L]).values()
        return np.array(ab, np.float32)

    return run
