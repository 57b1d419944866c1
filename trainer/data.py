"""Colour pictures for training: folder trees and tar shards, sampled by source.

Batches are a pure function of (seed, step): nothing has to be saved to resume in the middle, and workers may finish in any order.
"""

from __future__ import annotations

import csv
import fnmatch
import logging
import mmap
import re
import tarfile
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.errors import SourceError, UsageError

from .options import setting

log = logging.getLogger(__name__)

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_SHARD_NAME = re.compile(r"(?P<key>.+?)(-\d+)?\.tar$")


@dataclass(frozen=True, slots=True)
class Picture:
    """Where one encoded picture lies: a file of its own, or a range of a tar shard (`size` -1: the whole file).

    member: its name inside the shard, "" for a file of its own.
    """

    path: Path
    offset: int = 0
    size: int = -1
    member: str = ""

    @property
    def name(self) -> str:
        return f"{self.path.name}#{self.member}" if self.member else self.path.name

    @property
    def place(self) -> str:
        """Its path, for people who look for it."""
        return f"{self.path}#{self.member}" if self.member else str(self.path)


@dataclass(frozen=True, slots=True)
class Source:
    """Pictures that share a name and a weight; a picture of weight 2 is drawn twice as often as one of weight 1."""

    key: str
    pictures: tuple[Picture, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a picture becomes a training crop.

    size: side of the square crop, pixels. scale: share of the picture's area that a crop takes, smallest and largest. ratio: largest
    aspect ratio of a crop (its inverse is the smallest). gray_below: mean chroma (8-bit max minus min) under which a picture has no
    colour to learn from; pale_below, pale_kept: pictures under that chroma are kept with that probability. Raises `UsageError` for a
    scale or ratio that makes no crop.
    """

    size: int = setting(192, "Side of training crops in pixels.", flag="--crop")
    scale: tuple[float, float] = setting(
        (0.35, 1.0), "Share of the picture's area that a crop takes, smallest and largest.", flag="--crop-scale"
    )
    ratio: float = setting(4 / 3, "Largest aspect ratio of a crop; its inverse is the smallest.", flag="--crop-ratio")
    gray_below: float = setting(4.0, "Mean chroma (largest minus smallest of R, G, B) under which a picture counts as gray.")
    pale_below: float = setting(16.0, "Mean chroma under which it counts as pale.")
    pale_kept: float = setting(0.5, "Share of pale pictures that are kept: they teach restraint.")

    def __post_init__(self) -> None:
        smallest, largest = self.scale
        if not 0 < smallest <= largest <= 1:
            raise UsageError(f"--crop-scale {smallest:g} {largest:g}: give two shares above 0 up to 1, the smaller one first")
        if not self.ratio >= 1:
            raise UsageError(f"--crop-ratio {self.ratio:g}: give 1 (squares) or more")


def find_sources(roots: Sequence[Path], weights: dict[str, float] | None = None, split: str = "train") -> list[Source]:
    """Every tar shard and every folder of pictures under `roots`, sorted by name.

    Weights of sources come from a SOURCES.tsv beside shards (first column the source or a pattern, second its weight); `weights`
    (key or pattern -> weight) wins over it. Where a root is COCO 2017 as unpacked, only `split` ("train" or "val") of it counts:
    nothing that is judged is trained on. Raises `SourceError` where a root is missing or nothing is found.
    """
    found: dict[str, list[Picture]] = {}
    listed: dict[str, float] = {}
    for root in roots:
        if not root.exists():
            raise SourceError(f"{root}: no such folder or shard")
        top = _coco_part(root, split)
        files = [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file())
        for table in {f.parent / "SOURCES.tsv" for f in files}:
            listed |= _read_weights(table)
        for file in files:
            shard = _SHARD_NAME.match(file.name)
            if shard:
                found.setdefault(shard["key"], []).extend(_shard_members(file))
            elif file.suffix.lower() in PICTURE_SUFFIXES:
                found.setdefault(str(file.parent.relative_to(root.parent)), []).append(Picture(file))
    if not found:
        raise SourceError(f"{', '.join(map(str, roots))}: neither pictures nor tar shards in there")
    listed |= weights or {}
    return [Source(key, tuple(pictures), _weight_of(key, listed)) for key, pictures in sorted(found.items()) if pictures]


def _coco_part(root: Path, split: str) -> Path:
    """`root`/train2017 or val2017 where both are there, else `root`."""
    parts = {name: root / f"{name}2017" for name in ("train", "val")}
    return parts[split] if all(part.is_dir() for part in parts.values()) else root


def _read_weights(table: Path) -> dict[str, float]:
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t")
        return {row[0]: float(row[1]) for row in rows if len(row) > 1 and re.fullmatch(r"[\d.]+", row[1])}


def _weight_of(key: str, listed: dict[str, float]) -> float:
    """The weight listed for exactly `key`, else for the last pattern that matches it, else 1."""
    matching = [w for pattern, w in listed.items() if fnmatch.fnmatch(key, pattern)]
    return listed.get(key, matching[-1] if matching else 1.0)


def _shard_members(path: Path) -> list[Picture]:
    """Members of a tar shard; one cut off in the middle gives what lies before the cut, with a warning."""
    size = path.stat().st_size
    members: list[Picture] = []
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                whole = member.offset_data + member.size <= size
                if member.isfile() and Path(member.name).suffix.lower() in PICTURE_SUFFIXES and whole:
                    members.append(Picture(path, member.offset_data, member.size, member.name))
    except tarfile.ReadError as exc:
        log.warning("%s: damaged shard (%s); %d pictures before the damage are used", path, exc, len(members))
    return members


class PictureReader:
    """Decodes pictures; shards stay mapped, so that threads can read them at once."""

    def __init__(self) -> None:
        self._maps: dict[Path, mmap.mmap] = {}

    def encoded(self, picture: Picture) -> bytes:
        """The picture's file as it lies on disk. Raises `OSError`."""
        if picture.size < 0:
            return picture.path.read_bytes()
        if picture.path not in self._maps:
            with picture.path.open("rb") as file:
                self._maps[picture.path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[picture.path][picture.offset : picture.offset + picture.size]

    def rgb(self, picture: Picture) -> np.ndarray | None:
        """uint8 `(H, W, 3)`, sRGB; None where the picture cannot be read or decoded."""
        try:
            data = np.frombuffer(self.encoded(picture), np.uint8)
        except OSError:
            return None
        try:
            bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        except cv2.error:  # a header that claims more pixels than OpenCV takes
            return None
        return None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def chroma_spread(rgb: np.ndarray) -> float:
    """Mean of (largest minus smallest of R, G, B), 0..255: a quick measure of how much colour there is. rgb: uint8 `(H, W, 3)`."""
    step = max(1, min(rgb.shape[:2]) // 48)
    small = rgb[::step, ::step]
    return float((small.max(2).astype(np.int16) - small.min(2)).mean())


class Batches:
    """Endless batches of crops, uint8 `(N, 3, S, S)`, prefetched by threads (decoding releases the interpreter lock).

    first: number of this process's first sample in the batch of all processes, so that two of 16 see what one of 32 sees.
    gray, broken: positions of the pictures left out so far, for want of colour or because they do not decode.
    """

    def __init__(
        self, sources: Sequence[Source], sampling: Sampling, batch_size: int, seed: int, threads: int = 1, first: int = 0
    ) -> None:
        self._pictures = [picture for source in sources for picture in source.pictures]
        weights = np.concatenate([np.full(len(s.pictures), s.weight) for s in sources])
        self._cumulative = np.cumsum(weights / weights.sum())
        self._sampling, self._batch_size, self._seed = sampling, batch_size, seed
        self._threads, self._first = threads, first
        self._reader = PictureReader()
        self.gray: set[int] = set()
        self.broken: set[int] = set()

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, step: int) -> np.ndarray:
        """The batch of `step`, uint8 `(N, 3, S, S)`; the same whenever it is asked for."""
        samples = range(self._first, self._first + self._batch_size)
        return np.stack([self._crop(np.random.default_rng((self._seed, step, n))) for n in samples])

    def from_step(self, step: int) -> Generator[np.ndarray, None, None]:
        """Batches of `step`, `step + 1`, ...; one more than there are threads is always under way. Close it to end the threads."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="decode") as pool:
            waiting: list[Future[np.ndarray]] = [pool.submit(self.batch, step + n) for n in range(self._threads + 1)]
            step += len(waiting)
            try:
                while True:
                    ready = waiting.pop(0).result()
                    waiting.append(pool.submit(self.batch, step))
                    step += 1
                    yield ready
            finally:
                for future in waiting:
                    future.cancel()

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        """One usable crop, uint8 `(3, S, S)`; unusable pictures are passed over by drawing again from the same generator."""
        for _ in range(1000):
            index = int(np.searchsorted(self._cumulative, rng.random()))
            keep_pale = rng.random() < self._sampling.pale_kept
            if index in self.gray or index in self.broken:
                continue
            rgb = self._reader.rgb(self._pictures[index])
            if rgb is None:
                self.broken.add(index)
                log.warning("%s: cannot be decoded and is left out", self._pictures[index].name)
                continue
            spread = chroma_spread(rgb)
            if spread < self._sampling.gray_below:
                self.gray.add(index)
                continue
            if spread < self._sampling.pale_below and not keep_pale:
                continue
            return random_resized_crop(rgb, self._sampling, rng)
        raise SourceError("no picture with colour in 1,000 draws; look at the data with `python -m trainer data check`")


def lightness_crops(roots: Sequence[Path], count: int, size: int = 256, seed: int = 0) -> list[np.ndarray]:
    """L float32 `(1, 1, size, size)`, 0..100, of random crops: what a generator sees in training."""
    crops = Batches(find_sources(roots), Sampling(size=size), count, seed).batch(0)
    return [rgb_to_lab(crop.astype(np.float32) / 255)[None, :1] for crop in crops]


def random_resized_crop(rgb: np.ndarray, sampling: Sampling, rng: np.random.Generator) -> np.ndarray:
    """A crop of random area and aspect, flipped half of the time. rgb: uint8 `(H, W, 3)`; returns uint8 `(3, S, S)`."""
    height, width = rgb.shape[:2]
    area = height * width * rng.uniform(*sampling.scale)
    ratio = np.exp(rng.uniform(-1, 1) * np.log(sampling.ratio))
    w = int(np.clip(round((area * ratio) ** 0.5), 1, width))
    h = int(np.clip(round((area / ratio) ** 0.5), 1, height))
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    crop = rgb[top : top + h, left : left + w]
    shrinks = h > sampling.size or w > sampling.size
    crop = cv2.resize(crop, (sampling.size, sampling.size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return np.ascontiguousarray(crop.transpose(2, 0, 1))  # (3, S, S)
