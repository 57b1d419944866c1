"""Engines run a generator: a batch of L in, a batch of ab out. To add one, write its file and a line in `open_engine`."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from ..errors import DeviceError
from ..runtime.extras import needs_torch, torch_installed
from ..settings import DeviceName, EngineName, Precision
from .base import Engine
from .devices import is_cpu

if TYPE_CHECKING:
    from ..generators.checkpoint import Checkpoint


def open_engine(
    checkpoint: Checkpoint,
    *,
    engine: EngineName = "auto",
    device: DeviceName = "auto",
    precision: Precision = "auto",
    compile_: bool = False,
) -> Engine:
    """The engine for a checkpoint. `auto`: OpenVINO where the network runs on the CPU and the package is there, else torch.

    compile_: have torch compile the network. Raises `DeviceError` for a device, engine or precision that this machine lacks,
    `ModelError` for weights that do not fit.
    """
    if engine == "auto":
        engine = "openvino" if openvino_installed() and is_cpu(device) else "torch"
    if engine == "torch":
        if not torch_installed():
            raise DeviceError(needs_torch(f"--device {device}" if not is_cpu(device) else "--engine torch"))
        from .torch_engine import TorchEngine, resolve_device

        return TorchEngine(checkpoint, resolve_device(device), precision, compile_)
    if device not in ("auto", "cpu"):
        raise DeviceError(f"OpenVINO runs on the CPU only, not on {device}; use --engine torch")
    if not openvino_installed():
        raise DeviceError("OpenVINO is not installed; type: pip install openvino")
    if compile_:
        raise DeviceError("OpenVINO always compiles; --compile goes with --engine torch")
    from .openvino_engine import OpenVINOEngine

    return OpenVINOEngine(checkpoint, precision)


def open_cpu_fallback(checkpoint: Checkpoint, precision: Precision) -> Engine:
    """The engine for a picture that does not fit on the GPU: on the CPU, in the GPU's precision, so that it looks like its neighbours.

    float16 is computed in float32 there: CPUs have no float16, and the difference is below what either rounds.
    """
    if precision == "bfloat16":
        return open_engine(checkpoint, engine="torch", device="cpu", precision=precision)  # OpenVINO's needs instructions
    return open_engine(checkpoint, device="cpu", precision="float32")


def openvino_installed() -> bool:
    return importlib.util.find_spec("openvino") is not None


__all__ = ["Engine", "open_cpu_fallback", "open_engine"]
