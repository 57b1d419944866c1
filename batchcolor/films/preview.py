"""Previews of films: contact sheets with one frame of each shot, before and after."""

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
from ..imaging.contact_sheet import Cell, contact_sheet, write_picture
from ..runtime.thread_budget import allowed
from ..settings import Settings
from .input.damage import clock
from .input.lightness import lightness
from .input.part import frames_within
from .input.planes import luma_plane, small_lightness, to_picture_format
from .input.probe import FilmInfo, probe
from .input.time_range import TimeRange
from .output.encode import picture_format
from .output.encoders import CODECS
from .picture_format import PictureFormat
from .shots.color import ShotColor, Treatment, frame_color, small_lab, treatment
from .shots.cuts import shots

_MAX_WIDTH, _MAX_HEIGHT = 360, 270  # of a picture
_ACROSS, _DOWN = 3, 10  # shots on a page
_CUT_SIZE = (256, 192)
_BATCH = 16  # shots in a batch of the network


class _Candidate(NamedTuple):
    """A frame that may come to represent its shot."""

    seconds: Fraction
    frame: av.VideoFrame
    L: np.ndarray


class _Still(NamedTuple):
    """The frame that represents a shot, upright. shown: L at the sheet's size; network_input: L at the network's; own: ab at the
    sheet's size if the shot keeps its own colours."""

    seconds: Fraction
    shown: np.ndarray
    network_input: np.ndarray
    own: np.ndarray | None


def preview(source: Path, target: Path, colorizer: Colorizer, settings: Settings) -> list[Path]:
    """Write contact sheets of the film `source`; returns their paths, made from `target` (.jpg) by a number where there are several.

    Raises `SourceError`, `OutputError`.
    """
    info = probe(source)
    window = TimeRange.of(settings.film, info)
    stills = _stills(source, info, colorizer, window, settings)
    pages: list[Path] = []
    cells = _cells(stills, colorizer, settings)
    for number in itertools.count(1):
        page = list(itertools.islice(cells, _ACROSS * _DOWN))
        if not page and pages:
            return pages
        if not page:
            raise window.without_frames(source)
        path = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        write_picture(path, contact_sheet(page, columns=_ACROSS))
        pages.append(path)
    raise AssertionError("unreachable")


def _stills(source: Path, info: FilmInfo, colorizer: Colorizer, window: TimeRange, settings: Settings) -> Iterator[_Still]:
    """One frame of each shot: the last of those numbered 1, 2, 4, 8, ..., so from its second half; no shot is kept in memory."""
    picture = picture_format(info, CODECS["ffv1"])
    with frames_within(source, info, window, threads=allowed()) as (_, tick, frames):
        candidates = (_candidate(frame, tick, info, picture) for frame, _ in frames)
        for _, shot in itertools.groupby(shots(candidates, lambda each: each.L), key=lambda pair: pair[0]):
            chosen = None
            for n, (_, candidate) in enumerate(shot, 1):
                if n & (n - 1) == 0:
                    chosen = candidate
            if chosen is not None:
                yield _still(chosen, info, picture, colorizer, settings)


def _candidate(frame: av.VideoFrame, tick: Fraction, info: FilmInfo, picture: PictureFormat) -> _Candidate:
    small = cv2.resize(luma_plane(to_picture_format(frame, info, picture)), _CUT_SIZE, interpolation=cv2.INTER_LINEAR)
    return _Candidate(frame.pts * tick, frame, lightness(small, picture.coding))


def _still(candidate: _Candidate, info: FilmInfo, picture: PictureFormat, colorizer: Colorizer, settings: Settings) -> _Still:
    height, width = info.display_size
    scale = min(_MAX_WIDTH / max(width, 1), _MAX_HEIGHT / max(height, 1))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    same = to_picture_format(candidate.frame, info, picture)
    shown = lightness(cv2.resize(luma_plane(same), size, interpolation=cv2.INTER_AREA), picture.coding)
    color = frame_color(candidate.frame, info) or ShotColor.GRAY
    keeps_color = treatment(color, settings.photo.color_pages, settings.film.tints) is Treatment.KEEP
    turns = info.rotation // 90
    network_input = small_lightness(same, info, picture, colorizer)
    own = small_lab(candidate.frame, info, size)[1:] if keeps_color else None
    return _Still(
        candidate.seconds,
        np.ascontiguousarray(np.rot90(shown, turns)),
        np.ascontiguousarray(np.rot90(network_input, turns)),
        None if own is None else np.ascontiguousarray(np.rot90(own, turns, axes=(1, 2))),
    )


def _cells(stills: Iterator[_Still], colorizer: Colorizer, settings: Settings) -> Iterator[Cell]:
    """Each shot's frame before and after."""
    number = itertools.count(1)
    upscaled = UPSCALERS[settings.color.upscaling]
    while batch := list(itertools.islice(stills, _BATCH)):
        for still, ab in zip(batch, colorizer.ab([still.network_input for still in batch]), strict=True):
            coarse = upscaled(still.network_input, ab * np.float32(settings.color.saturation))
            colored = apply_map(coarse, still.shown) if still.own is None else still.own
            pictures = [
                (lab_to_rgb(still.shown[None], planes) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
                for planes in (np.zeros((2, *still.shown.shape), np.float32), colored)
            ]
            yield Cell(pictures, caption=f"{next(number)}   {clock(float(still.seconds))}")
