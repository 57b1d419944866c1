"""Batches of random crops, loaded by worker processes.

A batch is a pure function of (seed, step): nothing has to be saved to resume in the middle, and workers may finish in any order.
"""

from __future__ import annotations

import functools
import logging
import signal
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.errors import SourceError, UsageError

from .decoding import PictureReader, chroma_spread
from .options import setting
from .sources import Source, find_sources

log = logging.getLogger(__name__)

_DRAWS = 1000
_PREFETCHED = 2  # batches a worker has ready
_LARGEST_DIVISOR = 8  # that libjpeg scales by while it decodes
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a picture becomes a training crop.

    size: side of the square crop, pixels. scale: share of the picture's area that a crop takes, smallest and largest. ratio: largest
    aspect ratio of a crop (its inverse is the smallest). gray_below: mean chroma (8-bit max minus min) under which a picture has no
    colour to learn from; pale_below, pale_kept: pictures under that chroma are kept with that probability. Raises `UsageError` for
    values that make no crop.
    """

    size: int = setting(192, "Side of training crops in pixels.", flag="--crop")
    scale: tuple[float, float] = setting(
        (0.35, 1.0), "Share of the picture's area that a crop takes, smallest and largest.", flag="--crop-scale"
    )
    ratio: float = setting(4 / 3, "Largest aspect ratio of a crop; its inverse is the smallest.", flag="--crop-ratio")
    gray_below: float = setting(4.0, "Mean chroma (largest minus smallest of R, G, B) under which a picture counts as gray.")
    pale_below: float = setting(16.0, "Mean chroma under which a picture counts as pale.")
    pale_kept: float = setting(0.5, "Share of pale pictures that are kept: they teach restraint.")

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError(f"--crop {self.size}: give a number of pixels, such as 192")
        smallest, largest = self.scale
        if not 0 < smallest <= largest <= 1:
            raise UsageError(f"--crop-scale {smallest:g} {largest:g}: give two shares above 0 up to 1, the smaller one first")
        if not self.ratio >= 1:
            raise UsageError(f"--crop-ratio {self.ratio:g}: give 1 (squares) or more")


class Crop(NamedTuple):
    """A crop in relative terms, drawn before the picture's size is known.

    area: share of the picture's area; ratio: width / height; y, x: place, 0 (top, left) to 1; flipped: left and right exchanged.
    """

    area: float
    ratio: float
    y: float
    x: float
    flipped: bool

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width in pixels inside a picture of that size."""
        area = height * width * self.area
        return (
            int(np.clip(round((area / self.ratio) ** 0.5), 1, height)),
            int(np.clip(round((area * self.ratio) ** 0.5), 1, width)),
        )


def random_crop(sampling: Sampling, rng: np.random.Generator) -> Crop:
    area = rng.uniform(*sampling.scale)
    ratio = float(np.exp(rng.uniform(-1, 1) * np.log(sampling.ratio)))
    return Crop(area, ratio, rng.random(), rng.random(), bool(rng.random() < 0.5))


def decoding_divisor(crop: Crop, size: int, height: int, width: int) -> int:
    """The largest of 1, 2, 4 and 8 that leaves the crop of a picture of that size no smaller than `size` pixels."""
    sides = crop.shape(height, width)
    divisor = 1
    while divisor < _LARGEST_DIVISOR and min(sides) >= 2 * divisor * size:
        divisor *= 2
    return divisor


