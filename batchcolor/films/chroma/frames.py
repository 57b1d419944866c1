"""Predicts the chroma of a stream of frames: motion, key frames, the generator, smoothing."""

from __future__ import annotations

import bisect
import collections
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import av
import numpy as np

from ...colours.still import PictureColours, Still
from ...engines.colorizer import Colorizer
from ...settings import FilmSettings
from .key_frames import KeyFrames, key_frames
from .motion import MotionEstimator, Step
from .propagation import ShotColours
from .returning import EarlierFrame, TakenOver
from .smoothers import smoother_of
from .smoothing import MAX_WEIGHT, ShotFrame

# Before a seam between chunks, colour must not depend on where it began: it is forgotten, by so much a frame, and key frames are closer.
_OVERLAP_MEMORY, _OVERLAP_SPACING = 0.95, 8
_PENDING = 16  # frames that may wait for enough key frames to fill a batch


class DecodedFrame(NamedTuple):
    """A decoded frame and its small lightness, the input of network and smoother: L float32 `(h, w)`, 0..100."""

    frame: av.VideoFrame
    L: np.ndarray


class ColorizedFrame(NamedTuple):
    """As `DecodedFrame`, with ab float32 `(2, h', w')`, h' <= h."""

    frame: av.VideoFrame
    L: np.ndarray
    ab: np.ndarray


@dataclass(slots=True)
class ColorCounts:
    """keys: frames on which the generator ran."""

    keys: int = 0


@dataclass(frozen=True, slots=True)
class ChosenFrames:
    """Colours that somebody chose. shots: by the number of a shot, what holds there and the place of its first frame in its shot. whole:
    what holds on every frame, for a picture that the network sees at a shape (h, w). earlier: by the number of a shot that returns to an
    earlier one, the last frame of that; with motion only."""

    shots: Mapping[int, tuple[ShotColours, int]] = field(default_factory=dict)
    whole: Callable[[tuple[int, int]], PictureColours] | None = None
    earlier: Mapping[int, EarlierFrame] = field(default_factory=dict)

    def whole_film(self, shape: tuple[int, ...]) -> PictureColours:
        return PictureColours() if self.whole is None else self.whole((shape[0], shape[1]))


class _Planned(NamedTuple):
    """A frame, the number of its shot, the motion that leads to it, and whether the generator runs on it; what was chosen for its shot,
    its place there, and the part of the shot between breaks; the share of its weight that carried colour keeps."""

    decoded: DecodedFrame
    shot: int
    step: Step | None
    is_key: bool
    chosen: ShotColours | None
    in_shot: int
    part: int
    memory: float


def colorize_frames(
    frames: Iterable[tuple[int, DecodedFrame]],
    colorizer: Colorizer,
    *,
    settings: FilmSettings,
    quarter_turns: int,
    counts: ColorCounts,
    overlaps: Sequence[range] = (),
    chosen: ChosenFrames | None = None,
) -> Iterator[ColorizedFrame]:
    """Every frame with its chroma, in order, a bounded number of frames behind the input.

    frames: each with the number of its shot. quarter_turns: counter-clockwise, from the frames as stored to the frames as displayed,
    which is how the network sees them. overlaps: frames before a seam, counted from 0, that two chunks color and that look the same in
    both at its end (`Chunk.overlaps`). chosen: colours that somebody chose.
    """
    chosen = chosen or ChosenFrames()
    with_motion = settings.smooth == "flow"
    decide = key_frames(settings.key_frames if with_motion else "every")
    planned = _planned(frames, decide, with_motion, overlaps, chosen)
    predicted = _predicted(planned, colorizer, quarter_turns, counts, chosen)
    smooth = smoother_of(settings.smooth)
    for _, shot in itertools.groupby(predicted, key=lambda pair: (pair[0].shot, pair[0].part)):
        waiting: collections.deque[DecodedFrame] = collections.deque()  # frames inside the smoother
        for ab in smooth(_remembered(shot, waiting)):
            decoded = waiting.popleft()
            yield ColorizedFrame(decoded.frame, decoded.L, ab)


