"""The account of a film: everything that its file holds, stream by stream, as its headers and packets say."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Disposition

from .input.probe import FilmInfo, describe_stream, picture_stream, reading
from .input.programmes import Programme, programmes_of
from .output.encode import has_alpha
from .output.streams import codec_name, film_tags, is_filler, stream_tags
from .output.timecode import timecode_of

_NONE_SAID = ("und", "")  # languages that say nothing
_JUMP_S = 10  # between two packets of a stream: its clock was reset


@dataclass(frozen=True, slots=True)
class StreamAccount:
    """One stream. kind: video, audio, subtitle, data, attachment. name: of an attachment's file. dispositions: FFmpeg's names.

    packets, bytes: of those with content; None: not counted. start_s, end_s: of the first packet shown and behind the last, in seconds.
    steady: whether the stream's times never step back or jump.
    """

    index: int
    kind: str
    codec: str
    language: str | None = None
    name: str | None = None
    dispositions: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    packets: int | None = None
    bytes: int | None = None
    start_s: float | None = None
    end_s: float | None = None
    steady: bool = True

    @property
    def is_cover(self) -> bool:
        return "attached_pic" in self.dispositions and "timed_thumbnails" not in self.dispositions


@dataclass(frozen=True, slots=True)
class ChapterAccount:
    """start_s, end_s: seconds."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True, slots=True)
class Account:
    """All that a film holds. picture: index of the stream that is colorized. color: numbers of ITU-T H.273 and whether range is full.

    side_data: of the picture stream, in words, by FFmpeg's name.
    """

    container: str
    duration_s: float | None
    picture: int
    width: int
    height: int
    pixel_format: str
    depth: int
    alpha: bool
    sar: str
    color: dict[str, int | bool]
    side_data: dict[str, str]
    timecode: str | None
    streams: tuple[StreamAccount, ...]
    chapters: tuple[ChapterAccount, ...]
    tags: dict[str, str]
    programmes: tuple[Programme, ...] = ()

    def stream(self, index: int) -> StreamAccount:
        return next(stream for stream in self.streams if stream.index == index)

    @property
    def pictures(self) -> StreamAccount:
        """The stream that is colorized."""
        return self.stream(self.picture)

    def as_dict(self) -> dict[str, Any]:
        """JSON values, without what is empty or unknown."""
        made = {name: value for name, value in asdict(self).items() if name != "streams" and value not in (None, {}, ())}
        made["streams"] = [
            {name: value for name, value in asdict(stream).items() if value not in (None, {}, ())} for stream in self.streams
        ]
        return made

    def lines(self) -> list[str]:
        """A line for each stream and each kind of thing beside them, for people."""
        made = [_line(stream) for stream in self.streams]
        if self.chapters:
            made.append(f"{len(self.chapters)} chapters: " + ", ".join(chapter.title or "-" for chapter in self.chapters))
        for programme in self.programmes:
            said = ", ".join(each for each in (programme.name, programme.provider) if each) or "without a name"
            made.append(f"programme {said}: streams {', '.join(map(str, programme.streams))}")
        if self.timecode is not None:
            made.append(f"timecode {self.timecode}")
        return made + [f"{name}: {words}" for name, words in self.side_data.items()]


def take_account(path: Path, *, count: bool = True) -> Account:
    """Read what the film at `path` holds. count: also its packets, for which all of the file is read. Raises `SourceError`."""
    with reading(path) as container:
        stream = picture_stream(path, container)
        info = describe_stream(path, container, stream)
        streams = [_account_of(each) for each in container.streams]
        if count:
            streams = _counted(container, streams)
        return _assembled(container, stream, info, tuple(streams))


def _assembled(
    container: av.container.InputContainer, stream: av.VideoStream, info: FilmInfo, streams: tuple[StreamAccount, ...]
) -> Account:
    context = stream.codec_context
    return Account(
        container=info.container,
        duration_s=info.duration_s,
        picture=stream.index,
        width=info.width,
        height=info.height,
        pixel_format=info.pixel_format,
        depth=info.depth,
        alpha=has_alpha(info.pixel_format),
        sar=f"{info.sar.numerator}:{info.sar.denominator}",
        color={
            "matrix": int(context.colorspace),
            "primaries": int(context.color_primaries),
            "transfer": int(context.color_trc),
            "full_range": info.full_range,
        },
        side_data=info.side_data.as_dict(),
        timecode=timecode_of(container, stream),
        streams=streams,
        chapters=tuple(_chapter(chapter) for chapter in container.chapters()),
        tags=film_tags(container),
        programmes=programmes_of(container),
    )


def _account_of(stream: av.stream.Stream) -> StreamAccount:
    language = stream.language if stream.language not in _NONE_SAID else None
    return StreamAccount(
        index=stream.index,
        kind=stream.type,
        codec=(stream.metadata.get("mimetype") or "unknown") if stream.type == "attachment" else codec_name(stream),
        language=language,
        name=stream.metadata.get("filename"),
        dispositions=tuple(each.name or "" for each in Disposition if stream.disposition & each),
        tags={name: value for name, value in stream_tags(stream).items() if name.lower() != "language"},
        bytes=len(stream.data) if isinstance(stream, av.stream.AttachmentStream) else None,
    )


def _chapter(chapter: Any) -> ChapterAccount:
    tick = chapter["time_base"]
    return ChapterAccount(float(chapter["start"] * tick), float(chapter["end"] * tick), chapter["metadata"].get("title", ""))


@dataclass(slots=True)
class _Count:
    packets: int = 0
    bytes: int = 0
    start: Fraction | None = None
    end: Fraction | None = None
    last: Fraction | None = None
    steady: bool = True

    def add(self, packet: av.Packet) -> None:
        self.packets += 1
        self.bytes += packet.size
        tick = packet.time_base
        shown = packet.pts if packet.pts is not None else packet.dts
        if shown is not None:
            time = shown * tick
            self.start = time if self.start is None else min(self.start, time)
            end = time + (packet.duration or 0) * tick
            self.end = end if self.end is None else max(self.end, end)
        if packet.dts is not None:
            now = packet.dts * tick
            if self.last is not None and not 0 <= now - self.last < _JUMP_S and packet.stream.type != "subtitle":
                self.steady = False
            self.last = now


def _counted(container: av.container.InputContainer, streams: list[StreamAccount]) -> list[StreamAccount]:
    counts = {stream.index: _Count() for stream in streams if stream.kind != "attachment"}
    try:
        for packet in container.demux(list(container.streams)):
            if packet.size and not is_filler(packet):
                counts[packet.stream.index].add(packet)
    except av.error.FFmpegError:
        pass  # the file breaks off here
    return [_with_count(stream, counts[stream.index]) if stream.index in counts else stream for stream in streams]


def _with_count(stream: StreamAccount, count: _Count) -> StreamAccount:
    return replace(
        stream,
        packets=count.packets,
        bytes=count.bytes,
        start_s=None if count.start is None else float(count.start),
        end_s=None if count.end is None else float(count.end),
        steady=count.steady,
    )


def _line(stream: StreamAccount) -> str:
    what = [stream.codec, *(each for each in (stream.language, stream.name) if each), *stream.dispositions]
    counted = "" if stream.packets is None else f", {stream.packets} packets"
    return f"{stream.kind} stream {stream.index}: {', '.join(what)}{counted}"
