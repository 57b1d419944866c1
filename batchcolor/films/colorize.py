"""One film, from its file to the coloured one: survey it, colour its chunks, join them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.colorizer import Colorizer, ColorizerFactory
from ..errors import OutputError, SourceError, UsageError, WorkerLost
from ..executors import Executor, SerialExecutor
from ..runtime.prefetch import prefetch
from ..settings import FilmSettings, Settings
from .chroma.key_frames import key_frames
from .chunks.job import ChunkWork, FilmStopped
from .chunks.plan import Chunk, ChunkLength, plan_chunks
from .chunks.segments import SegmentFacts, WorkFolder, work_folder
from .input.probe import FilmInfo, probe
from .output.encode import choose_encoder, picture_format
from .output.join import Piece, join
from .output.streams import MUXERS, lost_streams
from .shots.first_pass import FirstPass, FrameInfo
from .time_range import TimeRange

_FIRST_PASS_QUEUE = 2000  # frames; what is known of one is small
_FORMAT = 2  # of work folders: another version does not go on with them


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """frames: finished so far; total_frames: as the container says or estimates, else None; exact once all of the film was surveyed."""

    frames: int
    total_frames: int | None


@dataclass(frozen=True, slots=True)
class FilmResult:
    """What became of a film. keys: frames on which the generator ran; colour was carried to the others. resumed: frames that an earlier
    run had finished. measured: see `measure.QualityMetrics`; psnr_luma in dB instead of its mean squared error."""

    frames: int
    shots: int
    keys: int
    seconds: float
    resumed: int = 0
    warnings: tuple[str, ...] = ()
    measured: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON values for reports."""
        rate = (self.frames - self.resumed) / max(self.seconds, 1e-3)
        return {
            "shots": self.shots,
            "key_frames": self.keys,
            "frames_per_second": round(rate, 2),
            **{name: round(value, 5) for name, value in self.measured.items()},
        }