def resized_crop(rgb: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """rgb: uint8 `(H, W, 3)`; returns uint8 `(3, size, size)`."""
    height, width = rgb.shape[:2]
    h, w = crop.shape(height, width)
    top, left = round((height - h) * crop.y), round((width - w) * crop.x)
    part = rgb[top : top + h, left : left + w]
    shrinks = h > size or w > size
    part = cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    if crop.flipped:
        part = part[:, ::-1]
    return np.ascontiguousarray(part.transpose(2, 0, 1))  # (3, size, size)


class _Loaded(NamedTuple):
    """What a worker sends. rgb: uint8 `(N, 3, S, S)`; gray, broken: positions of pictures newly found to have no colour or not to
    decode; error: why there is no batch, "" where there is one."""

    rgb: Tensor
    gray: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    error: str = ""


class Batches(Dataset[_Loaded]):
    """Batches by their step.

    first: number of this process's first sample in the batch of all processes, so that two of 16 see what one of 32 sees. gray,
    broken: positions of the pictures left out so far, for want of colour or because they do not decode.
    """

    def __init__(self, sources: Sequence[Source], sampling: Sampling, batch_size: int, seed: int, first: int = 0) -> None:
        self._pictures = [picture for source in sources for picture in source.pictures]
        weights = np.concatenate([np.full(len(s.pictures), s.weight) for s in sources])
        self._cumulative = np.cumsum(weights / weights.sum())
        self._sampling, self._batch_size, self._seed, self._first = sampling, batch_size, seed, first
        self._reader = PictureReader()
        self._found: dict[str, set[int]] = {"gray": set(), "broken": set()}  # by this process; workers have their own
        self.gray: set[int] = set()
        self.broken: set[int] = set()

    def __len__(self) -> int:
        """Pictures, not batches: those have no end."""
        return len(self._pictures)

    def batch(self, step: int) -> Tensor:
        """uint8 `(N, 3, S, S)`; the same on every call. Raises `SourceError` where no picture has colour."""
        samples = range(self._first, self._first + self._batch_size)
        return torch.from_numpy(np.stack([self._crop(np.random.default_rng((self._seed, step, n))) for n in samples]))

    def __getitem__(self, step: int) -> _Loaded:
        """`batch`, with what was found on the way; an error comes as a value, as torch would wrap an exception in its traceback."""
        before = {kind: set(found) for kind, found in self._found.items()}
        try:
            rgb, error = self.batch(step), ""
        except SourceError as exc:
            rgb, error = torch.empty(0), str(exc)
        gray, broken = (tuple(self._found[kind] - before[kind]) for kind in ("gray", "broken"))
        return _Loaded(rgb, gray, broken, error)

    def from_step(self, step: int, workers: int, *, pinned: bool = False) -> Generator[Tensor, None, None]:
        """Batches of `step`, `step + 1`, ..., uint8 `(N, 3, S, S)`, loaded ahead by `workers` processes; 0: by this one, on demand.

        pinned: in page-locked memory, from which a GPU copies while it computes. Close the generator to end the workers.
        """
        loader = DataLoader(
            self,
            batch_size=None,  # an item is a whole batch
            sampler=cast(Sampler[int], range(step, sys.maxsize)),
            num_workers=workers,
            prefetch_factor=_PREFETCHED if workers else None,
            collate_fn=_unchanged,
            worker_init_fn=_start_worker,
            pin_memory=pinned,
        )
        batches = iter(loader)
        try:
            for loaded in batches:
                self._note(loaded)
                yield loaded.rgb
        finally:
            del batches  # ends the workers

    def _note(self, loaded: _Loaded) -> None:
        """Workers find gray and broken pictures each for itself; here they are counted, and named once. Raises `SourceError`."""
        for index in sorted(set(loaded.broken) - self.broken):
            log.warning("%s: cannot be decoded and is left out", self._pictures[index].location)
        self.gray.update(loaded.gray)
        self.broken.update(loaded.broken)
        if loaded.error:
            raise SourceError(loaded.error)

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        """One usable crop, uint8 `(3, S, S)`; unusable pictures are skipped by drawing again from the same generator."""
        sampling = self._sampling
        for _ in range(_DRAWS):
            index = int(np.searchsorted(self._cumulative, rng.random()))
            keep_pale = rng.random() < sampling.pale_kept
            crop = random_crop(sampling, rng)
            if any(index in found for found in self._found.values()):
                continue
            rgb = self._reader.rgb(self._pictures[index], functools.partial(decoding_divisor, crop, sampling.size))
            if rgb is None:
                self._found["broken"].add(index)
                continue
            spread = chroma_spread(rgb)
            if spread < sampling.gray_below:
                self._found["gray"].add(index)
                continue
            if spread < sampling.pale_below and not keep_pale:
                continue
            return resized_crop(rgb, crop, sampling.size)
        raise SourceError(f"no picture with colour in {_DRAWS:,} draws; look at the data with `python -m trainer data check`")


def _unchanged(item: Item) -> Item:
    return item


def _start_worker(_: int) -> None:
    """The main process decides when workers end: Ctrl-C and SIGTERM, which may reach all of a group, first save its state."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)  # OpenCV's threads do not survive a fork


def lightness_crops(roots: Sequence[Path], count: int, size: int = 256, seed: int = 0) -> list[np.ndarray]:
    """L float32 `(1, 1, size, size)`, 0..100, of random crops: what a generator sees in training."""
    crops = Batches(find_sources(roots), Sampling(size=size), count, seed).batch(0).numpy()
    return [rgb_to_lab(crop.astype(np.float32) / 255)[None, :1] for crop in crops]
