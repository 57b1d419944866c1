"""Chosen colours of a film: which shot each belongs to, and jobs that carry them through their shots.

A job writes one file a shot into the film's work folder, named after everything it depends on; the chunks that hold frames of the shot
name that file. So chunks know nothing of each other, and an edit touches those of its own shots alone.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...colours.files import sha256_of
from ...colours.model import ChosenColours, Mask, Point, Reference, Rule, ShotSetting
from ...colours.pictures import read_mask, read_reference
from ...colours.spread import Disc
from ...colours.still import Hint, PictureColours, Still, one_colour, scaled
from ...engines.colorizer import Colorizer
from ...errors import UsageError
from ...executors import JobContext
from ...runtime.file_hash import file_sha256
from ..chroma.point_spread import PointSpread, spread_over_shot
from ..chroma.propagation import (
    LayerOnFrame,
    PointOnFrame,
    ShotColours,
    ShotFrames,
    propagate_layer,
    propagate_points,
    reach_of,
)
from ..input.interlacing import deinterlace
from ..input.planes import small_lightness, to_picture_format
from ..input.probe import FilmInfo
from ..picture_format import PictureFormat
from ..shots.first_pass import FrameInfo
from .frames import ChunkFrames
from .plan import Chunk, chunk_of

_ROUNDING_S = 1e-3  # times in files are rounded to milliseconds


@dataclass(frozen=True, slots=True)
class Entry:
    """A choice on a frame of a shot. frame: counted from the shot's first; reach: frames that it may be carried to, first and last."""

    chosen: Point | Reference | Mask
    frame: int
    reach: tuple[int, int]
    place: str


@dataclass(frozen=True, slots=True)
class ChosenShot:
    """What was chosen for one shot. chunk: all of its frames; name: of its file."""

    chunk: Chunk
    entries: tuple[Entry, ...]
    saturation: float
    name: str

    @property
    def for_scene(self) -> bool:
        """Whether later shots that return to this one may take over its colours."""
        return self.saturation == 1 and all(entry.chosen.through.kind == "scene" for entry in self.entries)


