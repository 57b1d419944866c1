"""The last step of a film: segments one behind the other, and everything else of the source beside them, packet by packet."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error

from ...settings import FilmSettings
from ..chunks.plan import Chunk
from ..chunks.segments import SegmentFacts, WorkFolder
from ..input.probe import FilmInfo, picture_stream, reading
from ..time_range import TimeRange
from .encode import PictureFormat, open_encoder
from .streams import (
    MUXERS,
    Copy,
    add_copies,
    chapters_within,
    film_tags,
    is_cover,
    is_filler,
    stream_tags,
    with_decoding_times,
    writing,
)
from .timecode import carry_timecode
from .trial import StreamPlan


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
) -> dict[int, int]:
    """Write `target`, as `temporary`, from the segments of `pieces`, in order, and the other streams of `source` as planned.

    Returns damaged packets that were left out, by the source stream's index.

    Every picture has the time and duration that it has in the source; where a window was wanted, all times are moved so that it begins
    at 0. tags: added to the film's own. Raises `OutputError`, `SourceError`.
    """
    with reading(source) as container:
        stream = picture_stream(source, container)
        ticks = round(window.start / stream.time_base)
        shift = ticks * stream.time_base
        said = {**film_tags(container), **tags}
        with writing(target, temporary, MUXERS[target.suffix.lower()], said) as output:
            # Never encodes: it gives the stream its headers, which are those of the segments, made by the same encoder.
            shown = open_encoder(output, stream, info, picture, settings)
            shown.metadata.update(stream_tags(stream, picture=True))
            carry_timecode(container, stream, shown, shift)
            copies = add_copies(container, output, streams.streams, streams.covers)
            output.metadata.update(said)
            chapters = list(chapters_within(container.chapters(), shift, window.end))
            if chapters:
                output.set_chapters(chapters)
            moments = heapq.merge(
                _pictures(pieces, work, stream.time_base, ticks),
                _others(container, copies, window, shift),
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
    times = [pts - shift for piece in pieces for pts in piece.chunk.own_times]
    step = max(1, times[1] - times[0]) if len(times) > 1 else 1
    early = [times[0] - n * step for n in range(delay, 0, -1)]
    place = 0
    for piece in pieces:
        base = piece.chunk.first - pieces[0].chunk.first
        with av.open(str(work.segment(piece.chunk))) as segment:
            packets = (packet for packet in segment.demux(segment.streams.video[0]) if packet.size)
            for packet, number in zip(packets, piece.facts.order, strict=True):
                packet.time_base = tick
                packet.pts = times[base + number]
                packet.dts = early[place] if place < delay else times[place - delay]
                packet.duration = piece.chunk.own_durations[number]
                place += 1
                yield packet.dts * tick, packet, None


def _others(
    container: av.container.InputContainer, copies: dict[int, Copy], window: TimeRange, shift: Fraction
) -> Iterator[_Moment]:
    """Packets of the other streams, in the file's order; what lies outside of the window is left out."""
    if not copies:
        return
    try:
        for packet in with_decoding_times(container.demux([s for s in container.streams if s.index in copies])):
            copy = copies[packet.stream.index]
            if is_cover(packet.stream) and packet.size:
                yield from ((Fraction(0), ready, copy) for ready in copy.ready(packet))
                continue
            if packet.dts is None or is_filler(packet):
                continue
            seconds = packet.dts * packet.time_base
            if window.holds(seconds):
                ticks = round(shift / packet.time_base)
                packet.dts -= ticks
                packet.pts = None if packet.pts is None else packet.pts - ticks
                yield from ((seconds - shift, ready, copy) for ready in copy.ready(packet))
    except av.error.InvalidDataError:
        return  # the file breaks off here
