"""What every engine promises (batchcolor/engines/base.py)."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch

from batchcolor.engines import Engine, open_engine
from batchcolor.errors import DeviceError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint
from batchcolor.settings import EngineName
from batchcolor.weights import open_checkpoint

KINDS = [("torch", "float32"), ("torch", "bfloat16"), ("openvino", "float32"), ("openvino", "int8"), ("openvino", "auto")]
SIZES = [(16, 16), (33, 65), (64, 96), (101, 130)]


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return open_checkpoint("lite")


@pytest.fixture(scope="module")
def reference(checkpoint: Checkpoint) -> Engine:
    return open_engine(checkpoint, engine="torch", device="cpu", precision="float32")


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def engine(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> Engine:
    name, precision = request.param
    return open_engine(checkpoint, engine=name, device="cpu", precision=precision)


def natural(count: int, height: int, width: int) -> np.ndarray:
    """Lightness with structure at every scale, float32 `(N, 1, H, W)`."""
    rng = np.random.default_rng(height * width)
    planes = []
    for _ in range(count):
        plane = np.zeros((height, width), np.float32)
        for side in (2, 5, 12, 40):
            noise = rng.uniform(0, 100, (side, side)).astype(np.float32)
            plane += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / 4
        planes.append(plane.clip(0, 100))
    return np.stack(planes)[:, None]


@pytest.mark.parametrize("shape", [(64, 64), (1, 64, 64), (1, 3, 64, 64), (0, 1, 64, 64), (1, 1, 0, 64)])
def test_a_wrong_shape_is_a_value_error_that_names_it(engine: Engine, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        engine(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (17, 3), (32, 32), (32, 128)])
def test_it_takes_planes_of_any_size(engine: Engine, height: int, width: int) -> None:
    for count in (1, 2, 3):
        ab = engine(natural(count, height, width))
        assert ab.shape == (count, 2, -(-height // 4), -(-width // 4))
        assert np.isfinite(ab).all()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_it_equals_the_reference_within_its_tolerance(engine: Engine, reference: Engine, height: int, width: int) -> None:
    L = natural(2, height, width)
    ab = engine(L)
    assert ab.shape == (2, 2, -(-height // 4), -(-width // 4))
    assert ab.dtype == np.float32
    apart = np.abs(ab - reference(L))
    assert float(apart.max()) <= engine.tolerance
    assert float(apart.mean()) <= engine.tolerance / 5


def test_answers_are_the_callers_own(engine: Engine) -> None:
    first = engine(natural(1, 64, 64))
    kept = first.copy()
    engine(100 - natural(1, 64, 64))
    np.testing.assert_array_equal(first, kept)


def test_several_threads_may_call_it(engine: Engine) -> None:
    inputs = [natural(1, 32 * n, 64) for n in range(1, 5)]
    alone = [engine(L) for L in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine, inputs * 3))
    for n, ab in enumerate(together):
        np.testing.assert_allclose(ab, alone[n % 4], atol=engine.tolerance)


def test_name_device_and_precision_are_reported(engine: Engine) -> None:
    assert engine.name in {"torch", "openvino"}
    assert engine.device == "cpu"
    assert engine.precision in {"float32", "bfloat16", "int8"}


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_the_published_network_equals_the_reference_too(name: EngineName) -> None:
    """siggraph17 with random weights of a sensible scale; its dilated and transposed convolutions are what lite has none of."""
    torch.manual_seed(2)
    generator = build("siggraph17")
    torch.nn.init.normal_(generator.get_parameter("model_out.0.weight"), std=0.4)
    checkpoint = Checkpoint("siggraph17", {}, generator.state_dict())
    L = natural(2, 41, 70)
    with torch.inference_mode():
        expected = checkpoint.generator()(torch.from_numpy(L)).numpy()
    assert 5 < expected.std() < 80  # something to compare, and not saturated
    engine = open_engine(checkpoint, engine=name, device="cpu", precision="float32")
    ab = engine(L)
    assert ab.shape == (2, 2, 41, 70)
    assert float(np.abs(ab - expected).max()) <= engine.tolerance


# In a process of its own, whose address space is limited once everything is loaded: memory that really ends, not a mock.
_OUT_OF_MEMORY = """
import resource
import sys
import numpy as np
import torch
from batchcolor.engines import open_engine
from batchcolor.errors import OutOfMemory
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint

torch.set_num_threads(1)
generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
checkpoint = Checkpoint("lite", generator.configuration(), generator.state_dict())
engine = open_engine(checkpoint, engine=sys.argv[1], device="cpu", precision="float32")
small, large = np.full((1, 1, 64, 64), 50, np.float32), np.full((1, 1, 2048, 4096), 50, np.float32)
before = engine(small)
with open("/proc/self/statm") as status:
    used = int(status.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), -1))
for _ in range(2):
    try:
        engine(large)
        sys.exit("it fits")
    except OutOfMemory:
        pass
    if not np.array_equal(engine(small), before):
        sys.exit("other colours")
print("usable")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the process limits its address space and reads /proc")
@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_it_stays_usable_for_smaller_batches_when_memory_ends(name: EngineName) -> None:
    ran = subprocess.run([sys.executable, "-c", _OUT_OF_MEMORY, name], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "usable\n"), ran.stderr


def test_half_precision_that_a_cpu_lacks_is_refused(checkpoint: Checkpoint) -> None:
    for name in ("torch", "openvino"):
        with pytest.raises(DeviceError, match="float16"):
            open_engine(checkpoint, engine=name, device="cpu", precision="float16")  # type: ignore[arg-type]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_equals_the_reference_within_its_tolerance(checkpoint: Checkpoint, reference: Engine) -> None:
    engine = open_engine(checkpoint, device="cuda")
    L = natural(4, 256, 256)
    assert float(np.abs(engine(L) - reference(L)).max()) <= engine.tolerance
