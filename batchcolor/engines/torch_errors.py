"""torch's exceptions, told apart by what can be done about them; most arrive as a plain RuntimeError, so only their wording tells."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ..errors import DeviceLost, OutOfMemory

# Too little memory, as PyTorch, CUDA, cuBLAS, cuDNN, ROCm and Metal put it. cuBLAS and cuDNN say that they are "not initialized" where
# there was no memory for their workspace, and cuDNN that it finds no "engine" where none of its algorithms had enough.
_OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate",
    "bad_alloc",
    "alloc_failed",
    "allocation_failed",
    "cudaerrormemoryallocation",
    "hiperroroutofmemory",
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
    "unable to find an engine",
    "invalid buffer size",
)

# After these the CUDA context is broken for good: every later call of the process fails as well (CUDA runtime API, cudaError_t).
_DEVICE_LOST = (
    "illegal memory access",
    "illegal address",
    "illegal instruction",
    "device-side assert",
    "unspecified launch failure",
    "misaligned address",
    "launch timed out",
    "invalid program counter",
    "hardware stack error",
    "uncorrectable ecc error",
    "uncorrectable nvlink error",
    "context is destroyed",
    "no longer available",
    "cuda error: unknown error",
    "hiperrorillegaladdress",
    "hip error: unspecified launch failure",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may succeed."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in _OUT_OF_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Whether nothing will succeed on the device before the process is a new one."""
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in _DEVICE_LOST)


@contextlib.contextmanager
def translated(device: torch.device) -> Iterator[None]:
    """Raises `OutOfMemory` and `DeviceLost` for torch's errors that mean them."""
    try:
        yield
    except (RuntimeError, MemoryError) as exc:
        if is_device_lost(exc):  # first: some of their texts mention memory
            reason = str(exc).strip().splitlines()[0]
            raise DeviceLost(
                f"{device} does not work any more ({reason}); start again, and if it recurs check the driver"
            ) from exc
        if is_out_of_memory(exc):
            raise OutOfMemory(f"the batch does not fit into the memory of {device}") from exc
        raise