def colorize_film(
    source: Path,
    target: Path,
    settings: Settings,
    *,
    colorizer: Callable[[], Colorizer] | None = None,
    weights: str = "",
    executor: Executor | None = None,
    measure: bool = False,
    on_progress: Callable[[FilmProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FilmResult:
    """Colorize the film `source` into `target`, whose suffix chooses the container (.mp4, .m4v, .mov or .mkv).

    Luma goes to the encoder as it was decoded; every frame keeps its pts and duration; other streams are copied. Memory is bounded
    whatever the film's length. Finished chunks lie in a hidden folder beside `target` until the film is whole; a later call with the same
    settings goes on from them. weights: SHA-256 of the weights, to tell whether they are the same.

    colorizer: opens one, once a process; None: as the settings say. executor: where chunks run; None: here, one after the other.
    Raises `SourceError`, `OutputError`, `UsageError`, `BusyError`, `WorkerLost` or, when `should_stop` answers yes, `FilmStopped`.
    """
    started = time.monotonic()
    film = settings.film
    suffix = target.suffix.lower()
    if suffix not in MUXERS:
        raise OutputError(f"{target}: films are written as {', '.join(sorted(MUXERS))}; choose one of these suffixes")
    key_frames(film.key_frames)  # raises for what is no choice, before anything is begun
    info = probe(source)
    picture = picture_format(info, choose_encoder(film).name, film.pix_fmt)
    lost = lost_streams(source, suffix)
    if lost and film.strict_streams:
        raise OutputError(f"{lost[0]} (--strict-streams)")
    run = _Run(source, target, settings, info, executor or SerialExecutor(), on_progress, should_stop or (lambda: False))
    with work_folder(target, film.codec, _recipe(source, settings, weights, measure)) as work:
        chunk_work = ChunkWork(
            source=source,
            info=info,
            picture=picture,
            work=work,
            colorizer=colorizer or ColorizerFactory(settings.model),
            settings=film,
            color=settings.color,
            measure=measure,
        )
        first_pass = FirstPass(source, info, picture, run.window, film.cuts)
        try:
            pieces = run.pieces(first_pass, work, chunk_work)
            warnings = join(source, target, pieces, work, info=info, picture=picture, settings=film, window=run.window)
        except (SourceError, UsageError):
            work.discard()  # the next run would meet the same
            raise
        work.discard()
    return FilmResult(
        frames=sum(piece.chunk.count for piece in pieces),
        shots=run.shots,
        keys=sum(piece.facts.runs for piece in pieces),
        seconds=time.monotonic() - started,
        resumed=run.resumed,
        warnings=(*warnings, *_said(source, first_pass, pieces, film)),
        measured=_measured(pieces),
    )


class _Run:
    """One film on its way: what its chunks need in common, and what they count together."""

    def __init__(
        self,
        source: Path,
        target: Path,
        settings: Settings,
        info: FilmInfo,
        executor: Executor,
        on_progress: Callable[[FilmProgress], None] | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._source, self._settings, self._info = source, settings, info
        self._executor, self._on_progress, self._should_stop = executor, on_progress, should_stop
        self.window = TimeRange.of(settings.film)
        self._expected = self.window.frames(info)
        self.shots = self.resumed = 0
        self._seen_frames = 0
        self._first_pass_done = False
        self._failed: Exception | None = None
        self._finished: dict[int, int] = {}  # frames by chunk
        self._done: list[Piece] = []

    def pieces(self, first_pass: FirstPass, work: WorkFolder, chunk_work: ChunkWork) -> list[Piece]:
        """Every chunk with its finished segment, in order. Raises what ended the first chunk that failed."""
        with closing(prefetch(self._counted(first_pass), _FIRST_PASS_QUEUE, "first pass")) as frames:
            length = ChunkLength.of_film(self._expected)
            missing = self._missing(plan_chunks(frames, length, whole=not self._info.seekable), work)
            for outcome in self._executor.map(chunk_work, missing, self._ends, self._on_told):
                if outcome.error is not None:
                    self._failed = self._failed or outcome.error
                elif outcome.result is not None:
                    self._add(outcome.job, outcome.result)
        if isinstance(self._failed, WorkerLost):
            raise WorkerLost(f"{self._source}: {self._failed}") from self._failed
        if self._failed is not None and not isinstance(self._failed, FilmStopped):
            raise self._failed
        if self._failed is not None or not self._first_pass_done:
            raise FilmStopped
        pieces = sorted(self._done, key=lambda piece: piece.chunk.first)
        if sum(piece.chunk.count for piece in pieces) != self._seen_frames:
            raise FilmStopped  # chunks that never began
        if not pieces:
            raise SourceError(f"{self._source}: not one picture could be decoded; the file is damaged, cut off or shorter")
        return pieces

    def _counted(self, first_pass: FirstPass) -> Iterator[FrameInfo]:
        for frame in first_pass:
            self._seen_frames += 1
            self.shots = frame.shot + 1
            yield frame
        self._first_pass_done = True

    def _missing(self, chunks: Iterator[Chunk], work: WorkFolder) -> Iterator[Chunk]:
        """Chunks whose segments are still to be made; the others are taken as they are."""
        for chunk in chunks:
            if chunk.interlaced and self._settings.film.deinterlace == "error":
                raise SourceError(f"{self._source}: is interlaced; use --deinterlace auto or off")
            facts = work.facts(chunk)
            if facts is None:
                yield chunk
            else:
                self.resumed += chunk.count
                self._add(chunk, facts)

    def _add(self, chunk: Chunk, facts: SegmentFacts) -> None:
        self._done.append(Piece(chunk, facts))
        self._finished[chunk.number] = chunk.count
        self._report()

    def _on_told(self, chunk: Chunk, frames: int) -> None:
        self._finished[chunk.number] = min(chunk.count, self._finished.get(chunk.number, 0) + frames)
        self._report()

    def _report(self) -> None:
        if self._on_progress is not None:
            total = self._seen_frames if self._first_pass_done else self._expected
            self._on_progress(FilmProgress(sum(self._finished.values()), total))

    def _ends(self) -> bool:
        return self._failed is not None or self._should_stop()


def _recipe(source: Path, settings: Settings, weights: str, measure: bool) -> str:
    """Equal where segments of an earlier run may be used."""
    found = source.stat()
    facts = [_FORMAT, str(source.absolute()), found.st_size, found.st_mtime_ns, settings.film_digest(), weights, measure]
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "backslashreplace")).hexdigest()


def _said(source: Path, first_pass: FirstPass, pieces: list[Piece], film: FilmSettings) -> Iterator[str]:
    """What the user had better know of this film."""
    if first_pass.damaged:
        yield f"{source}: {first_pass.damaged} damaged packets or pictures were passed over; the one before stays in their place"
    repeated = sum(piece.facts.repeated for piece in pieces)
    if repeated:
        yield f"{source}: {repeated} pictures could not be decoded a second time; the one before was repeated in their place"
    interlaced = sum(piece.chunk.count for piece in pieces if piece.chunk.interlaced)
    if interlaced:
        total = sum(piece.chunk.count for piece in pieces)
        what = "deinterlaced (bwdif); --deinterlace off keeps both fields" if film.deinterlace == "auto" else "left as they are"
        yield f"{source}: about {interlaced} of {total} frames are interlaced or telecined; they were {what}"


def _measured(pieces: list[Piece]) -> dict[str, float]:
    """Means over all frames of what segments were measured to be."""
    found: dict[str, float] = {}
    for name in ("colourfulness", "cdc", "warp_error", "luma_mse"):
        known = [(p.facts.measured[name], p.facts.measured["frames"]) for p in pieces if name in p.facts.measured]
        if known:
            values, weights = zip(*known, strict=True)
            found[name] = float(np.average(values, weights=weights))
    if "luma_mse" in found:
        found["psnr_luma"] = 10 * float(np.log10(255**2 / max(found.pop("luma_mse"), 1e-10)))
    return found
