"""Colorizes one film: a first pass, the chunks, joining."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..colours.model import ChosenColours
from ..engines.colorizer import Colorizer
from ..engines.opening import ColorizerFactory
from ..errors import OutputError, SourceError, UsageError, WorkerLost
from ..executors import Executor, SerialExecutor
from ..film_files import parts
from ..provenance import of_weights
from ..runtime.atomic_write import atomic_write
from ..runtime.file_hash import files_sha256
from ..runtime.prefetch import prefetch
from ..settings import Settings
from .chroma.key_frames import key_frames
from .chunks.chosen import CarryWork, WholeFilm, chosen_shots, marked, of_whole_film
from .chunks.job import ChunkWork, FilmStopped
from .chunks.join import Piece
from .chunks.plan import Chunk, ChunkLength, plan_chunks
from .chunks.segments import SegmentFacts, WorkFolder, work_folder
from .finish import FilmProvenance, finish
from .input.damage import FLAWED, Damage, DamageLog, describe
from .input.damage import clock as clock_text
from .input.probe import FilmInfo, probe, tick
from .input.source import SourceIdentity
from .input.time_range import TimeRange
from .output.encode import picture_format
from .output.encoders import choose_encoder
from .output.streams import MUXERS
from .output.trial import plan_streams
from .shots.color import ShotColor, seems_in_color
from .shots.first_pass import FirstPass, FrameInfo

_FIRST_PASS_QUEUE = 2000  # frames; their descriptions are small
_FORMAT = 7  # version of work folders; those of another version are discarded
_MISSING_S = 1.0  # by which a film may be shorter than its header says
_TINTED = {
    "remove": "they were colorized and their tint was removed; --tints keep or blend leaves more of it",
    "keep": "they were left as they are; --tints remove colorizes them",
    "blend": "they were colorized, and half of their tint is kept",
}


class FilmOutcome(StrEnum):
    """How a film was processed."""

    COLORIZED = "colorized"
    COPIED = "copied"  # all of it is in colour already: the result is the source's copy
    SKIPPED = "skipped"  # all of it is in colour already: there is no result


_LEFT_ALONE = {FilmOutcome.COPIED: "the result is a copy", FilmOutcome.SKIPPED: "there is no result"}


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """frames: finished so far; total_frames: from the container's header, else None; exact once the first pass is over."""

    frames: int
    total_frames: int | None


