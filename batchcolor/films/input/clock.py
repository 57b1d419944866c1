"""Film time: one continuous clock for a film, whatever the clock of its file does.

Streams made for broadcasting start at any value, restart between the cells of a DVD or where two recordings were joined, and wrap
around after 2^33 ticks. Rules are those of FFmpeg's programs (`ts_discontinuity_process` in fftools/ffmpeg_demux.c): only formats that
libavformat flags as discontinuous are corrected; a step back of more than a tenth of a second, or forward of more than ten seconds, is a
new clock, which goes on where the old one ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import av

_BACK_S = Fraction(1, 10)
_AHEAD_S = 10


class SyncPoint(NamedTuple):
    """A place in the file from which pictures can be decoded. time: of decoding, in film ticks; position: in bytes; offset: as
    `FilmClock.offset` there."""

    time: int
    position: int
    offset: int


class ClockChange(NamedTuple):
    """at_s: film time from which a new clock is valid; offset_s: seconds added to its times."""

    at_s: Fraction
    offset_s: Fraction


class FilmClock:
    """Moves the packets of the picture stream to film time, in the order of the file.

    offset: ticks that are added to the times in the file. changes: every clock that the film has had so far, the first one included.
    sync_points: places at which decoding can begin, where `positions` is set; in order.
    """

    def __init__(self, tick: Fraction, offset: int, *, restarts: bool, positions: bool = False) -> None:
        self.offset = offset
        self.changes = [ClockChange(Fraction(0), offset * tick)]
        self.sync_points: list[SyncPoint] = []
        self._tick, self._restarts, self._positions = tick, restarts, positions
        self._next: int | None = None  # decoding time that is due, film ticks
        self._latest: int | None = None  # and the latest so far
        self._position: int | None = None
        self._position_offset = offset

    def move(self, packet: av.Packet) -> None:
        """Put a packet's times on the film's clock."""
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is not None:
            self._follow(dts, packet.duration or 0)
        if packet.pos is not None and packet.pos >= 0:
            self._position, self._position_offset = packet.pos, self.offset
        if self._positions and packet.is_keyframe and dts is not None and self._position is not None:
            self.sync_points.append(SyncPoint(dts + self.offset, self._position, self._position_offset))
        packet.dts = None if packet.dts is None else packet.dts + self.offset
        packet.pts = None if packet.pts is None else packet.pts + self.offset

    def _follow(self, dts: int, duration: int) -> None:
        time = dts + self.offset
        if self._restarts and self._next is not None and self._latest is not None:
            back, forward = (self._latest - time) * self._tick, (time - self._next) * self._tick
            if back > _BACK_S or forward > _AHEAD_S:
                self.offset += self._next - time
                self.changes.append(ClockChange(self._next * self._tick, self.offset * self._tick))
                time = self._latest = self._next
        self._latest = time if self._latest is None else max(self._latest, time)
        self._next = time + max(1, duration)


class BestEffort:
    """The time of a decoded picture from its pts and dts, either of which may be wrong or missing.

    As libavcodec's `guess_correct_pts`: pts, unless they have stepped back more often than dts. Times that step back are nearly always
    those of ASF and packed B-frames, where they tell the order of decoding.
    """

    def __init__(self, *, dts_only: bool = False) -> None:
        """dts_only: for AVI, which stores when packets are decoded; pts are libavformat's guess there."""
        self._dts_only = dts_only
        self._faulty_pts = self._faulty_dts = 0
        self._last_pts: int | None = None
        self._last_dts: int | None = None

    def note(self, pts: int | None, dts: int | None) -> None:
        """Learn from a picture."""
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        elif pts is not None:
            self._last_dts = pts
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        elif dts is not None:
            self._last_pts = dts

    def time(self, pts: int | None, dts: int | None) -> int | None:
        """The better one of the two; None where there is none."""
        if self._dts_only:
            return dts
        if pts is not None and (self._faulty_pts <= self._faulty_dts or dts is None):
            return pts
        return dts


class StreamClock:
    """Film time of packets of the other streams, in the order of the file.

    They change to a new clock somewhere near the pictures, earlier or later; so of the clocks that may hold, a packet gets the one that
    continues its stream best.
    """

    def __init__(self, changes: Sequence[ClockChange]) -> None:
        """changes: those that the pictures have made, as `FilmClock.changes` has them."""
        self._offsets = [change.offset_s for change in changes]
        self._clock: dict[int, int] = {}  # by stream
        self._due: dict[int, Fraction] = {}  # film time at which the next packet of a stream is expected
        self._now = Fraction(0)
        self._closed: dict[int, Fraction] = {}

    @property
    def restarts(self) -> bool:
        return len(self._offsets) > 1

    def close(self, stream: int) -> None:
        """What comes of this stream from now on is later than all that came so far, whatever its clock says."""
        self._closed.setdefault(stream, self._due.get(stream, self._now))

    def film_time(self, stream: int, seconds: Fraction, duration: Fraction, *, sparse: bool = False) -> Fraction:
        """seconds: in the file; sparse: of a stream that has no packet for most of the time, such as subtitles."""
        if stream in self._closed:
            return self._closed[stream]
        before = self._clock.get(stream, 0)
        candidates = range(max(0, before - 1), len(self._offsets))
        due = self._now if sparse else self._due.get(stream, self._now)
        chosen = min(candidates, key=lambda n: (abs(seconds + self._offsets[n] - due), abs(n - before)))
        time = seconds + self._offsets[chosen]
        self._clock[stream] = chosen
        if not sparse:
            self._due[stream] = time + duration
            self._now = time
        return time