@dataclass(frozen=True, slots=True)
class WholeFilm:
    """What was chosen for every frame: rules, and masks without a time."""

    rules: tuple[Rule, ...] = ()
    masks: tuple[Mask, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of it, "" for nothing."""
        if not self.rules and not self.masks:
            return ""
        pictures = [file_sha256(mask.picture) for mask in self.masks]
        return sha256_of([self.rules, self.masks, pictures])

    def at(self, shape: tuple[int, int], saturation: float) -> PictureColours:
        """For a picture that the network sees at `shape`. saturation: as `picture_colours` has it."""
        scale = 1 / saturation if saturation > 0 else 1.0
        masks = tuple(one_colour(mask.colour.ab, read_mask(mask.picture, shape), scale) for mask in self.masks)
        return PictureColours(masks=masks, rules=self.rules)


NOTHING_CHOSEN = WholeFilm()


def of_whole_film(chosen: ChosenColours) -> WholeFilm:
    masks = tuple(mask for mask in chosen.item.masks if mask.time is None and mask.frame is None)
    return WholeFilm(chosen.rules, masks)


def chosen_shots(
    chosen: ChosenColours, frames: Sequence[FrameInfo], tick: Fraction, begins: Fraction, *, whole: bool
) -> list[ChosenShot]:
    """The shots for which something was chosen. frames: all of the film, or of the part that is wanted (not `whole`).

    begins: seconds at which film time begins. Raises `UsageError` for a time or frame beyond the end.
    """
    times = [float(frame.pts * tick) for frame in frames]
    bounds = [n for n in range(len(frames)) if n == 0 or frames[n].shot != frames[n - 1].shot] + [len(frames)]
    item, path = chosen.item, chosen.item.path
    entries: dict[int, list[Entry]] = {}
    saturations: dict[int, float] = {}
    for place, each in _named(item):
        at = _frame_of(each, f"{path}: {place}", times, frames, tick, float(begins), whole)
        if at is None:
            continue
        shot = bisect.bisect_right(bounds, at) - 1
        start, end = bounds[shot], bounds[shot + 1]
        if isinstance(each, ShotSetting):
            saturations[shot] = each.saturation
            continue
        first, last = reach_of(each.through, at, times)
        reach = max(first, start) - start, min(last, end - 1) - start
        entries.setdefault(shot, []).append(Entry(each, at - start, reach, place))
    return [
        _shot(chunk_of(frames[bounds[shot] : bounds[shot + 1]]), tuple(entries.get(shot, ())), saturations.get(shot, 1.0))
        for shot in sorted(entries.keys() | saturations.keys())
    ]


def _shot(chunk: Chunk, entries: tuple[Entry, ...], saturation: float) -> ChosenShot:
    pictures = [file_sha256(entry.chosen.picture) for entry in entries if not isinstance(entry.chosen, Point)]
    told = [[dataclasses.replace(entry.chosen, note=""), entry.frame, entry.reach] for entry in entries]
    return ChosenShot(chunk, entries, saturation, f"colours-{sha256_of([chunk.name, told, pictures, saturation])[:24]}.npz")


def _named(item: Any) -> Iterator[tuple[str, Any]]:
    for key, found in (("point", item.points), ("reference", item.references), ("mask", item.masks), ("shot", item.shots)):
        for number, each in enumerate(found, 1):
            if key != "mask" or each.time is not None or each.frame is not None:
                yield f"{key} {number}", each


def _frame_of(
    each: Any, place: str, times: Sequence[float], frames: Sequence[FrameInfo], tick: Fraction, begins: float, whole: bool
) -> int | None:
    """Index of the frame that is meant; None where it lies outside the part that is wanted."""
    if each.frame is not None:
        if not whole:
            raise UsageError(
                f"{place} has a frame, which cannot be counted where only a part of the film is wanted; give a time"
            )
        if each.frame >= len(frames):
            raise UsageError(f"{place}, frame = {each.frame}: the film has {len(frames)} frames; give an earlier one")
        return int(each.frame)
    seconds = begins + each.time + _ROUNDING_S
    ends = times[-1] + float((frames[-1].duration or 0) * tick) + _ROUNDING_S
    if seconds > max(ends, times[-1] + 2 * _ROUNDING_S) or seconds < times[0]:
        if whole and seconds >= times[0]:
            raise UsageError(f"{place}, time = {each.time:g}: the film ends after {ends - begins:.3f} s; give an earlier time")
        return 0 if whole else None
    return bisect.bisect_right(times, seconds) - 1


def _breaks(entries: Sequence[Entry], frames: int) -> tuple[int, ...]:
    """Frames of a shot of so many at which a choice that does not hold through it begins or has ended."""
    ends = {each for entry in entries for each in (entry.reach[0], entry.reach[1] + 1)}
    return tuple(sorted(each for each in ends if 0 < each < frames))


def marked(frames: Sequence[FrameInfo], shots: Sequence[ChosenShot]) -> list[FrameInfo]:
    """The frames, those of the shots with the name of their shot's file and their place in the shot.

    Shots return neither to one whose colours were chosen for itself alone, nor where they have chosen colours of their own.
    """
    alone = {shot.chunk.first_time for shot in shots if not shot.for_scene}
    closed: set[int] = set()
    names = {shot.chunk.first_time: shot.name for shot in shots}
    found: list[FrameInfo] = []
    name, place = "", 0
    for n, frame in enumerate(frames):
        if n == 0 or frame.shot != frames[n - 1].shot:
            name, place = names.get(frame.pts, ""), 0
            if frame.pts in alone:
                closed.add(frame.shot)
        returns = None if name or frame.returns in closed else frame.returns
        found.append(frame._replace(chosen=name, in_shot=place if name else 0, returns=returns))
        place += 1
    return found


@dataclass(frozen=True, slots=True)
class CarryWork:
    """Carries what was chosen through a shot. saturation: of the run, by which its results will be multiplied. whole: what was chosen
    for all of the film."""

    source: Path
    info: FilmInfo
    picture: PictureFormat
    folder: Path
    colorizer: Callable[[], Colorizer]
    saturation: float
    deinterlaces: bool
    whole: WholeFilm

    def prepare(self) -> None:
        self.colorizer()

    def __call__(self, shot: ChosenShot, context: JobContext) -> list[tuple[str, int]]:
        """Write the shot's file. Returns points that were lost: their places in the file, and the frame's film time in ticks.

        Raises `UsageError` for a picture that does not match its frame, `SourceError`, `OutputError`.
        """
        colorizer = self.colorizer()
        found = ChunkFrames(self.source, self.info, self.picture, shot.chunk)
        frames = deinterlace(found) if shot.chunk.interlaced and self.deinterlaces else iter(found)
        turns = self.info.rotation // 90
        lightness = []
        for frame in frames:
            L = small_lightness(to_picture_format(frame, self.info, self.picture), self.info, self.picture, colorizer)
            lightness.append(np.rint(np.rot90(L, turns) * np.float32(2.55)).clip(0, 255).astype(np.uint8))
        seen = ShotFrames(lightness)
        scale = 1 / self.saturation if self.saturation > 0 else 1.0
        points, references, masks = self._placed(shot.entries, lightness, scale)
        tracks, lost = propagate_points(seen, points)
        carried = ShotColours(
            tracks=tracks,
            sizes=np.array([point.hint.disc.size for point in points], np.float32),
            colours=np.array([point.hint.ab for point in points], np.float32).reshape(-1, 2),
            keys=tuple(sorted({entry.frame for entry in shot.entries})),
            breaks=_breaks(shot.entries, len(lightness)),
            references=tuple(propagate_layer(seen, each) for each in references),
            masks=tuple(propagate_layer(seen, each) for each in masks),
            saturation=shot.saturation,
        )
        dataclasses.replace(carried, spread=self._spread(seen, carried)).save(self.folder / shot.name)
        return [(place, shot.chunk.times[frame]) for place, frame in lost]

    def _spread(self, seen: ShotFrames, carried: ShotColours) -> PointSpread | None:
        reached = np.isfinite(carried.tracks[..., 0]).any(1)
        if not reached.any():
            return None
        shape = seen.frames[0].shape[0], seen.frames[0].shape[1]
        whole, colorizer = self.whole.at(shape, self.saturation), self.colorizer()

        def corrections(frames: Sequence[int]) -> Iterator[np.ndarray]:
            for start in range(0, len(frames), colorizer.batch_size):
                some = frames[start : start + colorizer.batch_size]
                stills = Still.of_all(colorizer, [seen.frames[n].astype(np.float32) / np.float32(2.55) for n in some])
                for n, still in zip(some, stills, strict=True):
                    yield still.point_correction(whole + carried.at(n, shape))

        return spread_over_shot(reached, carried.keys, carried.breaks, shape, corrections, seen.step)

    def _placed(
        self, entries: Sequence[Entry], lightness: Sequence[np.ndarray], scale: float
    ) -> tuple[list[PointOnFrame], list[LayerOnFrame], list[LayerOnFrame]]:
        points, references, masks = [], [], []
        for entry in entries:
            chosen = entry.chosen
            L = lightness[entry.frame].astype(np.float32) / np.float32(2.55)
            if isinstance(chosen, Point):
                ab = (chosen.colour.a * scale, chosen.colour.b * scale)
                hint = Hint(Disc(*chosen.at, chosen.size), ab)
                points.append(PointOnFrame(entry.frame, hint, entry.reach, entry.place))
            elif isinstance(chosen, Reference):
                layer = scaled(read_reference(chosen.picture, L), scale)
                references.append(LayerOnFrame(entry.frame, layer, entry.reach))
            else:
                layer = one_colour(chosen.colour.ab, read_mask(chosen.picture, L.shape), scale)
                masks.append(LayerOnFrame(entry.frame, layer, entry.reach))
        return points, references, masks
