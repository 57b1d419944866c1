"""Everything of a film that is not its picture: sound, subtitles, attachments, covers, chapters, tags. Copied packet by packet.

Each stream is planned before any work is done, by a trial (`trial.py`); the result is written by the same plan.
"""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.bitstream import BitStreamFilterContext
from av.stream import Disposition

from ...errors import OutputError
from ...runtime.ffmpeg import open_output
from ...runtime.write_errors import write_error
from ..input.programmes import service_tags
from .ffmpeg_log import reason
from .pcm import PcmRewrap

# FFmpeg's muxers by file name ending; Matroska holds nearly everything.
MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

_OF_THE_CONTAINER = {"major_brand", "minor_version", "compatible_brands", "encoder"}
# Statistics that mkvmerge and FFmpeg wrote into the source; they are wrong after any change, and the muxer computes new ones.
_STATISTICS = ("bps", "number_of_bytes", "number_of_frames", "duration", "_statistics_")
_OF_THE_PICTURE = {"encoder", "rotate", "vendor_id"}  # of the encoder that made it; the display matrix in words
# Keys for which MP4 and QuickTime have boxes of their own; with any other, FFmpeg has to write them all as free keys ("mdta").
_MP4_TAGS = {
    "title", "artist", "album_artist", "composer", "album", "date", "genre", "comment", "copyright", "grouping", "lyrics",
    "description", "synopsis", "show", "episode_id", "network", "keywords", "location", "creation_time", "timecode", "track",
    "disc", "compilation", "season_number", "episode_sort", "hd_video", "media_type", "gapless_playback", "make", "model",
}  # fmt: skip


# Data that a player does nothing with, in words, by FFmpeg's name of it.
_DATA = {
    "tmcd": "timecode",
    "scte_35": "SCTE-35 cues",
    "klv": "KLV metadata",
    "smpte_436m_anc": "SMPTE 436M ancillary data",
    "smpte_2038": "SMPTE 2038 ancillary data",
    "dvd_nav_packet": "DVD navigation",
    "timed_id3": "timed ID3",
    "epg": "programme guide",
    "bin_data": "data",
}


class StreamAction(StrEnum):
    """How a stream is treated. REWRAPPED, DECODED: to PCM, of PCM or of compressed sound. CHAPTERS: it is the text of the chapters;
    TIMECODE: of the tag that a muxer makes a track of."""

    COPIED = "copied"
    REWRAPPED = "rewrapped"
    DECODED = "decoded"
    ATTACHED = "attached"
    CHAPTERS = "chapters"
    TIMECODE = "timecode"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """The plan for a stream of the source. kind: video, audio, ...; cover: `is_cover`; reason: why it is left out."""

    index: int
    kind: str
    codec: str
    action: StreamAction
    reason: str = ""
    cover: bool = False

    def warning(self, source: Path) -> str | None:
        """A sentence for the user, where there is something to know."""
        named = f"{source}: {self.kind} stream {self.index} ({self.codec})"
        if self.action is StreamAction.LEFT_OUT:
            return f"{named} is left out: {self.reason}"
        if self.action is StreamAction.DECODED:
            return f"{named} is decoded to PCM: {self.reason}"
        if self.kind == "video" and self.action is StreamAction.COPIED and not self.cover:
            return f"{named} is copied as it is; a single picture stream of a film is colorized"
        return None


@contextlib.contextmanager
def writing(target: Path, temporary: Path, muxer: str, tags: Iterable[str] = ()) -> Iterator[av.container.OutputContainer]:
    """A container that is written to `temporary` by FFmpeg's muxer of that name; its errors become `OutputError` for `target`.

    tags: names of those that it will have. Errors that reading causes pass through the block as `SourceError` already (`probe.reading`
    is their border), so whatever FFmpeg still raises in here concerns the result.
    """
    try:
        with open_output(temporary, muxer, muxer_options(muxer, tags, fast_start=True)) as container:
            yield container
    except av.error.FFmpegError as exc:
        if isinstance(exc, OSError):
            raise write_error(target, exc) from exc
        raise OutputError(f"{target}: cannot be written ({reason(exc)}); choose another container or --codec") from exc


def muxer_options(muxer: str, tags: Iterable[str] = (), *, fast_start: bool = False) -> dict[str, str]:
    """Options for FFmpeg's muxer. tags: names of those that the file will have; fast_start: the index at the front."""
    # MP4 and NUT hold times before 0: decoding times of B-frames, sound before the first picture. Left to itself, FFmpeg would shift
    # every stream by the former. Matroska holds none, goes by when pictures are shown, and is shifted as a whole where one is before 0.
    # FFmpeg's waiting for streams that have nothing to say is left at ten seconds: packets are handed over in the order of their times,
    # and with a sound that ends early it would keep all the rest.
    options = {"avoid_negative_ts": "make_non_negative" if muxer == "matroska" else "disabled"}
    if muxer in ("mp4", "mov"):
        flags = ["+faststart"] if fast_start else []
        if any(name.lower() not in _MP4_TAGS for name in tags):
            flags.append("+use_metadata_tags")
        if flags:
            options["movflags"] = "".join(flags)
        options["strict"] = "unofficial"  # boxes for stereo and spherical films, which Google has specified
    return options


