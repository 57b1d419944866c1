"""The last step of a film: segments one behind the other, and everything else of the source beside them, packet by packet."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error

from ...runtime.ffmpeg import is_damage, open_input
from ...settings import FilmSettings
from ..input.clock import ClockChange, StreamClock
from ..input.probe import FilmInfo, picture_stream, reading
from ..input.time_range import TimeRange
from ..output.encode import open_encoder
from ..output.streams import (
    MUXERS,
    Copy,
    add_copies,
    chapters_within,
    film_tags,
    is_cover,
    is_filler,
    stream_tags,
    with_dts,
    writing,
)
from ..output.timecode import copy_timecode
from ..output.trial import StreamPlan
from ..picture_format import PictureFormat
from .plan import Chunk
from .segments import SegmentFacts, WorkFolder


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk whose segment is finished."""

    chunk: Chunk
    facts: SegmentFacts


def join(
    source: Path,
    target: Path,
    temporary: Path,
    pieces: Sequence[Piece],
    work: WorkFolder,
    *,
    info: FilmInfo,
    picture: PictureFormat,
    settings: FilmSettings,
    window: TimeRange,
    streams: StreamPlan,
    tags: Mapping[str, str],
    changes: Sequence[ClockChange],
) -> dict[int, int]:
    """Write `target`, as `temporary`, from the segments of `pieces`, in order, and the other streams of `source` as planned.

    Returns damaged packets that were left out, by the source stream's index. changes: the clocks that the pictures have had.

    Every picture has the time and duration that it has in the source; where a window was wanted, all times are moved so that it begins
    at 0. tags: added to the film's own. Raises `OutputError`, `SourceError`.
    """
    with reading(source) as container:
        stream = picture_stream(source, container)
        # Matroska holds no times before 0, so that a subtitle that comes before the film moves all of it.
        moved = streams.lead_s if window.whole and target.suffix.lower() == ".mkv" else Fraction(0)
        ticks = round((window.start - moved) / stream.time_base)
        shift = ticks * stream.time_base
        container_tags = {**film_tags(container), **tags}
        with writing(target, temporary, MUXERS[target.suffix.lower()], container_tags) as output:
            # Never encodes: it gives the stream its headers, which are those of the segments, made by the same encoder.
            shown = open_encoder(output, stream, info, picture, settings)
            shown.metadata.update(stream_tags(stream, picture=True))
            copy_timecode(container, stream, shown, window.start)
            copies = add_copies(container, output, streams.streams, streams.covers)
            output.metadata.update(container_tags)
            end = None if window.end is None else window.end + info.origin
            chapters = list(chapters_within(container.chapters(), shift + info.origin, end))
            if chapters:
                output.set_chapters(chapters)
            moments = heapq.merge(
                _pictures(pieces, work, stream.time_base, ticks),
                _others(container, copies, window, shift, StreamClock(changes)),
                key=lambda moment: moment[0],
            )
            for _, packet, copy in moments:
                if copy is None:
                    packet.stream = shown
                    output.mux(packet)
                else:
                    copy.mux(output, packet)
    return {index: copy.damaged for index, copy in copies.items() if copy.damaged}


_Moment = tuple[Fraction, av.Packet, Copy | None]  # when a packet is due, and its stream; None: the picture


def _pictures(pieces: Sequence[Piece], work: WorkFolder, tick: Fraction, shift: int) -> Iterator[_Moment]:
    """The segments' packets in order, with the times that the source has.

    Decoding times are the sorted times of all pictures, as many places later as the encoder's order needs: they increase, and none is
    later than its picture's own, whatever the frame rate does at a seam.
    """
    delay = max((place - number for piece in pieces for place, number in enumerate(piece.facts.order)), default=0)
    times = [pts - shift for piece in pieces for pts in piece.chunk.core_times]
    step = max(1, times[1] - times[0]) if len(times) > 1 else 1
    early = [times[0] - n * step for n in range(delay, 0, -1)]
    place = 0
    for piece in pieces:
        base = piece.chunk.first - pieces[0].chunk.first
        with open_input(work.segment(piece.chunk)) as segment:
            packets = (packet for packet in segment.demux(segment.streams.video[0]) if packet.size)
            for packet, number in zip(packets, piece.facts.order, strict=True):
                packet.time_base = tick
                packet.pts = times[base + number]
                packet.dts = early[place] if place < delay else times[place - delay]
                packet.duration = piece.chunk.core_durations[number]
                place += 1
                yield packet.dts * tick, packet, None


def _others(
    container: av.container.InputContainer, copies: dict[int, Copy], window: TimeRange, shift: Fraction, clock: StreamClock
) -> Iterator[_Moment]:
    """Packets of the other streams on the film's clock, in the file's order; packets outside the window are left out."""
    if not copies:
        return
    last: dict[int, int] = {}  # decoding time by stream, in its ticks
    try:
        for packet in with_dts(container.demux([s for s in container.streams if s.index in copies])):
            copy = copies[packet.stream.index]
            if is_cover(packet.stream) and packet.size:
                yield from ((Fraction(0), ready, copy) for ready in copy.ready(packet))
                continue
            if packet.dts is None or is_filler(packet):
                continue
            index, tick = packet.stream.index, packet.time_base
            seconds = packet.dts * tick
            film_time = clock.film_time(
                index, seconds, (packet.duration or 0) * tick, sparse=packet.stream.type not in ("audio", "video")
            )
            if window.holds(film_time):
                ticks = round((film_time - shift - seconds) / tick)
                if clock.restarts:
                    # Where a clock restarts, the sound of the old one may last a little longer than its pictures.
                    ticks += max(0, last.get(index, packet.dts + ticks - 1) + 1 - packet.dts - ticks)
                packet.dts += ticks
                packet.pts = None if packet.pts is None else packet.pts + ticks
                last[index] = packet.dts
                due = packet.dts * tick
                yield from ((due, ready, copy) for ready in copy.ready(packet))
            elif window.is_over(film_time):
                clock.close(index)
        for copy in copies.values():
            yield from ((ready.dts * ready.time_base, ready, copy) for ready in copy.last() if ready.dts is not None)
    except av.error.FFmpegError as exc:
        if not is_damage(exc):
            raise
        return  # the file breaks off here