@dataclass(frozen=True, slots=True)
class FilmResult:
    """The result of a film. keys: frames on which the generator ran; colour was carried to the others. resumed: frames that an earlier
    run had finished. measured: see `quality.QualityMetrics`; psnr_luma in dB instead of its mean squared error. damage: stretches of the
    source that could not be read or decoded as they should. toned: whether any shot is tinted or toned. outcome: COPIED or SKIPPED for a
    film that is in colour already."""

    frames: int
    shots: int
    keys: int
    seconds: float
    resumed: int = 0
    warnings: tuple[str, ...] = ()
    measured: dict[str, float] = field(default_factory=dict)
    damage: tuple[Damage, ...] = ()
    toned: bool = False
    outcome: FilmOutcome = FilmOutcome.COLORIZED
    account: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON values for reports."""
        rate = (self.frames - self.resumed) / max(self.seconds, 1e-3)
        return {
            "shots": self.shots,
            "key_frames": self.keys,
            "frames_per_second": round(rate, 2),
            **({"account": self.account} if self.account else {}),
            **({"damage": [one.as_dict() for one in self.damage]} if self.damage else {}),
            **{name: round(value, 5) for name, value in self.measured.items()},
        }


def colorize_film(
    source: Path,
    target: Path,
    settings: Settings,
    *,
    colours: ChosenColours | None = None,
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

    colours: what somebody chose for it; then the finished chunks stay, and a later call makes only those again that an edit has touched.
    colorizer: opens one, once a process; None: as the settings say. executor: where chunks run; None: here, one after the other.
    Raises `SourceError`, `OutputError`, `UsageError`, `BusyError`, `WorkerLost` or, when `should_stop` returns true, `FilmStopped`.
    """
    started = time.monotonic()
    film = settings.film
    suffix = target.suffix.lower()
    if suffix not in MUXERS:
        raise OutputError(f"{target}: films are written as {', '.join(sorted(MUXERS))}; choose one of these suffixes")
    key_frames(film.key_frames)  # raises for what is no choice, before anything is begun
    identity = SourceIdentity.of(source)
    info = probe(source)
    picture = picture_format(info, choose_encoder(film), film.pix_fmt, film.profile)
    streams = plan_streams(source, target, info, picture, film)
    lost = streams.losses(source)
    if lost and film.strict_streams:
        raise OutputError(f"{lost[0]} (--strict-streams)")
    window = TimeRange.of(film, info)
    first_pass = FirstPass(source, info, picture, window, film.cuts)
    frames: Iterable[FrameInfo] = first_pass
    color_pages = settings.photo.color_pages
    may_be_copied = window.whole and source.suffix.lower() == suffix and len(parts(source)) == 1
    if color_pages == "skip" or (color_pages == "copy" and may_be_copied):
        frames = _seen_in_color(source, info, first_pass, should_stop)
        if isinstance(frames, list) and frames and all(frame.color is ShotColor.COLOR for frame in frames):
            outcome = FilmOutcome.SKIPPED if color_pages == "skip" else FilmOutcome.COPIED
            if outcome is FilmOutcome.COPIED:
                _copy(source, target, identity)
            named = f"{source}: is in colour already; {_LEFT_ALONE[outcome]}; --color-pages recolor colorizes it"
            seconds = time.monotonic() - started
            return FilmResult(len(frames), frames[-1].shot + 1, 0, seconds, warnings=(named,), outcome=outcome)
    run = _Run(source, settings, info, window, executor or SerialExecutor(), on_progress, should_stop or (lambda: False))
    whole_film = WholeFilm() if colours is None else of_whole_film(colours)
    recipe = _recipe(source, identity, settings, f"{weights}{whole_film.digest}", measure)
    with work_folder(target, film.codec, recipe) as work:
        chunk_work = ChunkWork(
            source=source,
            identity=identity,
            info=info,
            picture=picture,
            work=work,
            colorizer=colorizer or ColorizerFactory(settings.model),
            settings=film,
            color=settings.color,
            color_pages=color_pages,
            measure=measure,
            chosen=whole_film,
        )
        points_lost: list[str] = []
        try:
            if colours is not None:
                frames, points_lost = run.carried(colours, frames, work, chunk_work)
            pieces = run.pieces(frames, work, chunk_work)
            finished = finish(
                source,
                target,
                pieces,
                work,
                info=info,
                picture=picture,
                settings=film,
                window=window,
                streams=streams,
                provenance=_provenance(source, settings, weights),
                changes=first_pass.changes,
                check=lambda: identity.check(source),
            )
        except (SourceError, UsageError):
            work.discard()  # the next run would meet the same
            raise
        if colours is None:
            work.discard()
        else:
            work.remove_other_than([piece.chunk for piece in pieces])
    damage = _damage(first_pass, pieces, tick(source))
    return FilmResult(
        frames=sum(piece.chunk.count for piece in pieces),
        shots=run.shots,
        keys=sum(piece.facts.runs for piece in pieces),
        seconds=time.monotonic() - started,
        resumed=run.resumed,
        warnings=(*finished.warnings, *points_lost, *_warnings(source, info, first_pass, pieces, settings, window, damage)),
        measured=_measured(pieces),
        damage=damage,
        toned=any(ShotColor.TINTED in piece.chunk.own_colors for piece in pieces),
        account=finished.as_dict(),
    )


def _provenance(source: Path, settings: Settings, weights: str) -> FilmProvenance | None:
    """None where results are not to say what made them."""
    if not settings.photo.provenance:
        return None
    return FilmProvenance(of_weights(settings.model.weights, settings.photo.source_type, weights), files_sha256(parts(source)))


def _seen_in_color(
    source: Path, info: FilmInfo, first_pass: FirstPass, should_stop: Callable[[], bool] | None
) -> Iterable[FrameInfo]:
    """The frames of the first pass; as a list if the whole film must be known first, because it seems to be in colour."""
    if not seems_in_color(source, info):
        return first_pass
    frames = []
    for frame in first_pass:
        if should_stop is not None and should_stop():
            raise FilmStopped
        frames.append(frame)
    return frames


def _copy(source: Path, target: Path, identity: SourceIdentity) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)
        identity.check(source)


