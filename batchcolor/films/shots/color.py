"""Whether shots are black-and-white, tinted or in colour."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import av.error
import numpy as np

from ...color.conversion import coded_rgb_to_lab
from ...color.tone import has_color
from ...settings import ColorPages, Tints
from ..input.planes import SWSCALE_MATRIX, is_rgb
from ..input.probe import FilmInfo, picture_stream, reading

_SIZE = (80, 60)  # of the picture that is judged
_TINT = 4.0  # median chroma, in ab units, from which a picture without colours of its own counts as tinted
_DARK = 4.0  # L up to which 95 of 100 pixels are black leader, which tells nothing
_PLACES = 12  # of a film, at which a frame is looked at for a first guess
_MOSTLY = 0.8  # of these frames must be in colour; it may yet begin with black-and-white
_EDGE = 12  # frames on either side of a cut that may belong to the other: cuts are found by structure, not by colour
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


def frame_color(frame: av.VideoFrame, info: FilmInfo) -> ShotColor | None:
    """The colour of one frame; None where it is too dark to tell."""
    if len([c for c in frame.format.components if not c.is_alpha]) < 3 and not frame.format.has_palette:
        return ShotColor.GRAY
    if frame.format.name in ("yuv420p", "yuv422p", "yuv444p", "yuvj420p") and _is_neutral(frame):
        return ShotColor.GRAY
    lab = small_lab(frame, info, _SIZE)
    if float(np.percentile(lab[0], 95)) < _DARK:
        return None
    if has_color(lab):
        return ShotColor.COLOR
    chroma = np.hypot(lab[1], lab[2])
    lit = chroma[lab[0] > _DARK]
    return ShotColor.TINTED if float(np.median(lit)) > _TINT else ShotColor.GRAY


def _is_neutral(frame: av.VideoFrame) -> bool:
    """A quick look at some chroma samples of 8 bits: whether all are within two codes of gray."""
    for plane in frame.planes[1:3]:
        sampled = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height : 8, : plane.width : 8]
        if int(sampled.min()) < 126 or int(sampled.max()) > 130:
            return False
    return True


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
    return coded_rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255, info.primaries, info.transfer)


def with_colors(frames: Iterable[tuple[int, Item, ShotColor | None]]) -> Iterator[tuple[int, Item, ShotColor]]:
    """(shot, frame, colour of the shot) for (shot, frame, its own colour or None), in order, at most 112 frames behind.

    A shot has the colour that at least half of its frames have, of those that can be judged; the first hundred speak for the rest. Where
    a cut lies between shots of two colours, it is moved to where the colour changes, if that is near.
    """
    held: deque[tuple[int, Item, ShotColor | None]] = deque()  # the last frames of shots that are decided
    before: ShotColor | None = None  # the colour of the shot that they belong to
    for _, group in itertools.groupby(frames, key=lambda frame: frame[0]):
        shot = iter(group)
        start = list(itertools.islice(shot, _LEARNED_FROM))
        number = start[0][0]
        color = _verdict(Counter(seen for _, _, seen in start if seen is not None))
        if before is not None:
            moved = _trailing(held, color) if color is not before else 0
            while held:
                own, item, _ = held.popleft()
                yield (number, item, color) if len(held) < moved else (own, item, before)
            moved = 0 if moved or color is before else _leading(start, before)
            yield from ((number - 1, item, before) for _, item, _ in start[:moved])
            start = start[moved:]
        for frame in itertools.chain(start, shot):
            held.append(frame)
            if len(held) > _EDGE:
                own, item, _ = held.popleft()
                yield own, item, color
        before = color
    yield from ((own, item, before) for own, item, _ in held if before is not None)


def _leading(frames: Sequence[tuple[int, Item, ShotColor | None]], color: ShotColor) -> int:
    """How many of the first frames have this colour; as many as may be moved over a cut."""
    count = len(list(itertools.takewhile(lambda frame: frame[2] is color, frames[: _EDGE + 1])))
    return count if count <= _EDGE and count < len(frames) else 0


def _trailing(frames: deque[tuple[int, Item, ShotColor | None]], color: ShotColor) -> int:
    """How many of the last frames have this colour."""
    count = len(list(itertools.takewhile(lambda frame: frame[2] is color, reversed(frames))))
    return count if count < _EDGE else 0


def _verdict(votes: Counter[ShotColor]) -> ShotColor:
    for color in (ShotColor.COLOR, ShotColor.TINTED):
        if votes[color] * 2 >= max(1, votes.total()):
            return color
    return ShotColor.GRAY
