"""One film, from its file to the coloured one: decode, predict, steady, lay chroma beside the untouched luma, encode, copy the rest."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from ..aside import written_aside
from ..colorizer import Colorizer
from ..errors import OutputError, SourceError
from ..settings import FilmSettings, Upscaling
from ..upscale import UPSCALERS
from .chroma import chroma_planes
from .cuts import shots
from .encode import CODECS, open_encoder, picture_format
from .planes import luma_plane, normalized, small_lightness, with_chroma
from .probe import describe_stream, picture_stream, reading
from .read import FilmReader
from .smooth import SMOOTHERS, ShotFrame
from .streams import MUXERS, add_copies, is_filler, writing


class FilmStopped(Exception):
    """The run was asked to stop; nothing was written."""


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """frames: finished so far; total_frames: as the container says or estimates, else None."""

    frames: int
    total_frames: int | None


@dataclass(frozen=True, slots=True)
class FilmResult:
    """What became of a film."""

    frames: int
    shots: int
    seconds: float
    warnings: tuple[str, ...] = ()


class _Small(NamedTuple):
    """A decoded frame and the small lightness that network, cuts and smoother see, float32 `(h, w)`, 0..100."""

    frame: av.VideoFrame
    L: np.ndarray


class _Predicted(NamedTuple):
    """A frame with the generator's ab at the size of its small lightness, float32 `(2, h, w)`."""

    frame: av.VideoFrame
    L: np.ndarray
    ab: np.ndarray


@dataclass(slots=True)
class _Counts:
    frames: int = 0
    shots: int = 0
    broken: int = 0
    warnings: list[str] = field(default_factory=list)


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
    counts = _Counts()
    with reading(source) as container:
        stream = picture_stream(source, container)
        info = describe_stream(source, container, stream)
        picture = picture_format(info, CODECS[settings.codec].encoder)
        with written_aside(target) as aside, writing(target, aside) as output:
            encoder = open_encoder(output, stream, info, picture, settings)
            copies = add_copies(container, output, stream, source)
            counts.warnings += copies.warnings
            durations: dict[int, int] = {}

            def mux_other(packet: av.Packet) -> None:
                if packet.stream.index in copies.outputs and packet.dts is not None and not is_filler(packet):
                    packet.stream = copies.outputs[packet.stream.index]
                    output.mux(packet)

            def encode(frame: av.VideoFrame | None) -> None:
                for packet in encoder.encode(frame):
                    packet.duration = durations.pop(packet.pts, packet.duration or 0)
                    output.mux(packet)

            reader = FilmReader(source, container, stream)
            try:
                frames = _frames(reader, mux_other, counts, should_stop)
                pictures = (normalized(frame, info, picture) for frame in frames)
                small = (_Small(frame, small_lightness(frame, info, picture, colorizer)) for frame in pictures)
                predicted = _predict(small, colorizer, np.float32(saturation), info.rotation // 90)
                for frame, L, ab in _steadied(predicted, settings, counts):
                    luma = luma_plane(frame)
                    chroma = chroma_planes(luma, UPSCALERS[upscaling](L, ab), picture.coding, picture.grid)
                    durations[frame.pts] = frame.duration or 0
                    encode(with_chroma(frame, luma, chroma, picture))
                    counts.frames += 1
                    if on_progress is not None:
                        on_progress(FilmProgress(counts.frames, info.frames))
                if counts.frames == 0:
                    raise SourceError(f"{source}: not one picture could be decoded; the file is damaged or cut off")
                encode(None)
            finally:
                reader.stop()
    if counts.broken:
        counts.warnings.append(f"{source}: {counts.broken} damaged packets were passed over; the rest is in colour")
    return FilmResult(counts.frames, counts.shots, time.monotonic() - started, tuple(counts.warnings))


def _frames(
    reader: FilmReader,
    on_packet: Callable[[av.Packet], None],
    counts: _Counts,
    should_stop: Callable[[], bool] | None,
) -> Iterator[av.VideoFrame]:
    """The film's frames, each with a pts that is later than the one before; packets of other streams go to `on_packet` on the way."""
    last: int | None = None
    for item in reader:
        if should_stop is not None and should_stop():
            raise FilmStopped
        if isinstance(item, av.Packet):
            on_packet(item)
            continue
        if item.pts is None:
            item.pts = item.dts if item.dts is not None else (0 if last is None else last + max(1, item.duration or 1))
        if last is not None and item.pts <= last:
            counts.broken += 1  # two frames cannot be shown at one time; encoders and containers refuse that
            continue
        last = item.pts
        yield item
    counts.broken += reader.broken


def _predict(
    frames: Iterable[_Small], colorizer: Colorizer, saturation: np.float32, quarter_turns: int
) -> Iterator[_Predicted]:
    """ab of each frame, batch by batch; the network sees frames upright."""
    waiting = iter(frames)
    while batch := list(itertools.islice(waiting, colorizer.batch_size)):
        upright = [np.ascontiguousarray(np.rot90(item.L, quarter_turns)) for item in batch]
        for item, ab in zip(batch, colorizer.ab(upright), strict=True):
            laid_back = np.rot90(ab, -quarter_turns, axes=(1, 2)) * saturation
            height, width = item.L.shape
            fine = [cv2.resize(np.ascontiguousarray(p), (width, height), interpolation=cv2.INTER_CUBIC) for p in laid_back]
            yield _Predicted(item.frame, item.L, np.stack(fine))


def _steadied(frames: Iterable[_Predicted], settings: FilmSettings, counts: _Counts) -> Iterator[_Predicted]:
    """The same frames with ab kept steady; every shot by itself."""
    smooth = SMOOTHERS[settings.smooth]
    numbered = shots(frames, lambda item: item.L)
    for _, shot in itertools.groupby(numbered, key=lambda pair: pair[0]):
        counts.shots += 1
        waiting: collections.deque[_Predicted] = collections.deque()  # frames that the smoother has seen and not yet answered
        for ab in smooth(_remembered(shot, waiting)):
            yield waiting.popleft()._replace(ab=ab)


def _remembered(shot: Iterable[tuple[int, _Predicted]], waiting: collections.deque[_Predicted]) -> Iterator[ShotFrame]:
    for _, item in shot:
        waiting.append(item)
        yield ShotFrame(item.L, item.ab)
