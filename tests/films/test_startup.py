"""What a worker process imports before its first frame."""

from __future__ import annotations

import subprocess
import sys

_WORKER = """
import sys
import numpy as np
import batchcolor.films.chunks.job
from batchcolor.engines.opening import cached_colorizer
from batchcolor.settings import ModelSettings
settings = ModelSettings(engine="openvino", device="cpu", precision="int8")
assert cached_colorizer(settings).ab([np.full((64, 96), 50, np.float32)])[0].shape == (2, 16, 24)
print(sorted({"torch", "torchvision", "skimage", "nncf", "scipy", "pandas"} & set(sys.modules)))
"""


def test_a_worker_of_the_embedded_weights_needs_neither_torch_nor_skimage() -> None:
    ran = subprocess.run([sys.executable, "-c", _WORKER], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr
