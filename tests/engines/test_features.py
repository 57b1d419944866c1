"""Features: a second output of every engine, on request."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from batchcolor.engines import open_engine
from batchcolor.engines.base import Hints
from batchcolor.engines.colorizer import Colorizer
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint
from batchcolor.generators.layout import layout_of
from batchcolor.settings import EngineName, Precision
from batchcolor.weights import open_checkpoint

KINDS: list[tuple[EngineName, Precision]] = [
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "int8"),
]


def lightness(count: int, height: int, width: int) -> np.ndarray:
    """Parts of a photograph: eight bits are calibrated on those."""
    gray = cv2.cvtColor(data.chelsea(), cv2.COLOR_RGB2GRAY)
    parts = [cv2.resize(gray[10 * n : 250 + 10 * n], (width, height), interpolation=cv2.INTER_AREA) for n in range(count)]
    return np.stack(parts)[:, None].astype(np.float32) / np.float32(2.55)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize(("name", "precision"), KINDS)
def test_features_of_every_engine_are_those_of_the_reference(name: EngineName, precision: Precision) -> None:
    checkpoint = open_checkpoint("lite")
    L = lightness(3, 64, 96)
    engine = open_engine(checkpoint, engine=name, device="cpu", precision=precision)
    taken: list[torch.Tensor] = []
    generator = checkpoint.generator()
    for tap in layout_of("lite").taps:
        generator.get_submodule(tap).register_forward_hook(lambda _module, _inputs, output: taken.append(output.clone()))
    with torch.inference_mode():
        ab = generator(torch.from_numpy(L)).numpy()
    answer = engine.predict(L)
    assert np.abs(answer.ab - ab).max() <= engine.tolerance
    assert [planes.shape for planes in answer.features] == [tuple(planes.shape) for planes in taken]
    least = {"float32": 0.9999, "bfloat16": 0.98, "int8": 0.95}[precision]

    for found, expected in zip(answer.features, taken, strict=True):
        assert cosine(found, expected.numpy()) >= least


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_hints_reach_a_network_that_takes_them_on_every_engine(name: EngineName) -> None:
    torch.manual_seed(2)
    generator = build("siggraph17")
    torch.nn.init.normal_(generator.get_parameter("model_out.0.weight"), std=0.4)
    checkpoint = Checkpoint("siggraph17", {}, generator.state_dict())
    L = lightness(1, 40, 64)
    hints = Hints(np.zeros((1, 2, 40, 64), np.float32), np.zeros((1, 1, 40, 64), np.float32))
    hints.ab[0, :, 10:13, 20:23], hints.mask[0, :, 10:13, 20:23] = 60, 1
    engine = open_engine(checkpoint, engine=name, device="cpu", precision="float32")
    reference = open_engine(checkpoint, engine="torch", device="cpu", precision="float32")
    hinted, plain = engine.predict(L, hints), engine.predict(L)
    assert np.abs(hinted.ab - reference.predict(L, hints).ab).max() <= engine.tolerance
    assert np.abs(plain.ab - engine(L)).max() <= engine.tolerance
    assert np.abs(hinted.ab - plain.ab).max() > 0.1


def test_a_network_without_hint_planes_refuses_hints() -> None:
    for name in ("torch", "openvino"):
        engine = open_engine(open_checkpoint("lite"), engine=name, device="cpu", precision="float32")  # type: ignore[arg-type]
        planes = np.zeros((1, 2, 32, 32), np.float32)
        with pytest.raises(ValueError, match="no hints"):
            engine.predict(planes[:, :1], Hints(planes, planes[:, :1]))


def test_a_colorizer_hands_out_each_pictures_own_features() -> None:
    colorizer = Colorizer.of_checkpoint(
        open_checkpoint("lite"), open_engine(open_checkpoint("lite"), engine="openvino", precision="float32"), batch_size=2
    )
    planes = [*lightness(3, 64, 96)[:, 0], lightness(1, 96, 64)[0, 0]]
    together = colorizer.predict(planes)
    for plane, answer in zip(planes, together, strict=True):
        (alone,) = colorizer.predict([plane])
        np.testing.assert_allclose(answer.ab, alone.ab, atol=0.05)
        assert all(cosine(a, b) > 0.9999 for a, b in zip(answer.features, alone.features, strict=True))
