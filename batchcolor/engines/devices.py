"""Where a network would run, found out without torch as far as that goes: it takes a second to import, and OpenVINO does without."""

from __future__ import annotations

import ctypes
import importlib.util
import runpy
import sys
from pathlib import Path

from ..settings import DeviceName

_CUDA_DRIVERS = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}


def is_cpu(device: DeviceName) -> bool:
    """Whether the network would run on the CPU."""
    if device != "auto":
        return device == "cpu"
    if not _may_know_more():
        return True
    from .torch_engine import resolve_device

    return resolve_device(device).type == "cpu"


def _may_know_more() -> bool:
    """Whether torch has to be asked: it was built for graphics cards, and this machine has a driver for one."""
    if sys.platform == "darwin":
        return True  # Metal comes with the system
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    built_for = runpy.run_path(str(Path(found.origin).with_name("version.py")))
    return built_for.get("hip") is not None or (built_for.get("cuda") is not None and _has_cuda_driver())


def _has_cuda_driver() -> bool:
    try:
        ctypes.CDLL(_CUDA_DRIVERS[sys.platform])
    except (KeyError, OSError):
        return False
    return True
