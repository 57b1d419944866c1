"""The last step of a film: segments one behind the other, and everything else of the source beside them, packet by packet."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error

from ...runtime.atomic_write import atomic_write
from ...settings import FilmSettings
from ..chunks.plan import Chunk
from ..chunks.segments import SegmentFacts, WorkFolder
from ..input.probe import FilmInfo, picture_stream, reading
from ..time_range import TimeRange
from .encode import PictureFormat, open_encoder
from .streams import MUXERS, StreamCopies, add_copies, is_filler, writing


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk whose segment is finished."""

    chunk: Chunk
    facts: SegmentFacts


def join(
    source: Path,
    target: Path,
    pieces: Sequence[Piece],
    work: WorkFolder,
    *,
    info: FilmInfo,
    picture: PictureFormat,
    settings: FilmSettings,
    window: TimeRange,
) -> list[str]:
    """Write `target` from the segments of `pieces`, in order, and the other streams of `source`; returns warnings.

    Every picture has the time and duration that it has in the source; where a window was wanted, all times are moved so that it begins
    at 0. Raises `OutputError`, `SourceError`.
    """
    with reading(source) as container:
        stream = picture_stream(source, container)
        ticks = round(window.start / stream.time_base)
        shift = ticks * stream.time_base
        with atomic_write(target) as temporary, writing(target, temporary, MUXERS[target.suffix.lower()]) as output:
            # Never encodes: it gives the stream its headers, which are those of the segments, made by the same encoder.
            shown = open_encoder(output, stream, info, picture, settings)
            copies = add_copies(container, output, stream, source, shift, window.end)
            refused: Counter[str] = Counter()
            moments = heapq.merge(
                _pictures(pieces, work, stream.time_base, ticks),
                _others(container, copies, window, shift),
                key=lambda moment: moment[0],
            )
            for _, packet, copy in moments:
                packet.stream = copy or shown
                try:
                    output.mux(packet)
                except (ValueError, av.error.InvalidDataError):
                    if copy is None:
                        raise
                    refused[f"{copy.type} stream {copy.index}"] += 1
    damaged = [f"{source}: {count} damaged packets of {name} were left out" for name, count in refused.items()]
    return copies.warnings + damaged


_Moment = tuple[Fraction, av.Packet, av.stream.Stream | None]  # when a packet is due, and its stream; None: the picture


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
    container: av.container.InputContainer, copies: StreamCopies, window: TimeRange, shift: Fraction
) -> Iterator[_Moment]:
    """Packets of the other streams, in the file's order; what lies outside of the window is left out."""
    if not copies.outputs:
        return
    try:
        for packet in container.demux([s for s in container.streams if s.index in copies.outputs]):
            if packet.dts is None or is_filler(packet):
                continue
            seconds = packet.dts * packet.time_base
            if window.holds(seconds):
                ticks = round(shift / packet.time_base)
                copy = copies.outputs[packet.stream.index]
                packet.dts -= ticks
                packet.pts = None if packet.pts is None else packet.pts - ticks
                yield seconds - shift, packet, copy
    except av.error.InvalidDataError:
        return  # the file breaks off here
