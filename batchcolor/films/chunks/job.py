"""The job that a film consists of: decode a chunk from its own place, colour it, encode it as a segment."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from ...color.upsampling import UPSCALERS
from ...engines.colorizer import Colorizer
from ...errors import SourceError
from ...executors import JobContext
from ...runtime.atomic_write import atomic_write
from ...runtime.prefetch import prefetch
from ...settings import ColorSettings, FilmSettings
from ..chroma.frames import ColorCounts, ColorizedFrame, DecodedFrame, colorize_frames
from ..chroma.motion import motion_size
from ..chroma.planes import chroma_planes
from ..input.decode import FrameDecoder
from ..input.interlacing import deinterlace
from ..input.planes import OutputFrame, copy_frame, fingerprint, luma_plane, small_lightness, to_picture_format
from ..input.probe import FilmInfo, picture_stream, reading
from ..output.encode import PictureFormat, open_encoder
from ..output.streams import writing
from ..quality import NoMetrics, QualityMetrics
from .plan import Chunk
from .segments import SegmentFacts, WorkFolder, times_of

_DECODED_AHEAD = 8  # frames that wait for the network
_COLORED_AHEAD = 8  # frames that wait for the encoder
_TOLD_EVERY_S = 0.25
# Where decoding begins, in seconds before the chunk's first frame: not every file finds its way to a frame at once, and some not at all.
_STEPS_BACK_S: tuple[int | None, ...] = (0, 10, 60, None)


class FilmStopped(Exception):
    """The run was asked to stop; finished chunks stay for the next one."""


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """What all chunks of a film have in common. measure: whether figures for the report are taken as well."""

    source: Path
    info: FilmInfo
    picture: PictureFormat
    work: WorkFolder
    colorizer: Callable[[], Colorizer]
    settings: FilmSettings
    color: ColorSettings
    measure: bool = False

    def prepare(self) -> None:
        """Open the network."""
        self.colorizer()

    def __call__(self, chunk: Chunk, context: JobContext) -> SegmentFacts:
        """Make the chunk's segment and return what is known of it. Raises `SourceError`, `OutputError`, `UsageError`, `FilmStopped`."""
        colorizer, counts = self.colorizer(), ColorCounts()
        measures = QualityMetrics() if self.measure else NoMetrics()
        canvas = OutputFrame(self.info.width, self.info.height, self.picture)
        target = self.work.segment(chunk)
        with reading(self.source) as container:
            stream = picture_stream(self.source, container)
            with atomic_write(target) as temporary:
                with writing(target, temporary, self.work.muxer) as output:
                    encoder = open_encoder(output, stream, self.info, self.picture, self.settings)
                    found = _Found(
                        self.source, chunk, lambda frame: luma_plane(to_picture_format(frame, self.info, self.picture))
                    )
                    frames = deinterlace(found) if chunk.interlaced and self.settings.deinterlace == "auto" else iter(found)
                    pictures = (to_picture_format(frame, self.info, self.picture) for frame in frames)
                    seen = (
                        DecodedFrame(frame, small_lightness(frame, self.info, self.picture, colorizer)) for frame in pictures
                    )
                    # Three stages at once, each in a thread: decoding; network and motion; chroma planes and encoding (here).
                    with contextlib.closing(prefetch(seen, _DECODED_AHEAD, "film reader")) as decoded:
                        chroma = colorize_frames(
                            _in_shots(decoded, chunk),
                            colorizer,
                            settings=self.settings,
                            quarter_turns=self.info.rotation // 90,
                            counts=counts,
                            anchor=chunk.anchor,
                        )
                        with contextlib.closing(prefetch(chroma, _COLORED_AHEAD, "film colours")) as ready:
                            own = itertools.islice(ready, chunk.lead, chunk.lead + chunk.count)
                            for frame, L, plain in _telling(own, context):
                                ab = plain * np.float32(self.color.saturation)
                                luma = luma_plane(frame)
                                small = cv2.resize(L, motion_size(L)[::-1], interpolation=cv2.INTER_AREA)
                                coarse = UPSCALERS[self.color.upscaling](small, ab)
                                planes = chroma_planes(luma, coarse, self.picture.coding, self.picture.grid)
                                measures.add(L, ab, luma)
                                output.mux(encoder.encode(canvas.compose(frame, luma, planes)))
                    output.mux(encoder.encode(None))
                order = _order(temporary, chunk)
                measured = measures.figures(temporary)
        facts = SegmentFacts(order, 1 + len(chunk.cuts), counts.keys, found.repeated, measured)
        self.work.write_facts(chunk, facts)
        return facts