def _planned(
    numbered: Iterable[tuple[int, DecodedFrame]],
    decide: Callable[[], KeyFrames],
    with_motion: bool,
    overlaps: Sequence[range],
    chosen: ChosenFrames,
) -> Iterator[_Planned]:
    estimator = MotionEstimator()
    count = itertools.count()
    for number, shot in itertools.groupby(numbered, key=lambda pair: pair[0]):
        keys = decide()
        before: np.ndarray | None = None
        colours, start = chosen.shots.get(number, (None, 0))
        for in_shot, (_, decoded) in enumerate(shot, start):
            n = next(count)
            overlap = next((each for each in overlaps if n in each), None)
            restarts = overlap is not None and (n - overlap.start) % _OVERLAP_SPACING == 0
            restarts |= colours is not None and (in_shot in colours.keys or in_shot in colours.breaks)
            part = 0 if colours is None else bisect.bisect_right(colours.breaks, in_shot)
            keys = decide() if restarts else keys
            step = estimator.step(before, decoded.L) if with_motion and before is not None else None
            before = decoded.L
            memory = 1.0 if overlap is None else _OVERLAP_MEMORY
            yield _Planned(decoded, number, step, keys.is_key(None if restarts else step), colours, in_shot, part, memory)


def _predicted(
    planned: Iterable[_Planned], colorizer: Colorizer, quarter_turns: int, counts: ColorCounts, chosen: ChosenFrames
) -> Iterator[tuple[_Planned, np.ndarray | None, float]]:
    """Each frame with the generator's ab, None between key frames, and its weight; key frames go through the network in batches."""
    waiting = iter(planned)
    taken_over: TakenOver | None = None
    while batch := list(itertools.islice(waiting, _PENDING)):
        keys = [item for item in batch if item.is_key]
        upright = [np.ascontiguousarray(np.rot90(item.decoded.L, quarter_turns)) for item in keys]
        answers = iter(_key_frame_ab(keys, upright, colorizer, chosen))
        counts.keys += len(upright)
        for item in batch:
            ab = np.ascontiguousarray(np.rot90(next(answers), -quarter_turns, axes=(1, 2))) if item.is_key else None
            weight = 1.0
            if item.step is None:
                earlier = chosen.earlier.get(item.shot)
                taken_over = earlier and _taken_over(earlier, item.decoded.L, colorizer, quarter_turns, chosen)
                weight = 1.0 if taken_over is None else float(MAX_WEIGHT)  # as if the earlier shot went on
            elif taken_over is not None:
                taken_over.onward(item.step)
            yield item, ab if ab is None or taken_over is None else taken_over.added_to(ab), weight


def _taken_over(
    earlier: EarlierFrame, L: np.ndarray, colorizer: Colorizer, quarter_turns: int, chosen: ChosenFrames
) -> TakenOver | None:
    whole = chosen.whole_film(np.rot90(L, quarter_turns).shape)
    return TakenOver.on_first(earlier, L, colorizer, quarter_turns, whole)


def _key_frame_ab(
    keys: Sequence[_Planned], upright: Sequence[np.ndarray], colorizer: Colorizer, chosen: ChosenFrames
) -> list[np.ndarray]:
    """ab of each key frame, upright, with the colours that somebody chose."""
    common = [chosen.whole_film(L.shape) for L in upright]
    touched = [n for n, key in enumerate(keys) if key.chosen is not None or common[n]]
    plain = [n for n in range(len(keys)) if n not in touched]
    found = dict(zip(plain, colorizer.ab([upright[n] for n in plain]), strict=True))
    for n, still in zip(touched, Still.of_all(colorizer, [upright[n] for n in touched]), strict=True):
        own, shape = keys[n].chosen, (still.L.shape[0], still.L.shape[1])
        wanted = common[n] if own is None else common[n] + own.at(keys[n].in_shot, shape)
        ab = still.ab(wanted)
        found[n] = ab if own is None else ab * np.float32(own.saturation)
    return [found[n] for n in range(len(keys))]


def _remembered(
    shot: Iterable[tuple[_Planned, np.ndarray | None, float]], waiting: collections.deque[DecodedFrame]
) -> Iterator[ShotFrame]:
    for item, ab, weight in shot:
        waiting.append(item.decoded)
        yield ShotFrame(item.decoded.L, ab, item.step, weight, item.memory)
