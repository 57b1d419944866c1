"""One film, from its file to the coloured one: decode, predict, steady, lay chroma beside the untouched luma, encode, copy the rest."""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from ..ahead import ahead
from ..aside import written_aside
from ..colorizer import Colorizer
from ..errors import OutputError, SourceError
from ..settings import FilmSettings, Upscaling
from ..upscale import UPSCALERS
from .chroma import chroma_planes
from .colored import ColorCounts, Seen, colored
from .encode import CODECS, open_encoder, picture_format
from .planes import luma_plane, normalized, small_lightness, with_chroma
from .probe import describe_stream, picture_stream, reading
from .read import FilmReader
from .streams import MUXERS, add_copies, is_filler, writing

_DECODED_AHEAD = 8  # frames that wait for the network
_COLORED_AHEAD = 8  # frames that wait for the encoder


class FilmStopped(Exception):
    """The run was asked to stop; nothing was written."""


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """frames: finished so far; total_frames: as the container says or estimates, else None."""

    frames: int
    total_frames: int | None


@dataclass(frozen=True, slots=True)
class FilmResult:
    """What became of a film. keys: frames on which the generator ran; colour was carried to the others."""

    frames: int
    shots: int
    keys: int
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What reading has come across: damaged packets, and packets of other streams that wait to be copied."""

    broken: int = 0
    others: collections.deque[av.Packet] = field(default_factory=collections.deque)


def colorize_film(
    source: Path,
    target: Path,
    colorizer: Colorizer,
    *,
    settings: FilmSettings,
    saturation: float = 1.0,
    upscaling: Upscaling = "guided",
    on_progress: Callable[[FilmProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FilmResult:
    """Colorize the film `source` into `target`, whose suffix chooses the container (.mp4, .m4v, .mov or .mkv).

    Luma goes to the encoder as it was decoded; every frame keeps its pts and duration; other streams are copied. Memory is bounded
    whatever the film's length. Raises `SourceError`, `OutputError`, `UsageError` or, when `should_stop` answers yes, `FilmStopped`;
    nothing is left under or beside the target's name then.
    """
    started = time.monotonic()
    if target.suffix.lower() not in MUXERS:
        raise OutputError(f"{target}: films are written as {', '.join(sorted(MUXERS))}; choose one of these suffixes")
    found, counts, frames = _Reading(), ColorCounts(), 0
    with reading(source) as container:
        stream = picture_stream(source, container)
        info = describe_stream(source, container, stream)
        picture = picture_format(info, CODECS[settings.codec].encoder)
        with written_aside(target) as aside, writing(target, aside) as output:
            encoder = open_encoder(output, stream, info, picture, settings)
            copies = add_copies(container, output, stream, source)
            durations: dict[int, int] = {}

            def copy_others() -> None:
                while found.others:
                    packet = found.others.popleft()
                    if packet.stream.index in copies.outputs and packet.dts is not None and not is_filler(packet):
                        packet.stream = copies.outputs[packet.stream.index]
                        output.mux(packet)

            def encode(frame: av.VideoFrame | None) -> None:
                for packet in encoder.encode(frame):
                    packet.duration = durations.pop(packet.pts, packet.duration or 0)
                    output.mux(packet)

            # Three stages at once, each in a thread: decoding; network and motion; chroma planes and encoding (here).
            pictures = (normalized(frame, info, picture) for frame in _frames(FilmReader(source, container, stream), found))
            seen = (Seen(frame, small_lightness(frame, info, picture, colorizer)) for frame in pictures)
            with contextlib.closing(ahead(seen, _DECODED_AHEAD, "film reader")) as decoded:
                chroma = colored(decoded, colorizer, settings=settings, quarter_turns=info.rotation // 90, counts=counts)
                with contextlib.closing(ahead(chroma, _COLORED_AHEAD, "film colours")) as ready:
                    for frame, L, ab in ready:
                        if should_stop is not None and should_stop():
                            raise FilmStopped
                        luma = luma_plane(frame)
                        coarse = UPSCALERS[upscaling](L, ab * np.float32(saturation))
                        durations[frame.pts] = frame.duration or 0
                        planes = chroma_planes(luma, coarse, picture.coding, picture.grid)
                        copy_others()
                        encode(with_chroma(frame, luma, planes, picture))
                        frames += 1
                        if on_progress is not None:
                            on_progress(FilmProgress(frames, info.frames))
            if frames == 0:
                raise SourceError(f"{source}: not one picture could be decoded; the file is damaged or cut off")
            copy_others()
            encode(None)
    warnings = list(copies.warnings)
    if found.broken:
        warnings.append(f"{source}: {found.broken} damaged packets were passed over; the rest is in colour")
    return FilmResult(frames, counts.shots, counts.keys, time.monotonic() - started, tuple(warnings))


def _frames(reader: FilmReader, found: _Reading) -> Iterator[av.VideoFrame]:
    """The film's frames, each with a pts that is later than the one before."""
    last: int | None = None
    for item in reader:
        if isinstance(item, av.Packet):
            found.others.append(item)
            continue
        if item.pts is None:
            item.pts = item.dts if item.dts is not None else (0 if last is None else last + max(1, item.duration or 1))
        if last is not None and item.pts <= last:
            found.broken += 1  # two frames cannot be shown at one time; encoders and containers refuse that
            continue
        last = item.pts
        yield item
    found.broken += reader.broken
