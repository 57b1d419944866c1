"""Compiled formulas: OpenVINO turns the formulas of `conversion.py` into one vectorized loop over the pixels.

numpy runs sixty operations as sixty passes through memory. Here a formula is called once with `Traced` planes, which record the
operations; the record is compiled and runs on arrays, five to twenty times as fast. Each formula is written once, for numpy, torch and
this module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.polynomial import chebyshev

from ..runtime.openvino import ov

ops = ov.opset13

_BLOCK = 1 << 14  # pixels in a block: enough to outweigh the call, few enough for the processor's cache

# An exact power takes ten times as long as two square roots and a polynomial in the base's fourth root.
_POWER_DOMAIN = (0.003, 1.0)
_POWER_DEGREE = 9


class Traced(NDArrayOperatorsMixin):
    """A plane of float32 or of conditions that records the numpy operations on it (duck arrays, NEP 13 and 18).

    Supports the functions that colour formulas call; others raise `TypeError`. Powers are accurate to 1e-6 for bases from 0.003 to 1;
    below, the curves of colour spaces are linear.
    """

    def __init__(self, node: Any) -> None:
        self.node = node

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Traced:
        operation = _FUNCTIONS.get(ufunc)
        return (
            NotImplemented if operation is None or method != "__call__" or options else Traced(operation(*map(_node, inputs)))
        )

    def __array_function__(self, function: Any, _types: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Traced:
        operation = _FUNCTIONS.get(function)
        return NotImplemented if operation is None or options else Traced(operation(*map(_node, arguments)))


def _node(value: Any) -> Any:
    return value.node if isinstance(value, Traced) else value if value is None else ops.constant(np.float32(value))


def _clip(x: Any, low: Any, high: Any) -> Any:
    x = x if low is None else ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


def _power(base: Any, exponent: Any) -> Any:
    low, high = (bound**0.25 for bound in _POWER_DOMAIN)
    root = Traced(ops.sqrt(ops.sqrt(ops.relu(base))))
    centred = (root - (low + high) / 2) * (2 / (high - low))
    result: Any = 0.0
    for coefficient in reversed(_power_coefficients(float(exponent.data))):
        result = result * centred + coefficient
    return result.node


@cache
def _power_coefficients(exponent: float) -> tuple[float, ...]:
    """Coefficients, lowest order first, of the polynomial in the base's fourth root, scaled to -1..1, that gives its power."""
    fitted = chebyshev.Chebyshev.interpolate(
        lambda root: root ** (4 * exponent), _POWER_DEGREE, domain=[bound**0.25 for bound in _POWER_DOMAIN]
    )
    return tuple(map(float, chebyshev.cheb2poly(fitted.coef)))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: ops.add,
    np.subtract: ops.subtract,
    np.multiply: ops.multiply,
    np.divide: ops.divide,
    np.power: _power,
    np.minimum: ops.minimum,
    np.maximum: ops.maximum,
    np.less_equal: ops.less_equal,
    np.greater: ops.greater,
    np.greater_equal: ops.greater_equal,
    np.bitwise_and: ops.logical_and,
    np.invert: ops.logical_not,
    np.clip: _clip,
    np.where: ops.select,
}


Formula = Callable[..., Sequence[Any]]


class Fused:
    """A formula of planes, compiled on first use in each thread. Thread-safe.

    formula: works element by element; called once in each thread with `Traced` planes of float32. inputs, outputs: types of its planes;
    integers are converted as by `astype`, and values must be in range.
    """

    def __init__(self, formula: Formula, inputs: Sequence[type[np.generic]], outputs: Sequence[type[np.generic]]) -> None:
        self._formula, self._inputs, self._outputs = formula, inputs, outputs
        self._local = threading.local()

    def __call__(self, *planes: np.ndarray) -> list[np.ndarray]:
        """planes: all of one shape, which the results have as well."""
        request, inputs, outputs = self._compiled()
        flat_inputs = [plane.ravel() for plane in planes]
        results = [np.empty(planes[0].shape, dtype) for dtype in self._outputs]
        flat_results = [plane.reshape(-1) for plane in results]
        for start in range(0, flat_inputs[0].size, _BLOCK):
            count = min(_BLOCK, flat_inputs[0].size - start)
            for buffer, plane in zip(inputs, flat_inputs, strict=True):
                buffer[:count] = plane[start : start + count]
            request.infer()
            for plane, buffer in zip(flat_results, outputs, strict=True):
                plane[start : start + count] = buffer[:count]
        return results

    def _compiled(self) -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
        """This thread's inference request, with its input and output buffers."""
        if not hasattr(self._local, "compiled"):
            request = self._compile()
            self._local.compiled = (
                request,
                [request.get_input_tensor(n).data for n in range(len(self._inputs))],
                [request.get_output_tensor(n).data.view(dtype) for n, dtype in enumerate(self._outputs)],
            )
        return self._local.compiled

    def _compile(self) -> Any:
        inputs = [ops.parameter([_BLOCK], dtype) for dtype in self._inputs]
        results = self._formula(*(Traced(ops.convert(node, "f32")) for node in inputs))
        # Conditions are returned as bytes: OpenVINO's booleans are slower.
        kinds = [ov.Type(np.uint8 if dtype is np.bool_ else dtype).to_string() for dtype in self._outputs]
        nodes = [ops.convert(plane.node, kind) for plane, kind in zip(results, kinds, strict=True)]
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            # The calling thread computes by itself instead of waiting for other threads.
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # else all processes are pinned to the same core
        }
        return ov.Core().compile_model(ov.Model(nodes, inputs), "CPU", options).create_infer_request()
