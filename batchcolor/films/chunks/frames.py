"""A chunk's frames, found in the film again: exactly those that the first pass saw, whatever decoding from within gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from ...errors import SourceError
from ..input.clock import SyncPoint
from ..input.decode import FrameDecoder, TimedFrame
from ..input.planes import copy_frame, fingerprint, luma_plane, to_picture_format
from ..input.probe import FilmInfo, picture_stream, reading
from ..picture_format import PictureFormat
from .plan import Chunk

# Where decoding begins, in seconds before the chunk's first frame: not every file finds its way to a frame at once, and some not at all.
_STEPS_BACK_S = (0, 10, 60)
_TOO_FAR = 64  # frames behind the first one that is looked for, after which it will not come any more


class ChunkFrames:
    """Iterating gives every frame of a chunk, once, with its film time and duration.

    repeated: frames shown in place of ones that could not be decoded this time. flawed: places among the chunk's own frames of those
    that the decoder complained of. Raises `SourceError` where none can be decoded.
    """

    def __init__(self, source: Path, info: FilmInfo, picture: PictureFormat, chunk: Chunk) -> None:
        self.repeated = 0
        self._source, self._info, self._picture, self._chunk = source, info, picture, chunk
        self._stamps = chunk.stamps or chunk.times
        known = sorted(stamp for stamp in self._stamps if stamp is not None)
        gaps = [b - a for a, b in itertools.pairwise(known) if b > a]
        # Clocks that are counted on from the last time in the file may be a tick off when counting begins elsewhere.
        self._near = min(gaps, default=0) // 4
        self._flawed: set[int] = set()

    @property
    def flawed(self) -> tuple[int, ...]:
        chunk = self._chunk
        own = self._stamps[chunk.lead : chunk.lead + chunk.count]
        return tuple(n for n, stamp in enumerate(own) if stamp in self._flawed)

    def __iter__(self) -> Iterator[av.VideoFrame]:
        chunk = self._chunk
        held: av.VideoFrame | None = None
        n = 0
        for frame, stamp in self._from_first():
            if n == len(chunk.times):
                return
            place = self._place(stamp, n)
            if place is None:
                continue  # the first pass did not see it
            for missing in range(n, place):
                yield self._again(held or frame, missing)
            frame.pts, frame.duration = chunk.times[place], chunk.durations[place]
            held, n = frame, place + 1
            yield frame
        if held is None:
            raise SourceError(f"{self._source}: no picture could be decoded at this place; the file changed or is damaged")
        for rest in range(n, len(chunk.times)):
            yield self._again(held, rest)

    def _place(self, stamp: int | None, n: int) -> int | None:
        """Which of the chunk's frames this is, the n-th or a later one."""
        if stamp is None or self._stamps[n] is None:
            return n
        return next((place for place in range(n, len(self._stamps)) if self._is_near(stamp, place)), None)

    def _is_near(self, stamp: int | None, place: int) -> bool:
        expected = self._stamps[place]
        if stamp is None or expected is None:
            return stamp is expected
        return abs(stamp - expected) <= self._near

    def _again(self, frame: av.VideoFrame, n: int) -> av.VideoFrame:
        self.repeated += 1
        again = copy_frame(frame)
        again.pts, again.duration = self._chunk.times[n], self._chunk.durations[n]
        return again

    def _from_first(self) -> Iterator[TimedFrame]:
        """Frames from the chunk's first on, decoded from the nearest place that gives the same picture as the first pass saw."""
        for start in self._starts():
            with reading(self._source) as container:
                stream = picture_stream(self._source, container)
                decoder = FrameDecoder(container, stream, self._info, watch=True)
                if isinstance(start, SyncPoint):
                    entered = decoder.enter(start)
                else:
                    entered = start is None or decoder.seek(self._chunk.times[0] * stream.time_base - start)
                if not entered:
                    continue
                frames = iter(decoder)
                first = self._first(frames, exact=start is not None)
                if first is None:
                    continue
                self._flawed = decoder.flawed
                yield first
                yield from frames
                return

    def _starts(self) -> Iterator[SyncPoint | Fraction | None]:
        """Where to begin decoding; None: at the start of the file, which is always right and takes the longest."""
        if self._chunk.first or self._chunk.places:
            yield from self._chunk.places
            if not self._info.restarts and self._info.seekable:
                yield from map(Fraction, _STEPS_BACK_S)
        yield None

    def _first(self, frames: Iterator[TimedFrame], *, exact: bool) -> TimedFrame | None:
        """The chunk's first frame; where it need not be exact, the first of its frames that comes."""
        expected, behind = self._stamps[0], 0
        for timed in frames:
            stamp = timed.stamp
            if exact:
                if self._is_near(stamp, 0) and self._is_first_picture(timed.frame):
                    return timed
                behind += stamp is not None and expected is not None and stamp > expected
                if behind > _TOO_FAR:
                    return None
            elif self._place(stamp, 0) is not None and (expected is not None or self._is_first_picture(timed.frame)):
                return timed
        return None

    def _is_first_picture(self, frame: av.VideoFrame) -> bool:
        return fingerprint(luma_plane(to_picture_format(frame, self._info, self._picture))) == self._chunk.fingerprint
