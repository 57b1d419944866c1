"""The one place where a network runs: lightness planes in, ab planes out, in batches as large as memory allows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ..errors import ModelError, OutOfMemory
from ..generators.checkpoint import Checkpoint
from ..generators.layout import layout_of, network_shape
from . import Engine
from .base import Hints, Prediction

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

DEFAULT_NETWORK_SIZE = 256


class Colorizer:
    """Batches small lightness planes through an engine. May be called from several threads.

    A batch that does not fit into the device's memory is halved, down to single pictures, and the smaller batch size stays. A picture
    that still does not fit goes to the fallback engine (the CPU), it alone: the next one has its turn on the device. The first of either
    is logged as a warning. If the fallback fails too, `OutOfMemory` is raised: no picture is ever left gray in silence.
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
        self.side_multiple = side_multiple
        self.batch_size = batch_size
        self._open_fallback = fallback
        self._fallback: Engine | None = None
        self._adapting = threading.Lock()

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
        """(height, width) at which a picture of this size should be passed to `ab`."""
        return network_shape(height, width, self.network_size, self.side_multiple)

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
                try:
                    predicted = run(self.engine, batch, chosen)
                except OutOfMemory as exc:
                    if len(chosen) > 1:
                        self._shrink(len(chosen))
                        continue
                    predicted = self._on_fallback(lambda engine: run(engine, batch, chosen), exc)  # noqa: B023 - called at once
                results.update(zip(chosen, predicted, strict=True))
                start += len(chosen)
        return [results[i] for i in range(len(lightness))]

    def _shrink(self, failed: int) -> None:
        """Make the next batch smaller than the `failed` pictures that did not fit."""
        with self._adapting:
            if failed > self.batch_size:
                return  # another thread has met the same limit
            self.batch_size = failed // 2
            log.warning(
                "%d pictures at once do not fit into the memory of %s; continuing with %d",
                failed,
                self.engine.device,
                self.batch_size,
            )

    def _on_fallback(self, run: Callable[[Engine], Sequence[Answer]], reason: OutOfMemory) -> Sequence[Answer]:
        """What `run` answers for one picture on the fallback engine. Raises `OutOfMemory` where it does not fit there either."""
        with self._adapting:
            if self._fallback is None and self._open_fallback is not None:
                log.warning("a picture does not fit into the memory of %s; the CPU colorizes such pictures", self.engine.device)
                self._fallback = self._open_fallback()
        try:
            if self._fallback is None:
                raise reason
            return run(self._fallback)
        except OutOfMemory as exc:
            raise OutOfMemory(
                f"one picture at the network's size of {self.network_size} pixels does not fit into memory; "
                "close other programs or give a smaller --network-size"
            ) from exc


def _finite(ab: np.ndarray, engine: Engine) -> np.ndarray:
    """ab itself. Raises `ModelError` where it is not finite."""
    # One reduction instead of a plane of flags: a sum is finite exactly where all of its terms are, as ab lies within -110..110.
    if not np.isfinite(ab.sum()):
        raise ModelError(
            f"the network's answer is not a number (NaN) or infinite, on {engine.device} in {engine.precision}; try --precision float32, "
            "and check the weights: batchcolor models verify"
        )
    return ab
