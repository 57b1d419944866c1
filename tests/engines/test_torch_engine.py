"""The torch engine's compiler."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from batchcolor.engines import open_engine
from batchcolor.errors import DeviceError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler uses what torch itself warns of


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    torch.nn.init.normal_(generator.get_parameter("head.1.weight"), std=0.05)
    return Checkpoint("lite", generator.configuration(), generator.state_dict())


@pytest.mark.slow
def test_a_compiled_network_equals_the_other_at_every_size(checkpoint: Checkpoint) -> None:
    plain, compiled = (open_engine(checkpoint, engine="torch", device="cpu", compile_=each) for each in (False, True))
    for height, width in ((64, 64), (96, 64), (65, 130)):
        L = np.random.default_rng(height).uniform(0, 100, (2, 1, height, width)).astype(np.float32)
        np.testing.assert_allclose(compiled(L), plain(L), atol=plain.tolerance)


@pytest.mark.slow
def test_a_missing_compiler_is_reported_in_one_sentence(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setenv("PATH", "")
    torch.compiler.reset()
    engine = open_engine(checkpoint, engine="torch", device="cpu", compile_=True)
    with pytest.raises(DeviceError, match="leave out --compile"):
        engine(np.full((1, 1, 32, 32), 50, np.float32))


def test_openvino_compiles_by_itself(checkpoint: Checkpoint) -> None:
    with pytest.raises(DeviceError, match="--engine torch"):
        open_engine(checkpoint, engine="openvino", compile_=True)


def test_integers_are_not_for_torch(checkpoint: Checkpoint) -> None:
    with pytest.raises(DeviceError, match="int8"):
        open_engine(checkpoint, engine="torch", device="cpu", precision="int8")
