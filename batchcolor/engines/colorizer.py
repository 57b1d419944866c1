"""The one place where a network runs: lightness planes in, ab planes out, batched, whatever the memory allows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ..errors import ModelError, OutOfMemory
from ..generators.checkpoint import Checkpoint
from ..generators.layout import layout_of, network_shape
from ..settings import EngineName, ModelSettings, Precision
from ..weights import open_checkpoint
from . import Engine, open_engine
from .base import Hints, Prediction
from .devices import mention_unused_gpu

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

DEFAULT_NETWORK_SIZE = 256


class Colorizer:
    """Batches small lightness planes through an engine. May be called from several threads.

    A batch that does not fit into the device's memory is halved, down to single pictures; a picture that still does not fit goes
    to the fallback engine (the CPU). Both are logged as warnings, and the smaller batch size stays. If the fallback fails too,
    `OutOfMemory` is raised: no picture is ever left gray in silence.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        side_multiple: int,
        network_size: int = DEFAULT_NETWORK_SIZE,
        batch_size: int = 16,
        fallback: Callable[[], Engine] | None = None,
    ) -> None:
        self.engine = engine
        self.network_size = network_size
        self._side_multiple = side_multiple
        self.batch_size = batch_size
        self._fallback = fallback
        self._shrinking = threading.Lock()

    @classmethod
    def of_checkpoint(
        cls,
        checkpoint: Checkpoint,
        engine: Engine,
        *,
        network_size: int | None = None,
        batch_size: int = 16,
        fallback: Callable[[], Engine] | None = None,
    ) -> Colorizer:
        """network_size: None takes the size that the checkpoint's card names, else 256."""
        return cls(
            engine,
            # 32 pixels keep the number of shapes small, so that photos of different sizes share batches.
            side_multiple=max(32, layout_of(checkpoint.architecture).side_multiple),
            network_size=network_size or int(checkpoint.card.get("network_size", DEFAULT_NETWORK_SIZE)),
            batch_size=batch_size,
            fallback=fallback,
        )

    @property
    def takes_hints(self) -> bool:
        """Whether `predict` takes hints."""
        return self.engine.takes_hints

    def network_shape(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which a picture of this size should be given to `ab`."""
        return network_shape(height, width, self.network_size, self._side_multiple)

    def ab(self, lightness: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Chroma of each plane, in order. lightness: float32 `(h, w)`, 0..100, any shapes; ab: float32 `(2, h', w')`, h' <= h.

        Planes of one shape share batches. Raises `OutOfMemory` where not even one fits anywhere, `ModelError` where the network's answer
        is not finite, `ValueError` for what is no plane.
        """
        return self._batched(lightness, lambda engine, L, _: list(_finite(engine(L), engine)))

    def predict(self, lightness: Sequence[np.ndarray], hints: Sequence[Hints] | None = None) -> list[Prediction]:
        """As `ab`, with the features, without the axis of batches: features float32 `(C, h, w)`, as `Layout.taps` orders them.

        lightness: of shapes that `network_shape` gives. hints: of each plane, for networks that take them, without that axis as well.
        """

        def run(engine: Engine, L: np.ndarray, chosen: list[int]) -> list[Prediction]:
            given = None
            if hints is not None:
                given = Hints(np.stack([hints[n].ab for n in chosen]), np.stack([hints[n].mask for n in chosen]))
            answer = engine.predict(L, given)
            _finite(answer.ab, engine)
            return [Prediction(answer.ab[n], tuple(planes[n] for planes in answer.features)) for n in range(len(chosen))]

        return self._batched(lightness, run)

    def _batched(
        self, lightness: Sequence[np.ndarray], run: Callable[[Engine, np.ndarray, list[int]], Sequence[Answer]]
    ) -> list[Answer]:
        """What `run` answers for each plane, in order; run(engine, L `(N, 1, h, w)`, their N numbers)."""
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, plane in enumerate(lightness):
            if np.ndim(plane) != 2 or 0 in np.shape(plane):
                raise ValueError(f"lightness[{index}] has shape {np.shape(plane)}; give planes (h, w) with at least one pixel")
            by_shape.setdefault(np.shape(plane), []).append(index)
        results: dict[int, Answer] = {}
        for indices in by_shape.values():
            start = 0
            while start < len(indices):
                chosen = indices[start : start + self.batch_size]
                batch = np.stack([lightness[i] for i in chosen])[:, None].astype(np.float32, copy=False)
                engine = self.engine
                try:
                    predicted = run(engine, batch, chosen)
                except OutOfMemory:
                    self._shrink(engine, len(chosen))
                    continue
                results.update(zip(chosen, predicted, strict=True))
                start += len(chosen)
        return [results[i] for i in range(len(lightness))]

    def _shrink(self, engine: Engine, failed: int) -> None:
        """Make the next try smaller than `failed` pictures on `engine`: half the batch, then the fallback engine."""
        with self._shrinking:
            if engine is not self.engine or failed > self.batch_size:
                return  # another thread has met the same limit and has already made it smaller
            if failed > 1:
                self.batch_size = failed // 2
                log.warning(
                    "%d pictures at once do not fit into the memory of %s; going on with %d",
                    failed,
                    engine.device,
                    self.batch_size,
                )
            elif self._fallback is not None:
                log.warning("one picture does not fit into the memory of %s; going on with the CPU", engine.device)
                self.engine, self._fallback = self._fallback(), None
            else:
                raise OutOfMemory(
                    f"one picture at the network's size of {self.network_size} pixels does not fit into memory; "
                    "close other programs or give a smaller --network-size"
                )


def _finite(ab: np.ndarray, engine: Engine) -> np.ndarray:
    """ab itself. Raises `ModelError` where it is not finite."""
    # One reduction instead of a plane of flags: a sum is finite exactly where all of its terms are, as ab lies within -110..110.
    if not np.isfinite(ab.sum()):
        raise ModelError(
            f"the network's answer is not a number (NaN) or infinite, on {engine.device} in {engine.precision}; try --precision float32, "
            "and check the weights: batchcolor models verify"
        )
    return ab


_opened: dict[ModelSettings, Colorizer] = {}
_opening = threading.Lock()


def cached_colorizer(model: ModelSettings) -> Colorizer:
    """As `open_colorizer`, once a process for the same settings; they with what "auto" came to are the same."""
    with _opening:
        if model not in _opened:
            colorizer = open_colorizer(model)
            _opened.clear()  # one network at a time is enough to hold
            _opened[model] = _opened[EngineInfo.by(colorizer).resolve_auto(model)] = colorizer
        return _opened[model]


@dataclass(frozen=True, slots=True)
class ColorizerFactory:
    """Opens the colorizer of these settings where it is called, once a process; may be sent to other processes."""

    model: ModelSettings

    def __call__(self) -> Colorizer:
        return cached_colorizer(self.model)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What the settings came to on a machine; handed to all processes of a run, so that they compute alike."""

    engine: EngineName
    precision: Precision
    device: str

    @classmethod
    def by(cls, colorizer: Colorizer) -> EngineInfo:
        engine = colorizer.engine
        return cls(engine.name, engine.precision, engine.device)

    def resolve_auto(self, model: ModelSettings) -> ModelSettings:
        return replace(model, engine=self.engine, device=self.device, precision=self.precision)


def open_colorizer(model: ModelSettings) -> Colorizer:
    """The colorizer that the settings name, ready to run. Raises `ModelError` for the weights, `DeviceError` for the device."""
    checkpoint = open_checkpoint(model.weights)
    if (model.engine, model.device) == ("auto", "auto"):
        mention_unused_gpu()
    engine = open_engine(
        checkpoint, engine=model.engine, device=model.device, precision=model.precision, compile_=model.compile
    )
    return Colorizer.of_checkpoint(
        checkpoint,
        engine,
        network_size=model.network_size,
        batch_size=model.batch_size,
        fallback=None if engine.device == "cpu" else lambda: open_engine(checkpoint, device="cpu"),
    )
