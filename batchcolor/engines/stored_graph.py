"""A checkpoint that carries its own OpenVINO graph: such weights run without PyTorch.

The graph is OpenVINO's XML (its IR, version 11) with no weights of its own: it refers to the checkpoint's tensors, which lie one behind
the other in the order of their names, float32, followed by the few constants that the conversion adds. So the weights are stored once,
in float16, and both engines read the same file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from ..errors import ModelError
from ..generators.checkpoint import Checkpoint
from ..runtime.openvino import ov

_ALIGNMENT = 64  # bytes; OpenVINO reads constants in place


def with_graph(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its graph added. Needs PyTorch; raises `ModelError` where OpenVINO does not support the network."""
    from .torch_tracing import traced

    try:
        return replace(checkpoint, graph=_pack(traced(checkpoint.generator()), _weights_of(checkpoint)))
    except RuntimeError as exc:
        raise ModelError(f"OpenVINO does not support this {checkpoint.architecture}: {exc}") from exc


def model_of(core: ov.Core, checkpoint: Checkpoint) -> Any:
    """The `ov.Model` that the checkpoint's graph describes. Raises `ModelError` where graph and tensors do not fit together."""
    try:
        packed = json.loads(checkpoint.graph)
        xml, constants, layout = zlib.decompress(base64.b64decode(packed["xml"])), packed["constants"], packed["layout"]
        arrays = _weights_of(checkpoint)
        if layout != _layout_digest(arrays):
            raise ValueError("it is the graph of other weights")
        return core.read_model(model=xml, weights=_joined(arrays, base64.b64decode(constants)))
    except (RuntimeError, ValueError, KeyError, TypeError, zlib.error) as exc:
        raise ModelError(
            f"the OpenVINO graph in these {checkpoint.architecture} weights is damaged ({exc}); export them again"
        ) from exc


def _pack(model: Any, arrays: Mapping[str, np.ndarray]) -> str:
    """The model as JSON: its XML, compressed, and its constants without the checkpoint's tensors."""
    with tempfile.TemporaryDirectory(prefix="batchcolor-") as folder:
        path = Path(folder) / "model.xml"
        ov.save_model(model, path, compress_to_fp16=False)
        xml, binary = ET.parse(path), path.with_suffix(".bin").read_bytes()
    places = {hashlib.sha256(array.data).digest(): start for start, array in _placed(arrays)}
    base = _size(arrays)
    constants = bytearray()
    for data in xml.iterfind("./layers/layer[@type='Const']/data"):
        start, size = int(data.attrib["offset"]), int(data.attrib["size"])
        value = binary[start : start + size]
        place = places.get(hashlib.sha256(value).digest())
        if place is None:
            place = base + len(constants)
            constants += value.ljust(-(-len(value) // _ALIGNMENT) * _ALIGNMENT, b"\0")
        data.set("offset", str(place))
    text = ET.tostring(xml.getroot())
    packed = {
        "xml": base64.b64encode(zlib.compress(text, 9)).decode(),
        "constants": base64.b64encode(constants).decode(),
        "layout": _layout_digest(arrays),
    }
    return json.dumps(packed)


def _weights_of(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """The tensors that a file stores: without BatchNorm's step counters."""
    return {name: array for name, array in checkpoint.arrays().items() if not name.endswith("num_batches_tracked")}


def _placed(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """(byte offset, tensor) of each tensor."""
    start = 0
    for name in sorted(arrays):
        yield start, arrays[name]
        start += -(-arrays[name].nbytes // _ALIGNMENT) * _ALIGNMENT


def _size(arrays: Mapping[str, np.ndarray]) -> int:
    return sum(-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for array in arrays.values())


def _joined(arrays: Mapping[str, np.ndarray], constants: bytes) -> ov.Tensor:
    """What the XML's offsets count in."""
    base = _size(arrays)
    whole = np.zeros(base + len(constants), np.uint8)
    for start, array in _placed(arrays):
        whole[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
    whole[base:] = np.frombuffer(constants, np.uint8)
    return ov.Tensor(whole)


def _layout_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256, hexadecimal, of the tensors' names and shapes."""
    return hashlib.sha256(json.dumps([(name, arrays[name].shape) for name in sorted(arrays)]).encode()).hexdigest()
