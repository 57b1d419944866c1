"""Formulas of `color.py` over millions of pixels in one pass: OpenVINO compiles them into one loop of vector instructions.

numpy computes sixty operations as sixty trips through memory. Here a formula is called once, with `Traced` planes, which note down what
is done with them; what they noted is compiled and then runs on real arrays, five to twenty times as fast. So the formula is written
once, for numpy, torch and this.
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

_BLOCK = 1 << 14  # pixels a pass: enough to be worth the call, few enough to stay in the processor's cache

# A true power takes ten times as long as two square roots and a polynomial of the base's fourth root.
_POWER_DOMAIN = (0.003, 1.0)
_POWER_DEGREE = 9


class Traced(NDArrayOperatorsMixin):
    """A plane of float32 or of conditions that notes down what numpy is asked to do with it (NEP 13 and 18: duck arrays).

    It knows the functions that colour formulas call, and raises TypeError for others. Powers hold for bases from 0.003 to 1 alone, to
    1e-6: below, the curves of colour spaces are straight lines.
    """

    def __init__(self, node: Any) -> None:
        self.node = node

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Traced:
        made = _FUNCTIONS.get(ufunc)
        return NotImplemented if made is None or method != "__call__" or options else Traced(made(*map(_node, inputs)))

    def __array_function__(self, function: Any, _types: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Traced:
        made = _FUNCTIONS.get(function)
        return NotImplemented if made is None or options else Traced(made(*map(_node, arguments)))


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
    """Of the polynomial of a base's fourth root that gives its power; the root runs over -1..1, lowest order first."""
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
    """A formula of planes, compiled when first used in a thread. May be called from several threads.

    formula: works element by element; called once a thread with `Traced` planes, float32 whatever comes in. inputs, outputs: types of
    its planes; integers are what `astype` makes of the values, which have to lie within them.
    """

    def __init__(self, formula: Formula, inputs: Sequence[type[np.generic]], outputs: Sequence[type[np.generic]]) -> None:
        self._formula, self._inputs, self._outputs = formula, inputs, outputs
        self._mine = threading.local()

    def __call__(self, *planes: np.ndarray) -> list[np.ndarray]:
        """planes: all of one shape, which is that of the results."""
        request, inputs, outputs = self._compiled()
        given = [plane.ravel() for plane in planes]
        made = [np.empty(planes[0].shape, dtype) for dtype in self._outputs]
        flat = [plane.reshape(-1) for plane in made]
        for start in range(0, given[0].size, _BLOCK):
            count = min(_BLOCK, given[0].size - start)
            for buffer, plane in zip(inputs, given, strict=True):
                buffer[:count] = plane[start : start + count]
            request.infer()
            for plane, buffer in zip(flat, outputs, strict=True):
                plane[start : start + count] = buffer[:count]
        return made

    def _compiled(self) -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
        """What runs a block in this thread, with the buffers that it reads and writes."""
        if not hasattr(self._mine, "compiled"):
            request = self._compile()
            self._mine.compiled = (
                request,
                [request.get_input_tensor(n).data for n in range(len(self._inputs))],
                [request.get_output_tensor(n).data.view(dtype) for n, dtype in enumerate(self._outputs)],
            )
        return self._mine.compiled

    def _compile(self) -> Any:
        inputs = [ops.parameter([_BLOCK], dtype) for dtype in self._inputs]
        results = self._formula(*(Traced(ops.convert(node, "f32")) for node in inputs))
        # Conditions leave as bytes: OpenVINO's own booleans are slower.
        kinds = [ov.Type(np.uint8 if dtype is np.bool_ else dtype).to_string() for dtype in self._outputs]
        nodes = [ops.convert(plane.node, kind) for plane, kind in zip(results, kinds, strict=True)]
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            # One of its own for each caller, who then does the work himself instead of handing it to other threads and waiting.
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # all processes would be tied to the same core
        }
        return ov.Core().compile_model(ov.Model(nodes, inputs), "CPU", options).create_infer_request()
