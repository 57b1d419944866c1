"""Where a network would run, found out without importing torch where possible: it takes a second, and OpenVINO does without."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import runpy
import sys
from pathlib import Path

from ..runtime.cache_dir import cache_root
from ..settings import DeviceName

log = logging.getLogger(__name__)

_CUDA_DRIVERS = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}


SHARED = "shared:"  # how the device begins that is a process of `gpu_server`


def is_shared(device: DeviceName) -> bool:
    """Whether the network runs in another process, which owns the GPU."""
    return device.startswith(SHARED)


def is_cpu(device: DeviceName) -> bool:
    """Whether the network would run on the CPU."""
    if device != "auto":
        return device == "cpu"
    if not _torch_may_find_gpu():
        return True
    from .torch_engine import resolve_device

    return resolve_device(device).type == "cpu"


def mention_unused_gpu() -> None:
    """Log once, not once a run, how to use this machine's NVIDIA GPU, if it has one and torch is not installed."""
    if importlib.util.find_spec("torch") is not None or not cuda_gpu_count():
        return
    mark = cache_root() / "gpu-mentioned"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.open("x").close()
    except OSError:  # mentioned already, or a cache that cannot be written: then better never than every time
        return
    log.warning("this machine has an NVIDIA GPU that is not used; to use it, type: pip install 'batchcolor[torch]'")


def cuda_gpu_count() -> int:
    """How many NVIDIA GPUs the driver sees; 0 without a driver. Calls the CUDA driver API, so it needs no torch."""
    driver = _cuda_driver()
    count = ctypes.c_int(0)
    if driver is None or driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _torch_may_find_gpu() -> bool:
    """Whether torch must be imported to find out: it was built for GPUs, and this machine has a driver for one."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    if sys.platform == "darwin":
        return True  # Metal comes with the system
    built_for = runpy.run_path(str(Path(found.origin).with_name("version.py")))
    return built_for.get("hip") is not None or (built_for.get("cuda") is not None and _cuda_driver() is not None)


def _cuda_driver() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(_CUDA_DRIVERS[sys.platform])
    except (KeyError, OSError):
        return None
