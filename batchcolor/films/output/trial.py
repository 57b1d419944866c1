"""Finds what the result's container can hold of a film, by writing a small sample and reading it again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.stream import Discard

from ...errors import OutputError, UsageError
from ...settings import FilmSettings
from ..input.probe import FilmInfo, picture_stream, probe, reading
from ..picture_format import PictureFormat
from .encode import open_encoder, picture_format
from .encoders import choose_encoder
from .ffmpeg_log import Messages, listening
from .pcm import is_decodable, is_pcm
from .streams import (
    MUXERS,
    PlannedStream,
    StreamAction,
    add_copies,
    codec_name,
    film_tags,
    is_cover,
    is_filler,
    muxer_options,
    stream_tags,
)

_MAX_PACKETS = 4000  # of a film's beginning, in search of the first ones of every stream
_MAX_BYTES = 64 << 20
_REFUSALS = (ValueError, TypeError, AttributeError, KeyError, av.error.FFmpegError)


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What becomes of every stream but the picture. covers: pictures that become attachments, by index. lead_s: how much earlier than the
    film a subtitle begins, as discs and cameras have them."""

    streams: tuple[PlannedStream, ...]
    covers: dict[int, bytes]
    lead_s: Fraction = Fraction(0)

    def kind(self, index: int) -> str:
        """video, audio, subtitle, ..."""
        return next(plan.kind for plan in self.streams if plan.index == index)

    def losses(self, source: Path) -> list[str]:
        """A sentence for each stream that the result will not have, or have as something else."""
        return [
            plan.warning(source) or "" for plan in self.streams if plan.action in (StreamAction.LEFT_OUT, StreamAction.DECODED)
        ]

    def warnings(self, source: Path) -> list[str]:
        """As `losses`, and what else is good to know."""
        return [warning for plan in self.streams if (warning := plan.warning(source)) is not None]


def plan_streams(source: Path, target: Path, info: FilmInfo, picture: PictureFormat, settings: FilmSettings) -> StreamPlan:
    """Plan every stream of `source`, then write the whole header of `target`, and the first packets, to memory.

    Raises `OutputError` where the container refuses the result, in FFmpeg's words; `SourceError`, `UsageError`.
    """
    muxer = MUXERS[target.suffix.lower()]
    with reading(source) as container, listening() as messages:
        stream = picture_stream(source, container)
        chapters = container.chapters()
        others = [each for each in container.streams if each.index != stream.index]
        first = _first_packets(container, others)
        planned = [_planned(each, muxer, bool(chapters), first.get(each.index, []), messages) for each in others]
        covers = {
            plan.index: bytes(first[plan.index][0])
            for plan in planned
            if plan.action is StreamAction.ATTACHED and plan.index in first
        }
        early = [
            packet.pts * packet.time_base
            for each in planned
            for packet in first.get(each.index, [])[:1]
            if each.kind == "subtitle" and each.action is StreamAction.COPIED and packet.pts is not None
        ]
        plan = StreamPlan(tuple(planned), covers, max(Fraction(0), info.origin - min(early, default=info.origin)))
        messages.forget()
        try:
            with av.open(io.BytesIO(), "w", format=muxer, options=muxer_options(muxer, film_tags(container))) as output:
                shown = open_encoder(output, stream, info, picture, settings)
                shown.metadata.update(stream_tags(stream, picture=True))
                add_copies(container, output, planned, covers)
                output.metadata.update(film_tags(container))
                if chapters:
                    output.set_chapters(chapters)
                output.start_encoding()
        except av.error.FFmpegError as exc:
            raise OutputError(
                f"{target}: {muxer} does not take this film ({messages.explain(exc)}); "
                "give the result another suffix (.mkv holds most kinds) or choose another --codec"
            ) from exc
        except UsageError as exc:
            raise _named(exc, muxer, settings) from exc
    return plan


def preview_streams(source: Path, target: Path, settings: FilmSettings | None = None) -> list[str]:
    """A sentence for each stream of `source` that `target` will not have, or will have as it is. Raises what `plan_streams` does."""
    film = settings or FilmSettings()
    info = probe(source)
    picture = picture_format(info, choose_encoder(film), film.pix_fmt, film.profile)
    return plan_streams(source, target, info, picture, film).warnings(source)


def _named(error: UsageError, muxer: str, settings: FilmSettings) -> UsageError:
    """A codec that the container does not hold is one thing, an encoder that is missing another."""
    if "does not support" in str(error):
        return UsageError(f"--codec {settings.codec}: {muxer} does not hold it; give the result the suffix .mov or .mkv")
    return error


