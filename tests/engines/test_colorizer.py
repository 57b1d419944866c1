"""The colorizer: full batches, fallbacks when memory runs out, and no picture left gray without an error."""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from batchcolor.engines import open_cpu_fallback
from batchcolor.engines.colorizer import Colorizer
from batchcolor.engines.engine_info import EngineInfo
from batchcolor.engines.opening import cached_colorizer, open_colorizer
from batchcolor.errors import DeviceError, ModelError, OutOfMemory
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint
from batchcolor.settings import ModelSettings, Precision
from tests.support import FormulaEngine, formula_colorizer, gradient


def planes(*shapes: tuple[int, int]) -> list[np.ndarray]:
    return [gradient(*shape).astype(np.float32) / 2.55 * (0.5 + 0.1 * n) for n, shape in enumerate(shapes)]


def expected(plane: np.ndarray) -> np.ndarray:
    return FormulaEngine()(plane[None, None])[0]


def test_planes_of_one_shape_share_batches_and_answers_keep_their_order() -> None:
    shapes = [(64, 96), (96, 64), (64, 96), (64, 64), (96, 64), (64, 96)]
    colorizer = formula_colorizer(batch_size=2)
    given = planes(*shapes)
    answers = colorizer.ab(given)
    for plane, ab in zip(given, answers, strict=True):
        np.testing.assert_array_equal(ab, expected(plane))
    engine = colorizer.engine
    assert isinstance(engine, FormulaEngine)
    assert sorted(batch[0] for batch in engine.batches) == [1, 1, 2, 2]


@pytest.mark.parametrize("shape", [(3, 64, 64), (64,), (), (0, 64)])
def test_what_is_no_plane_is_a_value_error_that_names_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"lightness[1] has shape {shape}")):
        formula_colorizer().ab([*planes((64, 64)), np.zeros(shape, np.float32)])


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_an_error_and_never_a_picture(odd: float) -> None:
    class Odd(FormulaEngine):
        def __call__(self, L: np.ndarray) -> np.ndarray:
            ab = super().__call__(L)
            ab[-1, 1, 3, 5] = odd
            return ab

    with pytest.raises(ModelError, match="not a number"):
        Colorizer(Odd(), side_multiple=32).ab(planes((64, 64), (64, 64)))


def test_nothing_in_nothing_out() -> None:
    assert formula_colorizer().ab([]) == []


def test_a_batch_that_does_not_fit_is_halved_with_a_warning_each_time(caplog: pytest.LogCaptureFixture) -> None:
    colorizer = formula_colorizer(fits=3, batch_size=16)
    given = planes(*[(64, 64)] * 20)
    with caplog.at_level(logging.WARNING):
        answers = colorizer.ab(given)
    for plane, ab in zip(given, answers, strict=True):
        np.testing.assert_array_equal(ab, expected(plane))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3  # 16 -> 8 -> 4 -> 2
    assert colorizer.batch_size == 2
    caplog.clear()
    colorizer.ab(given)
    assert caplog.records == []  # the size that fits is remembered


def test_only_the_picture_that_does_not_fit_goes_to_the_fallback(caplog: pytest.LogCaptureFixture) -> None:
    gpu, cpu = FormulaEngine(largest_side=64), FormulaEngine()
    colorizer = Colorizer(gpu, side_multiple=32, batch_size=4, fallback=lambda: cpu)
    given = planes((64, 64), (96, 64), (64, 64), (96, 64), (64, 64))
    with caplog.at_level(logging.WARNING):
        answers = colorizer.ab(given)
        answers += colorizer.ab(given)
    for plane, ab in zip(given * 2, answers, strict=True):
        np.testing.assert_array_equal(ab, expected(plane))
    assert {shape[-2:] for shape in cpu.batches} == {(96, 64)}
    assert colorizer.engine is gpu
    assert [record.getMessage() for record in caplog.records if "CPU" in record.getMessage()] == [
        "a picture does not fit into the memory of cpu; the CPU colorizes such pictures"
    ]


def test_where_nothing_fits_anywhere_it_is_an_error() -> None:
    with pytest.raises(OutOfMemory, match="--network-size"):
        formula_colorizer(fits=0).ab(planes((64, 64)))


def test_every_step_of_the_fallback_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """4 -> 2 -> 1 -> the CPU; planes of several shapes, and every one of them in colour and in its place."""
    colorizer = Colorizer(FormulaEngine(fits=0), side_multiple=32, batch_size=4, fallback=FormulaEngine)
    given = planes(*[(64, 64), (32, 96), (64, 64), (64, 64), (32, 96), (64, 64), (64, 64)])
    with caplog.at_level(logging.WARNING):
        answers = colorizer.ab(given)
    for plane, ab in zip(given, answers, strict=True):
        np.testing.assert_array_equal(ab, expected(plane))
    said = [record.getMessage() for record in caplog.records]
    assert [sentence.split(" ")[0] for sentence in said] == ["4", "2", "a"]


