"""The GPUs of this machine for all workers of a run. On a CPU this imports nothing heavy and does nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from ..errors import DeviceError
from ..runtime.extras import needs_torch, torch_installed
from ..settings import ModelSettings
from .devices import is_cpu, is_shared


@contextlib.contextmanager
def shared_gpus(model: ModelSettings) -> Iterator[ModelSettings]:
    """The settings with which workers on this machine compute on its GPUs, through one process for each GPU, while the context lasts.

    Settings that mean the CPU come back as they are. `auto` and `cuda` mean all CUDA devices. Raises `DeviceError`, `ModelError`.
    """
    if model.engine == "openvino" or is_shared(model.device) or is_cpu(model.device):
        yield model
        return
    from .gpu_server import serve
    from .opening import open_colorizer

    with serve([replace(model, device=device) for device in _devices(model)], open_colorizer) as service:
        yield replace(model, engine="torch", device=service.device_name())


def _devices(model: ModelSettings) -> list[str]:
    if not torch_installed():
        raise DeviceError(needs_torch(f"--device {model.device}"))
    from .torch_engine import resolve_device

    device = resolve_device(model.device)
    if device.type != "cuda" or device.index is not None:
        return [str(device)]
    import torch

    return [f"cuda:{n}" for n in range(torch.cuda.device_count())]
