"""The frames of a part of a film, exactly those whose time lies within, wherever decoding has to begin for that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av.container

from .clock import FilmClock
from .decode import FrameDecoder, TimedFrame
from .probe import FilmInfo, picture_stream, reading
from .time_range import TimeRange

_EARLIER_S = 2  # than the part begins: pictures just behind a sync frame may need those before it


@contextlib.contextmanager
def frames_within(
    source: Path, info: FilmInfo, window: TimeRange, *, threads: int = 1, positions: bool = False
) -> Iterator[tuple[FrameDecoder, Fraction, Iterator[TimedFrame]]]:
    """(decoder, seconds that a tick lasts, frames of the film `source` within `window`). Raises `SourceError`."""
    with contextlib.ExitStack() as opened:

        def decoder() -> tuple[FrameDecoder, Fraction]:
            container: av.container.InputContainer = opened.enter_context(reading(source))
            stream = picture_stream(source, container)
            return FrameDecoder(container, stream, info, threads=threads, positions=positions), stream.time_base

        decoding, tick = decoder()
        first: list[TimedFrame] = []
        frames: Iterator[TimedFrame] = iter(())
        if window.start > _EARLIER_S:
            if info.restarts:
                entered = _enter_before(source, info, window.start - _EARLIER_S, decoding)
            else:
                entered = info.seekable and decoding.seek(window.start - _EARLIER_S)
            frames = iter(decoding)
            first = [frame for frame in (next(frames, None),) if frame is not None] if entered else []
            if not first or first[0].frame.pts * tick > window.start:
                opened.close()
                first.clear()
                decoding, tick = decoder()
                frames = iter(decoding)
        else:
            frames = iter(decoding)
        yield decoding, tick, _within(first, frames, tick, window)


def _within(first: list[TimedFrame], frames: Iterator[TimedFrame], tick: Fraction, window: TimeRange) -> Iterator[TimedFrame]:
    while first:
        timed = first.pop()
        if window.holds(timed.frame.pts * tick):
            yield timed
    for timed in frames:
        if window.is_over(timed.frame.pts * tick):
            return
        if window.holds(timed.frame.pts * tick):
            yield timed


def _enter_before(source: Path, info: FilmInfo, seconds: Fraction, decoder: FrameDecoder) -> bool:
    """Have `decoder` begin at the last place but one before a film time from which can be decoded; False where there is none.

    Packets are read from the start of the file, for only they tell what a clock that restarts has done; decoding them would take longer.
    """
    if not info.bytes_seekable:
        return False
    with reading(source) as container:
        stream = picture_stream(source, container)
        tick = stream.time_base
        clock = FilmClock(tick, -round(info.origin / tick), restarts=True, positions=True)
        for packet in container.demux(stream):
            clock.move(packet)
            if clock.sync_points and clock.sync_points[-1].time * tick > seconds:
                break
    if len(clock.sync_points) < 3 or not decoder.enter(clock.sync_points[-3]):
        return False
    offsets = [change.offset_s for change in clock.changes]
    before = len(offsets) - offsets[::-1].index(clock.sync_points[-3].offset * tick)
    decoder.clock.changes[:] = clock.changes[:before]
    return True