def test_a_fallback_that_has_no_memory_either_is_an_error_too() -> None:
    colorizer = Colorizer(FormulaEngine(fits=0), side_multiple=32, fallback=lambda: FormulaEngine(fits=0))
    with pytest.raises(OutOfMemory, match="--network-size"):
        colorizer.ab(planes((64, 64), (64, 64)))


class _Meeting(FormulaEngine):
    """Nothing fits, and every thread learns so at the same moment as the others."""

    def __init__(self, threads: int) -> None:
        super().__init__(fits=0)
        self._together = threading.Barrier(threads)

    def __call__(self, L: np.ndarray) -> np.ndarray:
        self._together.wait(30)
        return super().__call__(L)


def test_threads_share_one_fallback(caplog: pytest.LogCaptureFixture) -> None:
    """Photos are colorized in threads: what one of them has found out about memory is no error for the others."""
    opened = []

    def fallback() -> FormulaEngine:
        opened.append(FormulaEngine())
        return opened[-1]

    colorizer = Colorizer(_Meeting(4), side_multiple=32, batch_size=2, fallback=fallback)
    given = planes((64, 64), (64, 64))
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(4) as pool:
        everything = list(pool.map(colorizer.ab, [given] * 4))
    for answers in everything:
        for plane, ab in zip(given, answers, strict=True):
            np.testing.assert_array_equal(ab, expected(plane))
    assert len(opened) == 1
    assert len(caplog.records) == 2  # 2 -> 1 -> the CPU, each said once


def test_other_errors_of_an_engine_are_not_taken_for_a_lack_of_memory() -> None:
    class Broken(FormulaEngine):
        def __call__(self, L: np.ndarray) -> np.ndarray:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        Colorizer(Broken(), side_multiple=32, fallback=FormulaEngine).ab(planes((64, 64)))


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1, 1000), (5000, 40), (31, 33), (1080, 1920)])
def test_the_networks_shape_has_the_pictures_aspect(height: int, width: int) -> None:
    h, w = formula_colorizer(network_size=256).network_shape(height, width)
    assert h % 32 == 0
    assert w % 32 == 0
    assert 0.6 < h * w / 256**2 < 1.6
    assert abs(np.log(w / h) - np.log(np.clip(width / height, 1 / 4, 4))) < 0.2


def test_the_cards_network_size_is_used_unless_another_is_given() -> None:
    checkpoint = Checkpoint("lite", {}, build("lite").state_dict(), {"network_size": 320})
    engine = FormulaEngine()
    assert Colorizer.of_checkpoint(checkpoint, engine).network_size == 320
    assert Colorizer.of_checkpoint(checkpoint, engine, network_size=192).network_size == 192


@pytest.mark.parametrize("device", ["cuda:63", "tpu", "no such thing"])
def test_a_missing_device_is_named(device: str) -> None:
    with pytest.raises(DeviceError, match=device):
        open_colorizer(ModelSettings(device=device))


def test_missing_weights_are_named() -> None:
    with pytest.raises(ModelError, match=r"missing\.safetensors"):
        open_colorizer(ModelSettings(weights="missing.safetensors"))


def test_the_default_colors_a_picture_by_itself() -> None:
    colorizer = open_colorizer(ModelSettings())
    (ab,) = colorizer.ab(planes((256, 256)))
    assert ab.shape == (2, 64, 64)
    assert np.abs(ab).max() > 1


def test_a_network_opened_for_auto_is_reused_for_its_resolved_settings() -> None:
    model = ModelSettings(engine="torch")
    colorizer = cached_colorizer(model)
    exact = EngineInfo.of(colorizer.engine).resolve_auto(model)
    assert exact != model
    assert cached_colorizer(exact) is colorizer
    assert cached_colorizer(model) is colorizer


@pytest.mark.parametrize(("gpu", "cpu"), [("float32", "float32"), ("bfloat16", "bfloat16"), ("float16", "float32")])
def test_the_fallback_computes_in_the_gpus_precision(gpu: Precision, cpu: Precision) -> None:
    generator = build("lite", {"encoder": "lite0", "widths": [16, 16, 16, 16]})
    engine = open_cpu_fallback(Checkpoint("lite", generator.configuration(), generator.state_dict()), gpu)
    assert (engine.device, engine.precision) == ("cpu", cpu)
