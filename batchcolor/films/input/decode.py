"""Pictures of a film, decoded in order of time, from its start or from a place within."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av
import av.error

from ...runtime.ffmpeg import is_damage, logged_errors
from .clock import BestEffort, FilmClock, SyncPoint
from .damage import MARKED, RESIZED, UNDECODABLE, UNREADABLE, DamageLog
from .probe import FilmInfo

_READ_ERRORS_IN_A_ROW = 100  # after which nothing more is expected from a file
_LEARNED_FROM = 24  # pictures that are held back, where times are doubtful, until it is known which of them to believe


class TimedFrame(NamedTuple):
    """A frame whose pts is its film time, in ticks, and later than the one before. stamp: its time as decoded, by which it is known again
    when decoding begins elsewhere; None: it had none."""

    frame: av.VideoFrame
    stamp: int | None


class FrameDecoder:
    """Iterating gives every frame of `stream` that can be decoded, once, as FFmpeg's programs do.

    Damaged packets are skipped, and the film ends where the file does. damage: what was wrong, and when. clock: as far as it was
    read. untimed: frames without any time, which follow the one before. flawed: film times of packets whose decoder complained without
    refusing them, if that is watched.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        info: FilmInfo,
        *,
        threads: int = 1,
        watch: bool = False,
        positions: bool = False,
    ) -> None:
        """threads: that decode; a single one costs the least, by a quarter: two wait for each other. watch: whether to listen to what the
        decoder logs; for one thread only. positions: whether to note places to begin from."""
        self.untimed = 0
        self.damage = DamageLog()
        self.flawed: set[int] = set()
        self._container, self._stream, self._info = container, stream, info
        self._watch = watch
        self._tick: Fraction = stream.time_base
        offset = -round(info.origin / self._tick)
        self.clock = FilmClock(self._tick, offset, restarts=info.restarts, positions=positions)
        self._now = 0  # film time of the last frame
        self._usual_duration = max(1, round(1 / (info.rate * self._tick))) if info.rate else 1
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads

    def seek(self, seconds: Fraction) -> bool:
        """Go to a picture at or before this film time, from which decoding can begin; False where the file does not allow it.

        Not for films whose clock restarts: there a time is no place.
        """
        try:
            ticks = int((seconds + self._info.origin) / self._tick)
            self._container.seek(ticks, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OverflowError):
            return False
        return True

    def enter(self, place: SyncPoint) -> bool:
        """Go to a place that a clock has noted; False where the file does not allow it."""
        try:
            self._container.seek(place.position, stream=self._stream, unsupported_byte_offset=True)
        except (av.error.FFmpegError, OverflowError):
            return False
        self.clock.offset = place.offset
        return True

    def __iter__(self) -> Iterator[TimedFrame]:
        last: int | None = None
        size = self._info.width, self._info.height
        best = BestEffort(dts_only=self._info.decoding_times)
        for frame in self._learned(best):
            known = (frame.dts, frame.pts) if self._info.decoding_times else (frame.pts, frame.dts)
            stamp = next((each for each in known if each is not None), None)
            time = best.time(frame.pts, frame.dts)
            duration = frame.duration or self._usual_duration
            if time is None:
                self.untimed += stamp is None
                time = 0 if last is None else last + duration
            if last is not None and time <= last:
                # Two frames cannot be shown at one time: encoders and containers refuse that. Steps of a quarter frame catch up soon.
                time = last + max(1, duration // 4)
            last = self._now = frame.pts = time
            if frame.is_corrupt:
                self._note(MARKED)
            if (frame.width, frame.height) != size:
                size = frame.width, frame.height
                self._note(RESIZED)
            yield TimedFrame(frame, stamp)

    def _learned(self, best: BestEffort) -> Iterator[av.VideoFrame]:
        """All frames, each after `best` has learnt from it; where times are doubtful, from some that follow as well."""
        frames = self._decoded()
        held = list(itertools.islice(frames, _LEARNED_FROM)) if self._info.doubtful_times else []
        for frame in held:
            best.note(frame.pts, frame.dts)
        while held:
            yield held.pop(0)
        for frame in frames:
            best.note(frame.pts, frame.dts)
            yield frame

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            if packet is None:
                yield from self._stream.codec_context.decode(None)
                return
            self.clock.move(packet)
            try:
                with logged_errors() if self._watch else contextlib.nullcontext(()) as complaints:
                    frames = packet.decode()
            except av.error.FFmpegError as exc:
                # A packet of no bytes (Theora, AVI) says that the picture before goes on.
                if packet.size:
                    if not is_damage(exc):
                        raise
                    self._note(UNDECODABLE, packet)
                continue
            if complaints and packet.pts is not None:
                self.flawed.add(packet.pts)
            if packet.is_corrupt and packet.size:
                self._note(MARKED, packet)
            yield from frames

    def _packets(self) -> Iterator[av.Packet | None]:
        """Packets of the picture, at last an empty one, or None, for the decoder to give out what it still holds."""
        errors = 0
        while errors < _READ_ERRORS_IN_A_ROW:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0
                    yield packet
                return
            except av.error.FFmpegError as exc:
                if not is_damage(exc):
                    raise
                if not errors:
                    self._note(UNREADABLE)
                errors += 1
        yield None

    def _note(self, what: str, packet: av.Packet | None = None) -> None:
        ticks = self._now
        if packet is not None:
            ticks = next((time for time in (packet.pts, packet.dts) if time is not None), ticks)
        self.damage.add(float(ticks * self._tick), what)
