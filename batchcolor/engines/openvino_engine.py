"""OpenVINO on the CPU: the same network, compiled; two to three times as fast as eager torch there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import openvino as ov

from ..errors import DeviceError, ModelError, OutOfMemory
from ..generators.checkpoint import Checkpoint
from ..generators.layout import layout_of, takes_hints
from ..runtime.thread_budget import allowed
from ..settings import EngineName, Precision
from .base import Hints, Prediction
from .openvino_conversion import cache_folder, convert, with_features
from .precision_trial import fastest_precision
from .quantization import is_ready, quantized_model

_HINTS = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16, "int8": ov.Type.f32}
_TOLERANCES: dict[str, float] = {"float32": 0.05, "bfloat16": 6.0, "int8": 25.0}


class OpenVINOEngine:
    """precision auto: the quickest of those that the processor has and that are ready and accurate, by a trial that is remembered."""

    name: EngineName = "openvino"
    device = "cpu"

    def __init__(self, checkpoint: Checkpoint, precision: Precision = "auto") -> None:
        core = ov.Core()
        native = ["float32", *_native(core)]
        try:
            self._open(core, checkpoint, native, precision)
        except RuntimeError as exc:
            raise ModelError(f"OpenVINO cannot run this {checkpoint.architecture}: {exc}; use --engine torch") from exc
        self._core, self._checkpoint = core, checkpoint
        self._layout = layout_of(checkpoint.architecture)
        self.takes_hints = takes_hints(checkpoint.architecture, checkpoint.configuration)
        self._requests: dict[
            bool, Any
        ] = {}  # of networks that hand out features, with and without hints; opened when first asked for
        # A picture a core keeps all busy, and fewer sizes of batches come about: each new one costs 50 ms of preparing.
        self._together = allowed()
        self._lock = threading.Lock()

    def _open(self, core: ov.Core, checkpoint: Checkpoint, native: list[Precision], precision: Precision) -> None:
        if precision == "auto":
            ready = [each for each in native if each != "int8" or is_ready(checkpoint)]
            tolerances = {each: _TOLERANCES[each] for each in ready}
            precision = fastest_precision(
                tolerances, cache_folder(checkpoint, "trial"), lambda each: _tried(core, checkpoint, each)
            )
        if precision not in native:
            raise DeviceError(f"this processor does not compute in {precision}; use --precision auto or float32")
        self.precision: Precision = precision
        self.tolerance = _TOLERANCES[precision]
        self._compiled = _compiling(core, checkpoint, precision)
        self._request = self._compiled()

    def __call__(self, L: np.ndarray) -> np.ndarray:
        height, width = L.shape[-2:]
        # Padding as in `Generator.forward`.
        multiple, fraction = self._layout.side_multiple, self._layout.ab_fraction
        bottom, right = -height % multiple, -width % multiple
        if bottom or right:
            L = np.pad(L, ((0, 0), (0, 0), (0, bottom), (0, right)), mode="edge")
        with self._lock:
            ab = np.concatenate([self._answer(L[n : n + self._together]) for n in range(0, len(L), self._together)])
        return ab[..., : -(-height // fraction), : -(-width // fraction)]

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        if hints is not None and not self.takes_hints:
            raise ValueError("this network takes no hints")
        inputs = [L] if hints is None else [L, *hints]
        with self._lock:
            answers = [
                self._features([np.ascontiguousarray(planes[n : n + self._together]) for planes in inputs], hints is not None)
                for n in range(0, len(L), self._together)
            ]
        ab, *features = (np.concatenate(parts) for parts in zip(*answers, strict=True))
        return Prediction(ab, tuple(features))

    def _answer(self, L: np.ndarray) -> np.ndarray:
        try:
            with _memory_errors():
                self._request = self._request or self._compiled()
                (ab,) = self._request.infer([L]).values()
        except OutOfMemory:
            self._request = None  # it keeps all it got until it is gone, and smaller batches would fail as well
            raise
        return np.array(ab, np.float32)  # a copy: the request's own buffer is reused

    def _features(self, inputs: list[np.ndarray], hinted: bool) -> list[np.ndarray]:
        """ab and features for inputs L or L, ab and mask of hints."""
        try:
            with _memory_errors():
                if hinted not in self._requests:
                    self._requests[hinted] = self._compiled_with_features(hinted)
                answers = self._requests[hinted].infer(inputs)
        except OutOfMemory:
            self._requests.pop(hinted, None)
            raise
        return [np.array(answers[n], np.float32) for n in range(1 + len(self._layout.taps))]

    def _compiled_with_features(self, hinted: bool) -> Any:
        quantized = self.precision == "int8" and not hinted  # calibration knows no hints: with them, int8 computes in float32
        model = (
            quantized_model(self._core, self._checkpoint) if quantized else convert(self._core, self._checkpoint, hints=hinted)
        )
        return _request_of(self._core, with_features(model, self._layout.taps), self.precision)


def _native(core: ov.Core) -> list[Precision]:
    """Precisions besides float32 that the processor has instructions for."""
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    kinds: dict[str, Precision] = {"BF16": "bfloat16", "INT8": "int8"}
    return [precision for name, precision in kinds.items() if name in capabilities]


def _compiling(core: ov.Core, checkpoint: Checkpoint, precision: Precision) -> Callable[[], Any]:
    """What makes requests to run the network. One stream with all cores it may use: calls queue up, each as fast as it can be."""
    model = quantized_model(core, checkpoint) if precision == "int8" else convert(core, checkpoint)
    return lambda: _request_of(core, model, precision)


def _request_of(core: ov.Core, model: Any, precision: Precision) -> Any:
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": allowed(),
        "ENABLE_CPU_PINNING": False,  # the networks of all processes would be tied to the same core
    }
    return core.compile_model(model, "CPU", options).create_infer_request()


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    """The border where OpenVINO's ways of saying "out of memory" become ours."""
    try:
        yield
    except RuntimeError as exc:
        if "alloc" in str(exc).lower() or "memory" in str(exc).lower():
            raise OutOfMemory("the batch does not fit into memory") from exc
        raise


def _tried(core: ov.Core, checkpoint: Checkpoint, precision: Precision) -> Callable[[], np.ndarray]:
    """A run of the network on a picture of 256 x 256 of noise at every scale, on which precisions differ more than on photographs."""
    request = _compiling(core, checkpoint, precision)()
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
