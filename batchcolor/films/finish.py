"""The end of a film: its segments are joined, and the result is compared with the source before it gets its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..provenance import Provenance
from ..provenance.xmp import with_provenance
from ..runtime.atomic_write import atomic_write
from ..settings import FilmSettings
from .account import Account, take_account
from .chunks.join import Piece, join
from .chunks.segments import WorkFolder
from .differences import Expected, compare
from .input.clock import ClockChange
from .input.probe import FilmInfo, picture_stream, reading
from .input.time_range import TimeRange
from .output.encoders import choose_encoder
from .output.streams import chapters_within
from .output.trial import StreamPlan
from .output.xmp_box import append_xmp, read_xmp
from .picture_format import PictureFormat


@dataclass(frozen=True, slots=True)
class FilmProvenance:
    """What a film's result says of its origin. source_sha256: of the source's bytes, hexadecimal."""

    made_by: Provenance
    source_sha256: str

    def tags(self) -> dict[str, str]:
        """For Matroska."""
        return self.made_by.tags(self.source_sha256)


@dataclass(frozen=True, slots=True)
class Finished:
    """before, after: accounts of source and result. warnings: losses that the user should know of; notes: what was done
    on purpose and takes nothing away."""

    before: Account
    after: Account
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values for reports and sidecars."""
        return {"source": self.before.as_dict(), "result": self.after.as_dict(), "notes": list(self.notes)}


def finish(
    source: Path,
    target: Path,
    pieces: Sequence[Piece],
    work: WorkFolder,
    *,
    info: FilmInfo,
    picture: PictureFormat,
    settings: FilmSettings,
    window: TimeRange,
    streams: StreamPlan,
    provenance: FilmProvenance | None,
    changes: Sequence[ClockChange],
    check: Callable[[], None],
) -> Finished:
    """Write `target` and account for every stream. Raises `OutputError` where the result lacks what it ought to have, `SourceError`.

    changes: the clocks that the pictures have had, as `FilmClock` has them. check: called before `target` gets its name; may raise.
    """
    matroska = target.suffix.lower() == ".mkv"
    with atomic_write(target, work.path) as temporary:  # where the next run finds it, should this one be killed
        damaged = join(
            source,
            target,
            temporary,
            pieces,
            work,
            info=info,
            picture=picture,
            settings=settings,
            window=window,
            streams=streams,
            tags={} if provenance is None or not matroska else provenance.tags(),
            changes=changes,
        )
        if not matroska:
            _write_xmp(source, temporary, provenance)
        before, after = take_account(source), take_account(temporary)
        found = compare(
            source,
            before,
            after,
            Expected(
                plan=streams,
                info=info,
                picture=picture,
                encoder=choose_encoder(settings).name,
                window=window,
                frames=sum(piece.chunk.count for piece in pieces),
                start_s=_start_s(source, pieces) + float(info.origin),
                deinterlaced=settings.deinterlace == "auto" and any(piece.chunk.interlaced for piece in pieces),
                chapters=_chapters(source, window, info),
                damaged=damaged,
                frame_side_data=sum((Counter(piece.facts.side_data) for piece in pieces), Counter()),
            ),
        )
        check()
        if found.errors:
            raise OutputError(found.errors[0])
    warnings = (*streams.warnings(source), *_damaged(source, streams, damaged), *found.warnings)
    return Finished(before, after, warnings, found.notes)


def _write_xmp(source: Path, result: Path, provenance: FilmProvenance | None) -> None:
    """The source's XMP, if it has any, with the provenance added; FFmpeg's muxers write none."""
    packet = read_xmp(source) if source.is_file() else None
    if provenance is not None:
        try:
            packet = with_provenance(packet, provenance.made_by, provenance.source_sha256)
        except ValueError:
            packet = with_provenance(None, provenance.made_by, provenance.source_sha256)
    if packet is not None:
        append_xmp(result, packet)


def _damaged(source: Path, streams: StreamPlan, damaged: Mapping[int, int]) -> list[str]:
    return [
        f"{source}: {count} damaged packets of {streams.kind(index)} stream {index} were left out"
        for index, count in damaged.items()
    ]


def _start_s(source: Path, pieces: Sequence[Piece]) -> float:
    """Film time of the first picture."""
    with reading(source) as container:
        return float(pieces[0].chunk.core_times[0] * picture_stream(source, container).time_base)


def _chapters(source: Path, window: TimeRange, info: FilmInfo) -> list[object]:
    end = None if window.end is None else window.end + info.origin
    with reading(source) as container:
        return list(chapters_within(container.chapters(), window.start + info.origin, end))