class _Run:
    """One film on its way: what its chunks need in common, and what they count together."""

    def __init__(
        self,
        source: Path,
        settings: Settings,
        info: FilmInfo,
        window: TimeRange,
        executor: Executor,
        on_progress: Callable[[FilmProgress], None] | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._source, self._settings, self._info = source, settings, info
        self._executor, self._on_progress, self._should_stop = executor, on_progress, should_stop
        self._window, self._expected = window, window.frames(info)
        self.shots = self.resumed = 0
        self._seen_frames = 0
        self._first_pass_done = False
        self._failed: Exception | None = None
        self._finished: dict[int, int] = {}  # frames by chunk
        self._done: list[Piece] = []

    def pieces(self, first_pass_frames: Iterable[FrameInfo], work: WorkFolder, chunk_work: ChunkWork) -> list[Piece]:
        """Every chunk with its finished segment, in order. Raises what ended the first chunk that failed."""
        with closing(prefetch(self._counted(first_pass_frames), _FIRST_PASS_QUEUE, "first pass")) as frames:
            length = ChunkLength.of_film(self._expected)
            film = self._settings.film
            returning = film.returning_shots and film.smooth == "flow"
            chunks = plan_chunks(frames, length, whole=not self._info.seekable, returning=returning and self._info.seekable)
            missing = self._missing(chunks, work)
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
            raise self._window.without_frames(self._source)
        return pieces

    def carried(
        self, colours: ChosenColours, seen: Iterable[FrameInfo], work: WorkFolder, chunk_work: ChunkWork
    ) -> tuple[list[FrameInfo], list[str]]:
        """All frames, marked with what was chosen for their shots, which is carried through them first; and a sentence for each point
        that was lost."""
        frames = []
        for frame in seen:
            if self._ends():
                raise FilmStopped
            frames.append(frame)
        if not frames:
            return frames, []
        clock = tick(self._source)
        shots = chosen_shots(colours, frames, clock, self._info.begins, whole=self._window.whole)
        missing = [shot for shot in shots if not (work.path / shot.name).is_file()]
        carry = CarryWork(
            self._source,
            self._info,
            chunk_work.picture,
            work.path,
            chunk_work.colorizer,
            chunk_work.color.saturation,
            self._settings.film.deinterlace == "auto",
            chunk_work.chosen,
        )
        lost = []
        for outcome in self._executor.map(carry, missing, self._ends):
            if outcome.error is not None:
                raise outcome.error
            for place, time_ in outcome.result or []:
                lost.append(
                    f"{colours.item.path}: {place} is lost at {clock_text(float(time_ * clock))}; choose it again behind that place"
                )
        if self._ends():
            raise FilmStopped
        return marked(frames, shots), lost

    def _counted(self, frames: Iterable[FrameInfo]) -> Iterator[FrameInfo]:
        for frame in frames:
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


def _recipe(source: Path, identity: SourceIdentity, settings: Settings, weights: str, measure: bool) -> str:
    """Equal where segments of an earlier run may be used."""
    facts = [_FORMAT, str(source.absolute()), identity.files, settings.film_digest(), weights, measure]
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "backslashreplace")).hexdigest()


def _damage(first_pass: FirstPass, pieces: Sequence[Piece], tick: Fraction) -> tuple[Damage, ...]:
    """The damage that the first pass and the chunks found, by time."""
    flawed = DamageLog()
    for piece in pieces:
        for place in piece.facts.flawed:
            flawed.add(float(piece.chunk.core_times[place] * tick), FLAWED)
    return tuple(sorted((*first_pass.damage, *flawed.found), key=lambda one: one.start_s))


def _warnings(
    source: Path,
    info: FilmInfo,
    first_pass: FirstPass,
    pieces: Sequence[Piece],
    settings: Settings,
    window: TimeRange,
    damage: Sequence[Damage],
) -> Iterator[str]:
    """Warnings about this film."""
    yield from (f"{source}: {sentence}" for sentence in describe(damage))
    missing_s = float(info.begins) + (info.duration_s or 0.0) - first_pass.ends_s
    if window.whole and info.duration_stated and missing_s > _MISSING_S:
        yield (
            f"{source}: ends at {clock_text(first_pass.ends_s)}, {missing_s:.1f} s before its header says; it may be cut off, "
            "copy it again from its source"
        )
    if len(first_pass.changes) > 1:
        times = ", ".join(clock_text(float(change.at_s)) for change in first_pass.changes[1:6])
        more = " and later" if len(first_pass.changes) > 6 else ""
        yield f"{source}: its clock restarts at {times}{more}; the result has one continuous clock for pictures, sound and subtitles"
    if first_pass.untimed:
        yield f"{source}: {first_pass.untimed} pictures have no time in the file; each follows the one before"
    repeated = sum(piece.facts.repeated for piece in pieces)
    if repeated:
        yield f"{source}: {repeated} pictures could not be decoded a second time; the one before was repeated in their place"
    total = sum(piece.chunk.count for piece in pieces)
    interlaced = sum(piece.chunk.count for piece in pieces if piece.chunk.interlaced)
    if interlaced:
        automatic = settings.film.deinterlace == "auto"
        what = "deinterlaced (bwdif); --deinterlace off keeps both fields" if automatic else "left as they are"
        yield f"{source}: about {interlaced} of {total} frames are interlaced or telecined; they were {what}"
    colors = Counter(color for piece in pieces for color in piece.chunk.own_colors)
    if colors[ShotColor.COLOR]:
        recolor = settings.photo.color_pages == "recolor"
        what = "they were colorized" if recolor else "they keep their colours; --color-pages recolor colorizes them"
        yield f"{source}: {colors[ShotColor.COLOR]} of {total} frames are in shots that are in colour already; {what}"
    if colors[ShotColor.TINTED]:
        yield f"{source}: {colors[ShotColor.TINTED]} of {total} frames are tinted or toned; {_TINTED[settings.film.tints]}"


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
