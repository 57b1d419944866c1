"""Compare a generator with films whose true colours are known, frame by frame: as for pictures, and how consistent it is over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path

import av
import cv2
import numpy as np

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.errors import SourceError
from batchcolor.generators import Generator
from batchcolor.generators.layout import network_shape
from batchcolor.metrics import ColorDistribution, WarpError
from batchcolor.suffixes import FILM_SUFFIXES

from .evaluate import (
    SIDE_MULTIPLE,
    colourfulness_by_factor,
    equalizing_factor,
    gray_rgb,
    lightness,
    merge,
    predict_ab,
    sampled_colourfulness,
)
from .metrics import rescore, score, summarize


@dataclass(frozen=True, slots=True)
class ClipScore:
    """One clip, at the network's size.

    Gains and colourfulness as for pictures; cdc and warp_error: see `metrics`, each beside the true clip's, and CDC also beside the
    gray clip's. equal_...: with chroma times `chroma_factor`, at 0.80 of the true colourfulness; nan where no factor leads there.
    """

    name: str
    frames: int
    gain_pooled: float
    ciede2000_cut: float
    colourfulness_ratio: float
    cdc: float
    cdc_true: float
    cdc_gray: float
    warp_error: float
    warp_error_true: float
    chroma_factor: float
    equal_gain_pooled: float
    equal_warp_error: float

    def as_dict(self) -> dict[str, float | str | None]:
        """Rounded; None for nan, which JSON has no word for."""
        values = asdict(self).items()
        return {name: (None if np.isnan(v) else round(v, 6)) if isinstance(v, float) else v for name, v in values}


def find_clips(data: Sequence[Path]) -> list[Path]:
    """Films among `data` and below its folders. Raises `SourceError` where there are none."""
    files = [path for root in data for path in ([root] if root.is_file() else sorted(root.rglob("*")))]
    clips = [path for path in files if path.suffix.lower() in FILM_SUFFIXES]
    if not clips:
        raise SourceError(f"{', '.join(map(str, data))}: no films in there")
    return clips


def evaluate_clip(generator: Generator, path: Path, network_size: int, frames: int) -> ClipScore:
    """Scores of the first `frames` frames. Raises `SourceError` where the film cannot be read or has fewer than two."""
    generator.eval()
    scores, coloured = [], []
    cdc = {name: ColorDistribution() for name in ("predicted", "true", "gray")}
    warp = {name: WarpError() for name in ("predicted", "true")}
    for number, rgb in enumerate(_frames(path, network_size, frames)):
        L = lightness(rgb)
        ab = predict_ab(generator, rgb, network_size, rgb.shape[:2])
        shown = {"predicted": merge(L, ab), "true": rgb, "gray": gray_rgb(L)}
        for name, picture in shown.items():
            cdc[name].add(picture)
        warp["predicted"].add(L[0], ab)
        warp["true"].add(L[0], rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[1:])
        coloured.append((L, ab, rgb))
        scores.append(score(f"{path.name}:{number}", shown["predicted"], shown["gray"], rgb))
    if len(scores) < 2:
        raise SourceError(f"{path}: has fewer than two frames; temporal figures need neighbours")
    summary = summarize(scores)
    factor = equalizing_factor(
        [colourfulness_by_factor(L, ab) for L, ab, _ in coloured], [sampled_colourfulness(rgb) for *_, rgb in coloured]
    )
    equal_gain = nan
    if factor is not None:
        scaled = ((merge(L, ab * np.float32(factor)), rgb) for L, ab, rgb in coloured)
        equal = [rescore(before, picture, rgb) for before, (picture, rgb) in zip(scores, scaled, strict=True)]
        equal_gain = summarize(equal).gain_pooled
    return ClipScore(
        name=path.name,
        frames=len(scores),
        gain_pooled=summary.gain_pooled,
        ciede2000_cut=summary.ciede2000_cut,
        colourfulness_ratio=summary.colourfulness_ratio,
        cdc=cdc["predicted"].value,
        cdc_true=cdc["true"].value,
        cdc_gray=cdc["gray"].value,
        warp_error=warp["predicted"].value,
        warp_error_true=warp["true"].value,
        chroma_factor=nan if factor is None else factor,
        equal_gain_pooled=equal_gain,
        equal_warp_error=nan if factor is None else warp["predicted"].value * factor**2,  # of squares of ab
    )


def _frames(path: Path, network_size: int, count: int) -> Iterator[np.ndarray]:
    """Frames as uint8 RGB at the network's size."""
    try:
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number >= count:
                    return
                rgb = frame.to_ndarray(format="rgb24")
                height, width = network_shape(rgb.shape[0], rgb.shape[1], network_size, SIDE_MULTIPLE)
                yield cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    except (av.error.FFmpegError, IndexError) as exc:
        raise SourceError(f"{path}: cannot be decoded ({exc}); check that it is a film") from exc


def means(scores: Sequence[ClipScore]) -> dict[str, float | str | None]:
    """Means over clips, named `mean`."""
    rows = [asdict(score) for score in scores]
    numbers = {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if name not in ("name", "frames")}
    return ClipScore(name="mean", frames=sum(score.frames for score in scores), **numbers).as_dict()