class _Found:
    """A chunk's frames, found in the film again: exactly the times that the survey saw, whatever decoding from here gives."""

    def __init__(self, source: Path, chunk: Chunk, luma_of: Callable[[av.VideoFrame], np.ndarray]) -> None:
        self.repeated = 0
        self._source, self._chunk, self._luma_of = source, chunk, luma_of

    def __iter__(self) -> Iterator[av.VideoFrame]:
        chunk = self._chunk
        held: av.VideoFrame | None = None
        n = 0
        for frame in self._from_first():
            while n < len(chunk.times) and chunk.times[n] < frame.pts:
                yield self._again(held or frame, n)
                n += 1
            if n == len(chunk.times):
                return
            if frame.pts == chunk.times[n]:
                frame.duration = chunk.durations[n]
                held = frame
                yield frame
                n += 1
        if held is None:
            raise SourceError(f"{self._source}: no picture could be decoded at this place; the file changed or is damaged")
        for rest in range(n, len(chunk.times)):
            yield self._again(held, rest)

    def _again(self, frame: av.VideoFrame, n: int) -> av.VideoFrame:
        self.repeated += 1
        again = copy_frame(frame)
        again.pts, again.duration = self._chunk.times[n], self._chunk.durations[n]
        return again

    def _from_first(self) -> Iterator[av.VideoFrame]:
        """Frames from the chunk's first on, decoded from the nearest place that gives the same picture as the survey saw."""
        first = self._chunk.times[0]
        for step in _STEPS_BACK_S if self._chunk.first else (None,):
            with reading(self._source) as container:
                stream = picture_stream(self._source, container)
                pictures = FrameDecoder(self._source, container, stream)
                if step is not None and not pictures.seek(first * stream.time_base - Fraction(step)):
                    continue
                frames = itertools.dropwhile(lambda frame: frame.pts < first, pictures)
                found = next(frames, None)
                if found is None or (step is not None and not self._is_first(found)):
                    continue
                yield found
                yield from frames
                return

    def _is_first(self, frame: av.VideoFrame) -> bool:
        return frame.pts == self._chunk.times[0] and fingerprint(self._luma_of(frame)) == self._chunk.fingerprint


def _in_shots(frames: Iterable[DecodedFrame], chunk: Chunk) -> Iterator[tuple[int, DecodedFrame]]:
    shot = 0
    for n, seen in enumerate(frames):
        shot += n in chunk.cuts
        yield shot, seen


def _telling(items: Iterable[ColorizedFrame], context: JobContext) -> Iterator[ColorizedFrame]:
    """The same items; tells how many more have passed a few times a second. Raises `FilmStopped` when it is time."""
    count, told = 0, time.monotonic()
    for item in items:
        if context.should_stop():
            raise FilmStopped
        yield item
        count += 1
        if time.monotonic() - told > _TOLD_EVERY_S:
            context.report(count)
            count, told = 0, time.monotonic()
    context.report(count)


def _order(segment: Path, chunk: Chunk) -> tuple[int, ...]:
    """For each packet of a segment the number of its frame. Raises `SourceError` where they are not one a frame."""
    times = times_of(segment)
    if len(times) != chunk.count or None in times:
        raise SourceError(f"{segment}: the encoder made {len(times)} pictures of {chunk.count}; please report it")
    ranks = {pts: rank for rank, pts in enumerate(sorted(times))}  # type: ignore[type-var]
    return tuple(ranks[pts] for pts in times)
