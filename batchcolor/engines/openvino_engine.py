"""OpenVINO on the CPU: the same network, compiled; two to three times as fast as eager torch there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov

from ..errors import DeviceError, ModelError, OutOfMemory
from ..generators import GENERATORS
from ..generators.checkpoint import Checkpoint
from ..settings import Precision
from .converted import converted

_HINTS = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16}
_TOLERANCES = {"float32": 0.05, "bfloat16": 6.0}


class OpenVINOEngine:
    """precision auto: bfloat16 where the processor computes in it, else float32."""

    name = "openvino"
    device = "cpu"

    def __init__(self, checkpoint: Checkpoint, precision: Precision = "auto") -> None:
        core = ov.Core()
        native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "auto":
            precision = "bfloat16" if native else "float32"
        if precision not in _HINTS or (precision == "bfloat16" and not native):
            raise DeviceError(f"this processor does not compute in {precision}; use --precision auto or float32")
        self.precision: Precision = precision
        self.tolerance = _TOLERANCES[precision]
        # One stream with all cores: calls queue up, each as fast as it can be.
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[precision]}
        model = converted(core, checkpoint)
        self._compiled: Callable[[], Any] = lambda: core.compile_model(model, "CPU", options).create_infer_request()
        try:
            self._request = self._compiled()
        except RuntimeError as exc:
            raise ModelError(f"OpenVINO cannot run this {checkpoint.architecture}: {exc}; use --engine torch") from exc
        generator = GENERATORS[checkpoint.architecture]
        self._multiple, self._fraction = generator.side_multiple, generator.ab_fraction
        self._lock = threading.Lock()

    def __call__(self, L: np.ndarray) -> np.ndarray:
        height, width = L.shape[-2:]
        # Padding as in `Generator.forward`.
        bottom, right = -height % self._multiple, -width % self._multiple
        if bottom or right:
            L = np.pad(L, ((0, 0), (0, 0), (0, bottom), (0, right)), mode="edge")
        with self._lock:
            try:
                self._request = self._request or self._compiled()
                (ab,) = self._request.infer([L]).values()
            except RuntimeError as exc:
                if "alloc" in str(exc).lower() or "memory" in str(exc).lower():
                    self._request = None  # it keeps all it got until it is gone, and smaller batches would fail as well
                    raise OutOfMemory("the batch does not fit into memory") from exc
                raise
            ab = ab[..., : -(-height // self._fraction), : -(-width // self._fraction)]
            return np.array(ab, np.float32)  # a copy: the request's own buffer is reused
