"""On a real NVIDIA GPU, where there is one; `test_gpu_server` holds the same promises with a fake."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from batchcolor.engines import open_engine
from batchcolor.engines.opening import open_colorizer
from batchcolor.engines.shared_gpus import shared_gpus
from batchcolor.errors import OutOfMemory
from batchcolor.settings import ModelSettings
from batchcolor.weights import open_checkpoint

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def lightness(n: int, height: int = 256, width: int = 256) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    plane: np.ndarray = (50 + 45 * np.sin(x / (9 + n)) * np.cos(y / 23)).astype(np.float32)
    return plane


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_two_streams_compute_what_one_does(precision: str) -> None:
    engine = open_engine(open_checkpoint("lite"), device="cuda", precision=precision)  # type: ignore[arg-type]
    batches = [np.stack([lightness(n), lightness(n + 1)])[:, None] for n in range(12)]
    alone = [engine(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(engine, batches), strict=True):
            np.testing.assert_allclose(one, other, atol=engine.tolerance / 5)


def test_memory_that_ends_is_an_error_and_smaller_batches_still_fit() -> None:
    engine = open_engine(open_checkpoint("lite"), device="cuda", precision="float32")
    small = lightness(0)[None, None]
    before = engine(small)
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 64 * 2**20) / total))
    try:
        with pytest.raises(OutOfMemory):
            engine(np.repeat(lightness(0, 1024, 1024)[None, None], 64, axis=0))
        np.testing.assert_allclose(engine(small), before, atol=0.01)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_shared_gpu_computes_what_the_cpu_computes_and_workers_open_none() -> None:
    model = ModelSettings(device="cuda", precision="bfloat16")
    planes = [lightness(n) for n in range(20)]
    cpu = open_colorizer(replace(model, device="cpu", engine="torch", precision="float32")).ab(planes)
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as workers, shared_gpus(model) as shared:
        for answers in workers.starmap(_colorized, [(shared, planes)] * 4):
            for ab, expected in zip(answers, cpu, strict=True):
                assert float(np.abs(ab - expected).max()) <= 6.0


def _colorized(model: ModelSettings, planes: list[np.ndarray]) -> list[np.ndarray]:
    answers = open_colorizer(model).ab(planes)
    assert not torch.cuda.is_initialized()
    return answers
