"""Whether shots are black-and-white, tinted or in colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import av.error
import numpy as np

from ...color.conversion import rgb_to_lab
from ...color.tone import has_color
from ...settings import ColorPages, Tints
from ..input.planes import SWSCALE_MATRIX, is_rgb
from ..input.probe import FilmInfo, picture_stream, reading

_SIZE = (128, 96)  # of the picture that is judged
_EVERY = 4  # frames, of which one is looked at: shots that have a colour have it on all of them
_TINT = 4.0  # median chroma, in ab units, from which a picture without colours of its own counts as tinted
_DARK = 4.0  # L up to which 95 of 100 pixels are black leader, which tells nothing
_PLACES = 12  # of a film, at which a frame is looked at for a first guess
_MOSTLY = 0.8  # of these frames must be in colour; it may yet begin with black-and-white
_LEARNED_FROM = 100  # frames of a shot that are waited for


Item = TypeVar("Item")


class ShotColor(StrEnum):
    """What a shot's own colour is. TINTED: one tint for each lightness, as of tinted, toned and faded prints."""

    GRAY = "gray"
    TINTED = "tinted"
    COLOR = "color"


class Treatment(StrEnum):
    """What is done with a shot. BLEND: the network's colours, half, and the shot's own tint, half."""

    COLORIZE = "colorize"
    KEEP = "keep"
    BLEND = "blend"


def treatment(color: ShotColor, color_pages: ColorPages, tints: Tints) -> Treatment:
    """What the settings say about a shot of this colour."""
    if color is ShotColor.COLOR and color_pages != "recolor":
        return Treatment.KEEP
    if color is ShotColor.TINTED and tints != "remove":
        return Treatment.KEEP if tints == "keep" else Treatment.BLEND
    return Treatment.COLORIZE


class ColorDetector:
    """Tells for frames, in order, what their colour is; None: not looked at, or too dark to tell."""

    def __init__(self, info: FilmInfo) -> None:
        self._info = info
        self._count = -1

    def color(self, frame: av.VideoFrame) -> ShotColor | None:
        self._count += 1
        return None if self._count % _EVERY else frame_color(frame, self._info)


def frame_color(frame: av.VideoFrame, info: FilmInfo) -> ShotColor | None:
    """The colour of one frame; None where it is too dark to tell."""
    if len([c for c in frame.format.components if not c.is_alpha]) < 3 and not frame.format.has_palette:
        return ShotColor.GRAY
    lab = small_lab(frame, info, _SIZE)
    if float(np.percentile(lab[0], 95)) < _DARK:
        return None
    if has_color(lab):
        return ShotColor.COLOR
    chroma = np.hypot(lab[1], lab[2])
    lit = chroma[lab[0] > _DARK]
    return ShotColor.TINTED if float(np.median(lit)) > _TINT else ShotColor.GRAY


def seems_in_color(source: Path, info: FilmInfo) -> bool:
    """A quick guess at a whole film, from frames at some places: whether all of it may be in colour."""
    colors = [color for color in _sampled(source, info) if color is not None]
    return bool(colors) and colors.count(ShotColor.COLOR) >= _MOSTLY * len(colors)


def _sampled(source: Path, info: FilmInfo) -> Iterator[ShotColor | None]:
    with reading(source) as container:
        stream = picture_stream(source, container)
        for n in range(_PLACES if info.duration_s and info.seekable else 1):
            try:
                if n:
                    seconds = info.origin + info.begins + Fraction(info.duration_s or 0.0) * n / _PLACES
                    container.seek(int(seconds / stream.time_base), stream=stream)
                frame = next(container.decode(stream))
            except (av.error.FFmpegError, StopIteration, OverflowError):
                continue
            yield frame_color(frame, info)


def small_lab(frame: av.VideoFrame, info: FilmInfo, size: tuple[int, int]) -> np.ndarray:
    """CIELAB float32 `(3, h, w)` of a frame, scaled to `size` (width, height)."""
    rgb = frame.reformat(
        *size,
        "rgb24",
        src_colorspace=SWSCALE_MATRIX[info.matrix],
        dst_colorspace=SWSCALE_MATRIX[info.matrix],
        src_color_range="JPEG" if info.full_range or is_rgb(frame.format) else "MPEG",
        dst_color_range="JPEG",
        interpolation="AREA",
    ).to_ndarray()
    lab: np.ndarray = rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)
    return lab


def with_colors(frames: Iterable[tuple[int, Item, ShotColor | None]]) -> Iterator[tuple[int, Item, ShotColor]]:
    """(shot, frame, colour of the shot) for (shot, frame, its own colour or None), in order, at most a hundred frames behind.

    A shot has the colour that at least half of its frames have, of those that can be judged; the first hundred speak for the rest.
    """
    waiting: list[tuple[int, Item]] = []
    votes: Counter[ShotColor] = Counter()
    decided: tuple[int, ShotColor] | None = None
    for shot, item, seen in frames:
        if waiting and waiting[-1][0] != shot:
            verdict = _verdict(votes)
            yield from ((number, held, verdict) for number, held in waiting)
            waiting.clear()
        if decided is not None and decided[0] == shot:
            yield shot, item, decided[1]
            continue
        if not waiting:
            votes.clear()
            decided = None
        waiting.append((shot, item))
        if seen is not None:
            votes[seen] += 1
        if len(waiting) == _LEARNED_FROM:
            decided = shot, _verdict(votes)
            yield from ((number, held, decided[1]) for number, held in waiting)
            waiting.clear()
    yield from ((number, held, _verdict(votes)) for number, held in waiting)


def _verdict(votes: Counter[ShotColor]) -> ShotColor:
    for color in (ShotColor.COLOR, ShotColor.TINTED):
        if votes[color] * 2 >= max(1, votes.total()):
            return color
    return ShotColor.GRAY