def _planned(
    stream: av.stream.Stream, muxer: str, has_chapters: bool, first: list[av.Packet], messages: Messages
) -> PlannedStream:
    """The plan for one stream. first: its first packets."""
    codec, kind = codec_name(stream), stream.type

    def action(what: StreamAction, why: str = "") -> PlannedStream:
        return PlannedStream(stream.index, kind, codec, what, why, cover=is_cover(stream))

    if kind == "data" and "timecode" in stream.metadata:
        return action(StreamAction.TIMECODE)
    # FFmpeg marks the text track that it has read chapters from.
    if kind == "data" and has_chapters and stream.discard == Discard.all:
        return action(StreamAction.CHAPTERS)
    if kind == "attachment" or (is_cover(stream) and muxer == "matroska"):
        return _attached(kind == "attachment" or bool(first), muxer, action)
    refusal = _refusal(stream, muxer, first, messages, rewrap=False)
    if refusal is None:
        return action(StreamAction.COPIED)
    if is_decodable(stream) and _refusal(stream, muxer, first, messages, rewrap=True) is None:
        return action(StreamAction.REWRAPPED) if is_pcm(stream) else action(StreamAction.DECODED, refusal)
    return action(StreamAction.LEFT_OUT, refusal)


def _attached(is_there: bool, muxer: str, action: Callable[[StreamAction, str], PlannedStream]) -> PlannedStream:
    if muxer != "matroska":
        return action(StreamAction.LEFT_OUT, f"{muxer} holds no attachments; an .mkv result does")
    return action(StreamAction.ATTACHED, "") if is_there else action(StreamAction.LEFT_OUT, "its picture is missing")


def _refusal(stream: av.stream.Stream, muxer: str, first: list[av.Packet], messages: Messages, *, rewrap: bool) -> str | None:
    """Why the container does not hold the stream; None: it does, a trial beside a picture has shown it."""
    file = io.BytesIO()
    messages.forget()
    plan = PlannedStream(stream.index, stream.type, "", StreamAction.REWRAPPED if rewrap else StreamAction.COPIED)
    try:
        with av.open(file, "w", format=muxer, options=muxer_options(muxer)) as output:
            shown = output.add_stream("mpeg4", rate=25, width=64, height=64)
            copy = add_copies(stream.container, output, [plan], {})[stream.index]
            output.start_encoding()
            output.mux(shown.encode(av.VideoFrame(64, 64, "yuv420p")))
            output.mux(shown.encode(None))
            for packet in map(_copied, first):
                for ready in copy.ready(packet):
                    output.mux(ready)
        if not first:
            return None
        with av.open(io.BytesIO(file.getvalue())) as written:
            if len(written.streams) == 2 and written.streams[1].type == stream.type:
                return None
            return f"{muxer} does not keep it; an .mkv result holds more kinds"
    except _REFUSALS as exc:
        return f"{messages.explain(exc)}; an .mkv result holds more kinds" if muxer != "matroska" else messages.explain(exc)


def _copied(packet: av.Packet) -> av.Packet:
    """Times are written into a packet when it is muxed; the source's own stay as they are."""
    made = av.Packet(bytes(packet))
    made.stream, made.time_base = packet.stream, packet.time_base
    made.pts, made.dts, made.duration, made.is_keyframe = packet.pts, packet.dts, packet.duration, packet.is_keyframe
    return made


def _first_packets(container: av.container.InputContainer, streams: list[av.stream.Stream]) -> dict[int, list[av.Packet]]:
    """The first packets of each stream, as far as they lie near the beginning."""
    wanted = {stream.index: 1 if is_cover(stream) else 3 for stream in streams if stream.type != "attachment"}
    found: dict[int, list[av.Packet]] = {}
    count = size = 0
    if not wanted:
        return found
    for packet in _packets(container):
        count, size = count + 1, size + packet.size
        packets = found.setdefault(packet.stream.index, [])
        if len(packets) < wanted.get(packet.stream.index, 0) and packet.size and not is_filler(packet):
            packets.append(packet)
            if all(len(found.get(index, ())) == count for index, count in wanted.items()):
                break
        if count > _MAX_PACKETS or size > _MAX_BYTES:
            break
    return found


def _packets(container: av.container.InputContainer) -> Iterator[av.Packet]:
    try:
        yield from container.demux(list(container.streams))
    except av.error.FFmpegError:
        return  # the film breaks off here; how far it can be read is not this trial's question
