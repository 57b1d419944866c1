"""The job that a film consists of: decode a chunk from its own place, colour it, encode it as a segment."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np

from ...color.upsampling import UPSCALERS
from ...engines.colorizer import Colorizer
from ...engines.opening import release_networks
from ...errors import OutputError, SourceError
from ...executors import JobContext
from ...runtime.atomic_write import atomic_write
from ...runtime.heap import return_large_blocks
from ...runtime.prefetch import prefetch
from ...settings import ColorPages, ColorSettings, FilmSettings
from ..chroma.frames import ChosenFrames, ColorCounts, ColorizedFrame, DecodedFrame, colorize_frames
from ..chroma.motion import motion_size
from ..chroma.planes import chroma_planes
from ..chroma.propagation import ShotColours
from ..chroma.returning import EarlierFrame
from ..input.interlacing import deinterlace
from ..input.planes import OutputFrame, chroma_of, in_picture_format, luma_plane, small_lightness, to_picture_format
from ..input.probe import FilmInfo, picture_stream, reading
from ..input.source import SourceIdentity
from ..output.encode import open_encoder
from ..output.sessions import encoder_session
from ..output.streams import writing
from ..picture_format import PictureFormat, is_large
from ..quality import NoMetrics, QualityMetrics
from ..shots.color import Treatment, small_lab, treatment
from .chosen import NOTHING_CHOSEN, WholeFilm
from .frames import ChunkFrames
from .plan import Chunk
from .segments import SegmentFacts, WorkFolder, times_of
from .stored_colours import StoredColours

_PREFETCH = 8  # frames that wait for the network
_COLORED_AHEAD = 8  # frames that wait for the encoder
_REPORT_INTERVAL_S = 0.25
_NO_PICTURE = av.VideoFrame(16, 16, "gray")
_NO_AB = np.empty((2, 0, 0), np.float32)  # of frames that keep their own

Item = TypeVar("Item")


class FilmStopped(Exception):
    """The run was stopped; finished chunks stay for the next one."""


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """The work on a chunk: what all chunks of a film share. identity: of the source, as of its first access; color_pages: how to
    process shots in colour; measure: whether figures for the report are taken as well; chosen: colours that somebody chose for all of
    it."""

    source: Path
    identity: SourceIdentity
    info: FilmInfo
    picture: PictureFormat
    work: WorkFolder
    colorizer: Callable[[], Colorizer]
    settings: FilmSettings
    color: ColorSettings
    color_pages: ColorPages = "copy"
    measure: bool = False
    chosen: WholeFilm = NOTHING_CHOSEN

    def prepare(self) -> None:
        """Open the network."""
        self.colorizer()

    def __call__(self, chunk: Chunk, context: JobContext) -> SegmentFacts:
        """Make the chunk's segment and return what is known of it. Raises `SourceError`, `OutputError`, `UsageError`, `FilmStopped`."""
        with encoder_session(self.settings.encoder, context.should_stop) as held:
            if not held:
                raise FilmStopped
            return self._make_segment(chunk, context)

    def _make_segment(self, chunk: Chunk, context: JobContext) -> SegmentFacts:
        self.identity.check(self.source)
        counts = ColorCounts()
        measures = QualityMetrics() if self.measure else NoMetrics()
        keeps_fields = self.settings.deinterlace == "off" and self.info.side_data.field_order != "progressive"
        canvas = OutputFrame(self.info.width, self.info.height, self.picture, fields=keeps_fields)
        target = self.work.segment(chunk)
        with reading(self.source) as container, contextlib.ExitStack() as stack:
            stream = picture_stream(self.source, container)
            with atomic_write(target) as temporary:
                with writing(target, temporary, self.work.muxer) as output:
                    encoder = open_encoder(output, stream, self.info, self.picture, self.settings)
                    found = ChunkFrames(self.source, self.info, self.picture, chunk)
                    colors = stack.enter_context(contextlib.closing(self._colors(found, chunk, counts, context)))
                    for (frame, L, ab), done in _telling(colors, context):
                        ab = self._own_ab(frame, L) if done is Treatment.KEEP else ab  # noqa: PLW2901
                        luma, planes = self._planes(frame, L, ab, done)
                        measures.add(L, ab, luma)
                        output.mux(encoder.encode(canvas.compose(frame, luma, planes)))
                    output.mux(encoder.encode(None))
                self.identity.check(self.source)
                order = _order(temporary, chunk)
                measured = measures.figures(temporary)
        facts = SegmentFacts(
            order, 1 + len(chunk.cuts), counts.keys, found.repeated, found.flawed, measured, dict(canvas.side_data)
        )
        self.work.write_facts(chunk, facts)
        return facts

    @property
    def _is_large(self) -> bool:
        """Whether pictures are too large to wait, dozens of them, until the smoother has seen what follows; they are decoded twice."""
        return is_large(self.info.width, self.info.height, self.info.depth)

    def _colors(
        self, found: ChunkFrames, chunk: Chunk, counts: ColorCounts, context: JobContext
    ) -> Generator[tuple[ColorizedFrame, Treatment]]:
        """The chunk's own frames in the picture's format, each with its colours and what is done with it.

        Two decoders at work, and a network beside the encoder, take too much memory for large pictures: all their colours are made
        first, and wait on disk.
        """
        if not self._is_large:
            yield from self._colors_at_once(found, chunk, counts)
            return
        return_large_blocks()
        with StoredColours(self.work.path, self.work.segment(chunk)) as stored:
            with contextlib.closing(self._colors_at_once(found, chunk, counts)) as at_once:
                for colorized, _ in at_once:
                    if context.should_stop():
                        raise FilmStopped
                    stored.add(colorized.L, colorized.ab)
            release_networks()
            again = self._in_shots(ChunkFrames(self.source, self.info, self.picture, chunk), chunk)
            own = itertools.islice(again, chunk.lead, chunk.lead + chunk.count)
            for (shot, frame), (L, ab) in zip(own, stored, strict=True):
                yield ColorizedFrame(frame, L, ab), self._treatment(chunk, shot)

    def _colors_at_once(
        self, found: ChunkFrames, chunk: Chunk, counts: ColorCounts
    ) -> Generator[tuple[ColorizedFrame, Treatment]]:
        """As `_colors`; large pictures are not there. Two stages, each in a thread: decoding; network and motion."""
        colorizer = self.colorizer()
        decoded_frames = (
            (shot, DecodedFrame(_NO_PICTURE if self._is_large else frame, self._small(frame, colorizer)))
            for shot, frame in self._in_shots(found, chunk)
        )
        with contextlib.closing(prefetch(decoded_frames, _PREFETCH, "film reader")) as decoded:
            chroma = self._colorized(decoded, chunk, colorizer, counts, self._chosen(chunk, colorizer))
            with contextlib.closing(prefetch(chroma, _COLORED_AHEAD, "film colours")) as ready:
                yield from itertools.islice(ready, chunk.lead, chunk.lead + chunk.count)

    def _small(self, frame: av.VideoFrame, colorizer: Colorizer) -> np.ndarray:
        return small_lightness(frame, self.info, self.picture, colorizer)

    def _in_shots(self, found: Iterable[av.VideoFrame], chunk: Chunk) -> Iterator[tuple[int, av.VideoFrame]]:
        """(number of the shot in the chunk, frame in the picture's format, with its own chroma where that is needed)."""
        frames = deinterlace(found) if chunk.interlaced and self.settings.deinterlace == "auto" else found
        shot = 0
        for n, frame in enumerate(frames):
            shot += n in chunk.cuts
            colorized = self._treatment(chunk, shot) is Treatment.COLORIZE
            convert = to_picture_format if colorized else in_picture_format
            yield shot, convert(frame, self.info, self.picture)

    def _treatment(self, chunk: Chunk, shot: int) -> Treatment:
        return treatment(chunk.colors[shot], self.color_pages, self.settings.tints)

    def _colorized(
        self,
        decoded: Iterable[tuple[int, DecodedFrame]],
        chunk: Chunk,
        colorizer: Colorizer,
        counts: ColorCounts,
        chosen: ChosenFrames,
    ) -> Iterator[tuple[ColorizedFrame, Treatment]]:
        """Every frame with its chroma, in order; those that keep their own do not pass through the network."""
        begins = 0
        for done, group in itertools.groupby(decoded, key=lambda pair: self._treatment(chunk, pair[0])):
            count = begins
            if done is Treatment.KEEP:
                for _, (frame, L) in group:
                    count += 1
                    yield ColorizedFrame(frame, L, _NO_AB), done
            else:
                overlaps = [range(each.start - begins, each.stop - begins) for each in chunk.overlaps]
                for item in colorize_frames(
                    group,
                    colorizer,
                    settings=self.settings,
                    quarter_turns=self.info.rotation // 90,
                    counts=counts,
                    overlaps=overlaps,
                    chosen=chosen,
                ):
                    count += 1
                    yield item, done
            begins = count

    def _chosen(self, chunk: Chunk, colorizer: Colorizer) -> ChosenFrames:
        """What somebody chose for the chunk's shots, and what they take over from earlier ones.

        Raises `OutputError` where the file of a shot cannot be read any more.
        """
        shots = {}
        for number, (name, start) in enumerate(chunk.chosen):
            if name:
                try:
                    shots[number] = ShotColours.load(self.work.path / name), start
                except (OSError, ValueError, KeyError) as exc:
                    raise OutputError(f"{self.work.path / name}: cannot be read any more ({exc}); run it again") from exc
        whole = None
        if self.chosen.rules or self.chosen.masks:
            whole = cache(lambda shape: self.chosen.at(shape, self.color.saturation))
        earlier = {number: self._earlier_frame(end, colorizer) for number, end in enumerate(chunk.returns) if end is not None}
        return ChosenFrames(shots, whole, earlier)

    def _earlier_frame(self, end: Chunk, colorizer: Colorizer) -> EarlierFrame:
        """The last frame of an earlier shot with its colours: stored, or made here and stored for other chunks. end: of that shot."""
        path = self.work.earlier_frame(end)
        with contextlib.suppress(OSError, ValueError, KeyError):
            return EarlierFrame.load(path)
        found = ChunkFrames(self.source, self.info, self.picture, end)
        decoded = (
            (shot, DecodedFrame(_NO_PICTURE, self._small(frame, colorizer))) for shot, frame in self._in_shots(found, end)
        )
        chosen = self._chosen(end, colorizer)
        for colorized, _ in self._colorized(decoded, end, colorizer, ColorCounts(), chosen):
            last = colorized
        frame = EarlierFrame(last.L, last.ab, bool(chosen.shots))
        frame.save(path)
        return frame

    def _own_ab(self, frame: av.VideoFrame, L: np.ndarray) -> np.ndarray:
        """The frame's own chroma, ab float32 `(2, h', w')`, at the size at which motion is estimated."""
        return small_lab(frame, self.info, motion_size(L)[::-1])[1:]

    def _planes(self, frame: av.VideoFrame, L: np.ndarray, ab: np.ndarray, done: Treatment) -> tuple[np.ndarray, np.ndarray]:
        """Luma `(H, W)` and Cb, Cr `(2, rows, columns)` of the result."""
        luma = luma_plane(frame)
        if done is Treatment.KEEP:
            return luma, chroma_of(frame, self.picture)
        ab = ab * np.float32(self.color.saturation)
        if done is Treatment.BLEND:
            tint = self._own_ab(frame, L)
            ab = (cv2.resize(ab.transpose(1, 2, 0), tint.shape[:0:-1]).transpose(2, 0, 1) + tint) / 2
        small = cv2.resize(L, motion_size(L)[::-1], interpolation=cv2.INTER_AREA)
        coarse = UPSCALERS[self.color.upscaling](small, ab)
        return luma, chroma_planes(luma, coarse, self.picture.coding, self.picture.grid)


def _telling(items: Iterable[Item], context: JobContext) -> Iterator[Item]:
    """The same items; tells how many more have passed a few times a second. Raises `FilmStopped` when it is time."""
    count, reported = 0, time.monotonic()
    for item in items:
        if context.should_stop():
            raise FilmStopped
        yield item
        count += 1
        if time.monotonic() - reported > _REPORT_INTERVAL_S:
            context.report(count)
            count, reported = 0, time.monotonic()
    context.report(count)


def _order(segment: Path, chunk: Chunk) -> tuple[int, ...]:
    """For each packet of a segment the number of its frame. Raises `SourceError` where they are not one a frame."""
    times = times_of(segment)
    if len(times) != chunk.count or None in times:
        raise SourceError(f"{segment}: the encoder made {len(times)} pictures of {chunk.count}; please report it")
    ranks = {pts: rank for rank, pts in enumerate(sorted(times))}  # type: ignore[type-var]
    return tuple(ranks[pts] for pts in times)
