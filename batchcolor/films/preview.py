"""Contact sheets: one frame a shot, before and after, without the time that a whole film takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from ..color.conversion import lab_to_rgb
from ..color.upsampling import UPSCALERS, apply_map
from ..engines.colorizer import Colorizer
from ..errors import SourceError
from ..imaging.contact_sheet import Cell, contact_sheet, write_picture
from ..runtime.thread_budget import allowed
from ..settings import Settings
from .damage import clock
from .input.lightness import lightness
from .input.part import frames_within
from .input.planes import luma_plane, small_lightness, to_picture_format
from .input.probe import FilmInfo, probe
from .output.encode import PictureFormat, picture_format
from .output.encoders import CODECS
from .shots.color import ShotColor, Treatment, frame_color, small_lab, treatment
from .shots.cuts import shots
from .time_range import TimeRange

_WIDE, _TALL = 360, 270  # of a picture, at the most
_ACROSS, _DOWN = 3, 10  # shots on a page
_CUT_SIZE = (256, 192)
_TOGETHER = 16  # shots that the network sees at once


class _Look(NamedTuple):
    """A frame while nobody knows yet whether its shot ends here."""

    seconds: Fraction
    frame: av.VideoFrame
    L: np.ndarray


class _Still(NamedTuple):
    """The frame that stands for a shot, upright. shown: L at the sheet's size; seen: L at the network's; own: ab at the sheet's size,
    where the shot keeps its own."""

    seconds: Fraction
    shown: np.ndarray
    seen: np.ndarray
    own: np.ndarray | None


def preview(source: Path, target: Path, colorizer: Colorizer, settings: Settings) -> list[Path]:
    """Write contact sheets of the film `source`; returns their paths, made from `target` (.jpg) by a number where there are several.

    Raises `SourceError`, `OutputError`.
    """
    info = probe(source)
    stills = _stills(source, info, colorizer, TimeRange.of(settings.film, info), settings)
    pages: list[Path] = []
    cells = _cells(stills, colorizer, settings)
    for number in itertools.count(1):
        page = list(itertools.islice(cells, _ACROSS * _DOWN))
        if not page and pages:
            return pages
        if not page:
            raise SourceError(f"{source}: not one picture could be decoded; the file is damaged, cut off or shorter")
        path = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        write_picture(path, contact_sheet(page, columns=_ACROSS))
        pages.append(path)
    raise AssertionError("counts for ever")


def _stills(source: Path, info: FilmInfo, colorizer: Colorizer, window: TimeRange, settings: Settings) -> Iterator[_Still]:
    """One frame of each shot: the last of those numbered 1, 2, 4, 8, ..., so from its second half; no shot is kept in memory."""
    picture = picture_format(info, CODECS["ffv1"])
    with frames_within(source, info, window, threads=allowed()) as (_, tick, frames):
        looks = (_look(frame, tick, info, picture) for frame, _ in frames)
        for _, shot in itertools.groupby(shots(looks, lambda look: look.L), key=lambda pair: pair[0]):
            chosen = None
            for n, (_, look) in enumerate(shot, 1):
                if n & (n - 1) == 0:
                    chosen = look
            if chosen is not None:
                yield _still(chosen, info, picture, colorizer, settings)


def _look(frame: av.VideoFrame, tick: Fraction, info: FilmInfo, picture: PictureFormat) -> _Look:
    small = cv2.resize(luma_plane(to_picture_format(frame, info, picture)), _CUT_SIZE, interpolation=cv2.INTER_LINEAR)
    return _Look(frame.pts * tick, frame, lightness(small, picture.coding))


def _still(look: _Look, info: FilmInfo, picture: PictureFormat, colorizer: Colorizer, settings: Settings) -> _Still:
    height, width = info.display_size
    scale = min(_WIDE / max(width, 1), _TALL / max(height, 1))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    same = to_picture_format(look.frame, info, picture)
    shown = lightness(cv2.resize(luma_plane(same), size, interpolation=cv2.INTER_AREA), picture.coding)
    color = frame_color(look.frame, info) or ShotColor.GRAY
    kept = treatment(color, settings.photo.color_pages, settings.film.tints) is Treatment.KEEP
    turns = info.rotation // 90
    seen = small_lightness(same, info, picture, colorizer)
    own = small_lab(look.frame, info, size)[1:] if kept else None
    return _Still(
        look.seconds,
        np.ascontiguousarray(np.rot90(shown, turns)),
        np.ascontiguousarray(np.rot90(seen, turns)),
        None if own is None else np.ascontiguousarray(np.rot90(own, turns, axes=(1, 2))),
    )


def _cells(stills: Iterator[_Still], colorizer: Colorizer, settings: Settings) -> Iterator[Cell]:
    """Each shot's frame before and after."""
    number = itertools.count(1)
    upscaled = UPSCALERS[settings.color.upscaling]
    while batch := list(itertools.islice(stills, _TOGETHER)):
        for still, ab in zip(batch, colorizer.ab([still.seen for still in batch]), strict=True):
            coarse = upscaled(still.seen, ab * np.float32(settings.color.saturation))
            colored = apply_map(coarse, still.shown) if still.own is None else still.own
            pictures = [
                (lab_to_rgb(still.shown[None], planes) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
                for planes in (np.zeros((2, *still.shown.shape), np.float32), colored)
            ]
            yield Cell(pictures, caption=f"{next(number)}   {clock(float(still.seconds))}")