class Copy:
    """A stream of the result that takes packets of one of the source. Times that do not increase are moved to the next tick, as
    FFmpeg's programs do."""

    def __init__(self, stream: av.stream.Stream, rewrap: PcmRewrap | None = None) -> None:
        self.stream, self.packets, self.damaged = stream, 0, 0
        self._rewrap = rewrap
        self._last: int | None = None

    def ready(self, packet: av.Packet) -> Iterator[av.Packet]:
        """The packets to mux for a packet of the source, whose times are those of the result already."""
        if self._rewrap is None:
            yield from self._in_order([packet])
        else:
            yield from self._in_order(self._tolerant(functools.partial(self._rewrap.packets, packet)))

    def last(self) -> Iterator[av.Packet]:
        """The packets to mux after the last one of the source: what a decoder still holds."""
        if self._rewrap is not None and self.packets:
            yield from self._in_order(self._tolerant(self._rewrap.last_packets))

    def _tolerant(self, decode: Callable[[], list[av.Packet]]) -> list[av.Packet]:
        try:
            return decode()
        except (ValueError, av.error.FFmpegError):
            self.damaged += 1
            return []

    def _in_order(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        for each in packets:
            each.stream = self.stream
            if each.dts is not None:
                if self._last is not None and each.dts <= self._last:
                    each.dts = self._last + 1
                    each.pts = None if each.pts is None else max(each.pts, each.dts)
                self._last = each.dts
            yield each

    def mux(self, output: av.container.OutputContainer, packet: av.Packet) -> None:
        """Write a packet that `ready` gave; one that the muxer refuses is counted and left out."""
        try:
            output.mux(packet)
        except (ValueError, av.error.InvalidDataError, av.error.ArgumentError):
            self.damaged += 1
        else:
            self.packets += 1


def add_copies(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    planned: Iterable[PlannedStream],
    covers: dict[int, bytes],
) -> dict[int, Copy]:
    """Add what the plan says to `target`: source stream's index -> its copy, for those that have packets.

    covers: pictures of the streams that become attachments. Raises what PyAV raises where a container does not take one.
    """
    copies: dict[int, Copy] = {}
    for plan in planned:
        stream = source.streams[plan.index]
        if plan.action is StreamAction.ATTACHED:
            _attach(target, stream, covers)
        elif plan.action in (StreamAction.REWRAPPED, StreamAction.DECODED):
            assert isinstance(stream, av.AudioStream), "PCM is sound"
            rewrap = PcmRewrap(target, stream)
            copies[plan.index] = Copy(_described(rewrap.stream, stream), rewrap)
        elif plan.action is StreamAction.COPIED:
            copy = _described(_like(target, stream), stream)
            copy.time_base = stream.time_base
            copies[plan.index] = Copy(copy)
    return copies


def _like(target: av.container.OutputContainer, stream: av.stream.Stream) -> av.stream.Stream:
    """A stream of `target` for packets of `stream`, also where FFmpeg has no decoder for them, or its muxer does not list their codec.

    Matroska holds any sound that AVI and ASF hold, by its number in WAVEFORMATEX (A_MS/ACM); FFmpeg muxes all of these and lists few.
    """
    if stream.codec_context is not None or stream.type not in _ANY_CODEC:
        try:
            return target.add_stream_from_template(stream, opaque=True)
        except ValueError:
            if target.format.name != "matroska" or not _has_wave_number(stream):
                raise
    copy = target.add_mux_stream(_ANY_CODEC[stream.type])
    BitStreamFilterContext("null", in_stream=stream, out_stream=copy)  # copies all parameters, the codec among them
    return copy


def _has_wave_number(stream: av.stream.Stream) -> bool:
    """Whether the source names the codec of its sound by a number of 16 bits; PyAV has it as four characters."""
    tag = stream.codec_context.codec_tag if stream.type == "audio" and stream.codec_context is not None else ""
    return tag.endswith("\0\0") and tag.strip("\0") != ""


_ANY_CODEC = {"video": "mpeg4", "audio": "aac"}  # something that every container holds, to be replaced


def _attach(target: av.container.OutputContainer, stream: av.stream.Stream, covers: dict[int, bytes]) -> None:
    name, kind = stream.metadata.get("filename"), stream.metadata.get("mimetype")
    if stream.index in covers:
        suffix, usual = _PICTURES.get(stream.codec_context.name, ("bin", "application/octet-stream"))
        target.add_attachment(name or f"cover.{suffix}", kind or usual, covers[stream.index])
    elif isinstance(stream, av.stream.AttachmentStream):
        target.add_attachment(name or f"attachment-{stream.index}", kind or "application/octet-stream", stream.data)


_PICTURES = {
    "mjpeg": ("jpg", "image/jpeg"),
    "png": ("png", "image/png"),
    "bmp": ("bmp", "image/bmp"),
    "gif": ("gif", "image/gif"),
}


def _described(copy: av.stream.Stream, stream: av.stream.Stream) -> av.stream.Stream:
    copy.disposition = stream.disposition
    copy.metadata.clear()
    copy.metadata.update(stream_tags(stream))
    language = copy.metadata.get("language")
    if language in _BIBLIOGRAPHIC and copy.container.format.name == "mov":
        copy.metadata["language"] = _BIBLIOGRAPHIC[language]
    return copy


# ISO 639-2 has two codes for some languages. QuickTime's own list has the bibliographic ones, and knows no others.
_BIBLIOGRAPHIC = {
    "sqi": "alb", "hye": "arm", "eus": "baq", "bod": "tib", "mya": "bur", "zho": "chi", "ces": "cze", "nld": "dut", "fra": "fre",
    "kat": "geo", "deu": "ger", "ell": "gre", "isl": "ice", "mkd": "mac", "mri": "mao", "msa": "may", "fas": "per", "ron": "rum",
    "slk": "slo", "cym": "wel",
}  # fmt: skip


def same_language(one: str | None, other: str | None) -> bool:
    """Whether two ISO 639-2 codes mean the same language."""
    return _BIBLIOGRAPHIC.get(one or "", one) == _BIBLIOGRAPHIC.get(other or "", other)


def is_cover(stream: av.stream.Stream) -> bool:
    """Whether the stream is a still picture that belongs to the film as a whole."""
    return bool(stream.disposition & Disposition.attached_pic) and not stream.disposition & Disposition.timed_thumbnails


def codec_name(stream: av.stream.Stream) -> str:
    """FFmpeg's name of the stream's codec, or what its data are in words; of an attachment, its file's."""
    if stream.codec_context is not None:
        return str(stream.codec_context.codec.canonical_name)
    if stream.type == "attachment":
        return stream.metadata.get("filename") or stream.metadata.get("mimetype") or "unknown"
    if stream.type == "data" and "timecode" in stream.metadata:
        return "timecode"
    name = str(getattr(stream, "name", None) or "unknown")
    return _DATA.get(name, name)


def stream_tags(stream: av.stream.Stream, *, picture: bool = False) -> dict[str, str]:
    """A stream's tags without those that were counted, or of its encoder. picture: the stream is encoded again."""
    return {
        name: value
        for name, value in stream.metadata.items()
        if not name.lower().startswith(_STATISTICS) and not (picture and name.lower() in _OF_THE_PICTURE)
    }


def film_tags(source: av.container.InputContainer) -> dict[str, str]:
    """The film's own tags, without those of its container; of a transport stream, name and provider of the channel."""
    own = {name: value for name, value in source.metadata.items() if name.lower() not in _OF_THE_CONTAINER}
    return {**service_tags(source), **own}


def chapters_within(chapters: Iterable[Any], start: Fraction, end: Fraction | None) -> Iterator[Any]:
    """Chapters cut to the part from `start` to `end`, in seconds, and moved so that it begins at 0."""
    for chapter in chapters:
        tick = chapter["time_base"]
        first, last = chapter["start"] * tick, chapter["end"] * tick
        if last > start and (end is None or first < end):
            begins, ends = max(first, start) - start, (last if end is None else min(last, end)) - start
            yield {**chapter, "start": round(begins / tick), "end": round(ends / tick)}


def with_dts(packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
    """Packets with content, or of covers, each with a decoding time where any packet of its stream has one.

    Where a container says only when pictures are shown, FFmpeg gives the first packets no decoding time: they get times before the first
    one known, a packet's duration apart. Packets of a stream without any decode when they are shown.
    """
    waiting: dict[int, list[av.Packet]] = defaultdict(list)
    last: dict[int, int] = {}
    for packet in packets:
        if not packet.size:
            continue
        index = packet.stream.index
        if is_cover(packet.stream):
            yield packet
        elif packet.dts is not None:
            early = waiting.pop(index, [])
            for n, each in enumerate(reversed(early), 1):
                each.dts = packet.dts - n * max(1, each.duration or 1)
            last[index] = packet.dts
            yield from (*early, packet)
        elif index in last:
            last[index] = packet.dts = last[index] + 1
            yield packet
        else:
            waiting[index].append(packet)
            if len(waiting[index]) == _MOST_EARLY:
                yield from _dts_from_pts(waiting.pop(index))
    for left in waiting.values():
        yield from _dts_from_pts(left)


_MOST_EARLY = 32  # packets; no codec reorders more


def _dts_from_pts(packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
    for packet in packets:
        packet.dts = packet.pts
        if packet.dts is not None:
            yield packet


def is_filler(packet: av.Packet) -> bool:
    """Whether the packet is the empty text that MP4 keeps between two subtitles; its muxer writes these by itself."""
    return packet.stream.type == "subtitle" and packet.stream.codec_context.name == "mov_text" and bytes(packet) == b"\0\0"
