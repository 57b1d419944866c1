"""The work folder of a film: coloured pieces that wait to be joined, so that a run that ended early, however it ended, goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import av.error

from ...runtime.atomic_write import PREFIX, atomic_write_bytes
from ...runtime.ffmpeg import open_input
from ...runtime.file_lock import file_lock
from ...runtime.write_errors import write_errors
from .plan import Chunk

# NUT keeps times to the tick and holds every codec but ProRes and DNxHR, whose order is known without.
_MUXERS = {"prores": "mov", "dnxhr": "mov"}
_OURS = (".json", ".nut", ".mov", ".npz")


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """Facts about a finished segment.

    order: for each packet, the number of its frame in the chunk. runs: frames that the generator worked on; repeated: frames shown in
    place of ones that could not be decoded; flawed: own frames that were decoded with errors. measured: the
    results of `quality.QualityMetrics`, if requested. side_data: frames that had side data of their own, by its name in libavutil.
    """

    order: tuple[int, ...]
    shots: int
    runs: int
    repeated: int = 0
    flawed: tuple[int, ...] = ()
    measured: dict[str, float] = field(default_factory=dict)
    side_data: dict[str, int] = field(default_factory=dict)


class WorkFolder:
    """Segments of one film. A segment counts once its facts are there, and they are written last."""

    def __init__(self, path: Path, codec: str) -> None:
        self.path, self._muxer, self.discarded = path, _MUXERS.get(codec, "nut"), False

    @property
    def muxer(self) -> str:
        return self._muxer

    def discard(self) -> None:
        """Have the folder removed when its lock is released: its segments were joined, or are useless."""
        self.discarded = True

    def segment(self, chunk: Chunk) -> Path:
        return self.path / f"{chunk.name}.{self._muxer}"

    def earlier_frame(self, end: Chunk) -> Path:
        """Where the last frame of an earlier shot is stored; end: as `Chunk.returns` has it."""
        return self.path / f"shot-{end.name}.npz"

    def write_facts(self, chunk: Chunk, facts: SegmentFacts) -> None:
        atomic_write_bytes(self._facts(chunk), json.dumps(asdict(facts)).encode())

    def facts(self, chunk: Chunk) -> SegmentFacts | None:
        """None where the segment is not there, or not whole."""
        try:
            found = json.loads(self._facts(chunk).read_text(encoding="utf-8"))
            facts = SegmentFacts(**{**found, "order": tuple(found["order"]), "flawed": tuple(found["flawed"])})
            whole = len(facts.order) == chunk.count and len(times_of(self.segment(chunk))) == chunk.count
        except (OSError, ValueError, TypeError, KeyError, av.error.FFmpegError):
            return None
        return facts if whole else None

    def remove_other_than(self, chunks: Sequence[Chunk]) -> None:
        """Remove what none of these chunks needs."""
        needed = {self.segment(chunk).name for chunk in chunks} | {self._facts(chunk).name for chunk in chunks}
        needed |= {name for chunk in chunks for name, _ in chunk.chosen}
        needed |= {self.earlier_frame(end).name for chunk in chunks for end in chunk.returns if end is not None}
        for old in self.path.iterdir():
            if old.suffix in _OURS and old.name not in needed:
                with contextlib.suppress(OSError):
                    old.unlink()

    def _facts(self, chunk: Chunk) -> Path:
        return self.path / f"{chunk.name}.json"


def work_folder_path(target: Path) -> Path:
    """Where the work folder of a result lies."""
    return target.with_name(f"{PREFIX}work-{sha256(target.name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}")


@contextlib.contextmanager
def work_folder(target: Path, codec: str, recipe: str) -> Iterator[WorkFolder]:
    """The folder beside `target`, locked. recipe: whatever the segments depend on besides their chunks; those of another one go.

    Stays for the next run unless the body discards it. Raises `BusyError`, `OutputError`; errors of the body pass through.
    """
    path = work_folder_path(target)
    work = WorkFolder(path, codec)
    try:
        with write_errors(target):
            path.mkdir(parents=True, exist_ok=True)
        with file_lock(path, of=target):
            with write_errors(target):
                for unfinished in path.glob(f"{PREFIX}*"):  # of a run that was killed
                    unfinished.unlink()
                note = path / "recipe"
                if not note.exists() or note.read_text(encoding="utf-8") != recipe:
                    for old in path.iterdir():
                        if old.suffix in _OURS:
                            old.unlink()
                    note.write_text(recipe, encoding="utf-8")
            yield work
    finally:
        if work.discarded:
            shutil.rmtree(path, ignore_errors=True)


def times_of(segment: Path) -> list[int | None]:
    """pts of every packet, in their order in the file."""
    with open_input(segment) as container:
        return [packet.pts for packet in container.demux(container.streams.video[0]) if packet.size]
