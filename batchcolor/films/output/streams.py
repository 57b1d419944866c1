"""Everything of a film that is not its picture: sound, subtitles, attachments, chapters, metadata. Copied packet by packet."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from ...errors import OutputError
from ...runtime.write_errors import write_error
from ..input.probe import picture_stream, reading

# FFmpeg's muxers by file name ending; Matroska holds nearly everything.
MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}


@contextlib.contextmanager
def writing(target: Path, temporary: Path, muxer: str) -> Iterator[av.container.OutputContainer]:
    """A container that is written to `temporary` by FFmpeg's muxer of that name; its errors become `OutputError` for `target`.

    Errors that reading causes pass through the block as `SourceError` already (`probe.reading` is their border), so whatever FFmpeg
    still raises in here concerns the result.
    """
    # Else decoding times before 0 (B-frames) would shift every stream. FFmpeg's own waiting for streams that have nothing to say is left
    # at ten seconds: packets are handed over in the order of their times, and with a sound that ends early it would keep all the rest.
    options = {"avoid_negative_ts": "disabled"}
    if muxer in ("mp4", "mov"):
        options["movflags"] = "+faststart"
    try:
        with av.open(str(temporary), "w", format=muxer, options=options) as container:
            yield container
    except av.error.FFmpegError as exc:
        if isinstance(exc, OSError):
            raise write_error(target, exc) from exc
        reason = getattr(exc, "strerror", None) or str(exc)
        raise OutputError(f"{target}: cannot be written ({reason}); choose another container or --codec") from exc


def lost_streams(source: Path, suffix: str) -> list[str]:
    """A sentence for each stream of `source` that a result with this suffix cannot hold."""
    with reading(source) as container, av.open(io.BytesIO(), "w", format=MUXERS[suffix.lower()]) as trial:
        return add_copies(container, trial, picture_stream(source, container), source).warnings


@dataclass(slots=True)
class StreamCopies:
    """outputs: source stream's index -> stream of the result. warnings: what the result's container cannot hold."""

    outputs: dict[int, av.stream.Stream] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def add_copies(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    picture: av.VideoStream,
    path: Path,
    start: Fraction = Fraction(0),
    end: Fraction | None = None,
) -> StreamCopies:
    """Add a copy of every stream but the picture, with language, disposition and metadata; then chapters and the film's own tags.

    start, end: the part of the film that is wanted, in seconds; chapters are cut to it and moved so that it begins at 0.
    """
    copies = StreamCopies()
    for stream in source.streams:
        if stream.index == picture.index:
            continue
        named = f"{path}: {stream.type} stream {stream.index}"
        codec = stream.codec_context.codec.canonical_name if stream.codec_context is not None else None
        try:
            if stream.type == "attachment":
                target.add_attachment(stream.name or f"attachment-{stream.index}", stream.mimetype, stream.data)
                continue
            if codec is not None and not _holds(target, codec):
                raise ValueError(f"{target.format.name} does not hold {codec}")
            copy = target.add_stream_from_template(stream, opaque=True)
        except (ValueError, TypeError, AttributeError, av.error.FFmpegError) as exc:
            copies.warnings.append(f"{named} ({codec or 'unknown'}) is left out: {exc}; an .mkv result holds more kinds")
            continue
        copy.time_base = stream.time_base
        copy.disposition = stream.disposition
        copy.metadata.update(stream.metadata)
        copies.outputs[stream.index] = copy
    target.metadata.update({name: value for name, value in source.metadata.items() if name not in _OF_THE_CONTAINER})
    chapters = list(_within(source.chapters(), start, end))
    if chapters:
        target.set_chapters(chapters)
    return copies


def _within(chapters: Iterable[Any], start: Fraction, end: Fraction | None) -> Iterator[Any]:
    for chapter in chapters:
        tick = chapter["time_base"]
        first, last = chapter["start"] * tick, chapter["end"] * tick
        if last > start and (end is None or first < end):
            begins, ends = max(first, start) - start, (last if end is None else min(last, end)) - start
            yield {**chapter, "start": round(begins / tick), "end": round(ends / tick)}


_OF_THE_CONTAINER = {"major_brand", "minor_version", "compatible_brands", "encoder"}


def is_filler(packet: av.Packet) -> bool:
    """Whether the packet is the empty text that MP4 keeps between two subtitles; its muxer writes these anew by itself."""
    return packet.stream.type == "subtitle" and packet.stream.codec_context.name == "mov_text" and bytes(packet) == b"\0\0"


def _holds(target: av.container.OutputContainer, codec: str) -> bool:
    """Whether the container takes the codec, as FFmpeg's own tables say."""
    return codec in target.supported_codecs or target.format.name == "matroska"
