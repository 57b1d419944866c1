"""What torch says when memory ends, when a GPU is lost, and when it is neither."""

from __future__ import annotations

import pytest
import torch

from batchcolor.engines.torch_errors import translated
from batchcolor.errors import DeviceLost, OutOfMemory

CUDA = torch.device("cuda", 0)

# As users of PyTorch report them.
OUT_OF_MEMORY = [
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.68 GiB",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "GET was unable to find an engine to execute this computation",
    "FIND was unable to find an engine to execute this computation",
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 3 bytes",
    "DefaultCPUAllocator: not enough memory: you tried to allocate 137438953472 bytes.",
    "MPS backend out of memory (MPS allocated: 17.94 GB, other allocations: 384.00 KB, max allowed: 18.13 GB).",
    "Invalid buffer size: 24.00 GB",
    "HIP out of memory. Tried to allocate 256.00 MiB",
    "HIP error: hipErrorOutOfMemory",
    "std::bad_alloc",
]
DEVICE_LOST = [
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: device-side assert triggered",
    "CUDA error: unspecified launch failure",
    "CUDA error: misaligned address",
    "CUDA error: an illegal instruction was encountered",
    "CUDA error: the launch timed out and was terminated",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: unknown error",
    "HIP error: hipErrorIllegalAddress",
]


@pytest.mark.parametrize("text", OUT_OF_MEMORY)
def test_memory_that_ends_is_told_by_every_wording(text: str) -> None:
    with pytest.raises(OutOfMemory, match="cuda:0"), translated(CUDA):
        raise RuntimeError(text)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("x"), MemoryError()])
def test_and_by_its_own_types(error: Exception) -> None:
    with pytest.raises(OutOfMemory), translated(CUDA):
        raise error


@pytest.mark.parametrize("text", DEVICE_LOST)
def test_a_lost_device_is_no_lack_of_memory(text: str) -> None:
    with pytest.raises(DeviceLost, match="cuda:0"), translated(CUDA):
        raise RuntimeError(text)


@pytest.mark.parametrize("text", ["mat1 and mat2 shapes cannot be multiplied", "expected scalar type Float but found Half", ""])
def test_mistakes_of_the_program_stay_what_they_are(text: str) -> None:
    with pytest.raises(RuntimeError) as caught, translated(CUDA):
        raise RuntimeError(text)
    assert type(caught.value) is RuntimeError
