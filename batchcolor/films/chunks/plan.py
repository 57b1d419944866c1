"""Divides a film's frames into chunks: independent jobs of some seconds, which begin at cuts if possible."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from ..input.clock import SyncPoint
from ..shots.color import ShotColor
from ..shots.first_pass import FrameInfo
from ..shots.returning import LOOKBACK

# A shot that is longer than a chunk is split. Both sides of the seam also process these frames and discard them, so that carried
# colour no longer depends on where it began, and the smoother has its lookahead.
LEAD, TAIL = 64, 32
# Frames of a chunk, at least: encoders give the last ones fewer bits, because they do not know the next ones; with x264 that costs
# 0.08 dB at this length, 0.2 at 96 and 0.36 at 48.
_LEAST = 144
_REMEMBERED = 4 * LOOKBACK  # shots; a chunk is planned some shots after it began
_LEAST_OF_A_SHOT = 150  # frames between seams; fewer would be little more than the overlap


@dataclass(frozen=True, slots=True)
class ChunkLength:
    """In frames. shortest: from here on, a chunk ends at the next cut; longest: here it ends in the middle of a shot.

    The defaults are ten to thirty seconds.
    """

    shortest: int = 250
    longest: int = 750

    @classmethod
    def of_film(cls, frames: int | None) -> ChunkLength:
        """Shorter for short films, so that all processes have work from start to end. frames: estimated number.

        Eight to ten chunks if cuts allow, and a multiple of four for a single shot. The number of processes does not matter: the same
        film has the same chunks everywhere.
        """
        usual = cls()
        if not frames:
            return usual
        fours = -(-frames // (4 * usual.longest))
        return cls(
            shortest=min(usual.shortest, max(_LEAST, frames // 10)),
            longest=max(_LEAST_OF_A_SHOT, -(-frames // (4 * fours))),
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames that become one segment of the result.

    number: of the chunk; first: of its first own frame, in the film. times, durations: of all frames that are decoded, in ticks of the
    picture stream; the first `lead` and the last `tail` of them are not its own. cuts: places among them where a shot begins. anchor:
    the place where the next chunk begins to decode, if that lies within; both sides of a seam take a key frame there.
    fingerprint: of the first one decoded (`input.planes.fingerprint`). interlaced: whether most pictures looked at are. stamps: of all
    frames that are decoded, as `TimedFrame` has them. places: in the file from which to decode, the nearest first. colors: of the shots,
    one more than cuts. chosen: of these shots, the file of colours that somebody chose, "" for none, and the place of the first frame
    here in its shot; empty where there are none. returns: of these shots, the end of the earlier one to which it returns, or None; empty
    where none returns.
    """

    number: int
    first: int
    times: tuple[int, ...]
    durations: tuple[int, ...]
    lead: int
    tail: int
    cuts: tuple[int, ...]
    anchor: int | None
    fingerprint: int
    interlaced: bool
    stamps: tuple[int | None, ...] = ()
    places: tuple[SyncPoint, ...] = ()
    colors: tuple[ShotColor, ...] = (ShotColor.GRAY,)
    chosen: tuple[tuple[str, int], ...] = ()
    returns: tuple[Chunk | None, ...] = ()

    @property
    def first_time(self) -> int:
        """Of the first frame that is decoded."""
        return self.times[0]

    @property
    def count(self) -> int:
        """Own frames."""
        return len(self.times) - self.lead - self.tail

    @property
    def overlaps(self) -> tuple[range, ...]:
        """Its frames before a seam that the chunk behind that seam decodes as well: its lead, and those from its anchor on."""
        own_end = self.lead + self.count
        found = (range(self.lead), range(self.anchor or 0, 0 if self.anchor is None else own_end))
        return tuple(each for each in found if each)

    @property
    def core_times(self) -> tuple[int, ...]:
        return self.times[self.lead : self.lead + self.count]

    @property
    def core_durations(self) -> tuple[int, ...]:
        return self.durations[self.lead : self.lead + self.count]

    @property
    def own_colors(self) -> Iterator[ShotColor]:
        """The colour of each own frame's shot."""
        shot = sum(cut <= self.lead for cut in self.cuts)
        for n in range(self.lead, self.lead + self.count):
            shot += n > self.lead and n in self.cuts
            yield self.colors[shot]

    @property
    def name(self) -> str:
        """The name of its segment: equal for equal work, different for any other. Chunks before it do not matter."""
        work = {name: value for name, value in asdict(self).items() if name != "number"}
        digest = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
        return f"{self.first:08d}-{self.count}-{digest[:12]}"


def plan_chunks(
    frames: Iterable[FrameInfo], length: ChunkLength = ChunkLength(), *, whole: bool = False, returning: bool = False
) -> Iterator[Chunk]:
    """Chunks of all frames, in order, each as soon as its frames are known. whole: a single chunk for the whole film. returning: let
    shots that return to an earlier one refer to it.

    A shot with chosen colours, or that refers to another, is never split: colours are remembered farther than a lead is long.
    """
    shortest, longest = length.shortest, length.longest
    pending: list[FrameInfo] = []  # from the first frame that the current chunk decodes
    lead = first = number = 0
    ends_of_shots: dict[int, deque[FrameInfo]] = {}

    def end_of(shot: int | None) -> Chunk | None:
        return chunk_of(ends_of_shots[shot]) if shot is not None and shot in ends_of_shots else None

    def chunk(count: int, tail: int, anchor: int | None) -> Chunk:
        decoded = pending[: lead + count + tail]
        cuts = tuple(n for n in range(1, len(decoded)) if decoded[n].shot != decoded[n - 1].shot)
        orders = [frame.order for frame in decoded if frame.order is not None]
        return Chunk(
            number=number,
            first=first,
            times=tuple(frame.pts for frame in decoded),
            durations=tuple(frame.duration for frame in decoded),
            lead=lead,
            tail=tail,
            cuts=cuts,
            anchor=anchor,
            fingerprint=decoded[0].fingerprint,
            interlaced=abs(sum(orders)) * 2 > len(orders),
            stamps=tuple(frame.stamp for frame in decoded),
            places=decoded[0].places,
            colors=tuple(decoded[n].color for n in (0, *cuts)),
            chosen=_chosen(decoded[n] for n in (0, *cuts)),
            returns=_returns([end_of(decoded[n].returns) for n in (0, *cuts)]) if returning else (),
        )

    for frame in frames:
        own = len(pending) - lead
        ends = pending and frame.shot != pending[-1].shot
        if not whole and ends and (own >= shortest or frame.chosen or pending[-1].chosen):
            yield chunk(own, 0, None)
            number, first, lead = number + 1, first + own, 0
            pending.clear()
        elif (
            not whole
            and not frame.chosen
            and not (returning and frame.returns is not None)
            and own == longest + TAIL
            and frame.shot == pending[lead + longest - 1].shot
        ):
            in_shot = _frames_of_last_shot(pending[: lead + longest])
            next_lead = min(LEAD, in_shot)
            yield chunk(longest, TAIL, lead + longest - next_lead)
            number, first = number + 1, first + longest
            del pending[: lead + longest - next_lead]
            lead = next_lead
        pending.append(frame)
        if returning and frame.returns is None:
            ends_of_shots.setdefault(frame.shot, deque(maxlen=LEAD)).append(frame)
            ends_of_shots.pop(frame.shot - _REMEMBERED, None)
    if len(pending) > lead:
        yield chunk(len(pending) - lead, 0, None)


def chunk_of(frames: Iterable[FrameInfo]) -> Chunk:
    """All of these frames as one chunk."""
    (chunk,) = plan_chunks(frames, whole=True)
    return chunk


def _chosen(firsts: Iterable[FrameInfo]) -> tuple[tuple[str, int], ...]:
    found = tuple((frame.chosen, frame.in_shot) for frame in firsts)
    return found if any(name for name, _ in found) else ()


def _returns(ends: list[Chunk | None]) -> tuple[Chunk | None, ...]:
    return tuple(ends) if any(end is not None for end in ends) else ()


def _frames_of_last_shot(frames: list[FrameInfo]) -> int:
    """How many of the last ones are of one shot."""
    shot = frames[-1].shot
    return next((n for n, frame in enumerate(reversed(frames)) if frame.shot != shot), len(frames))
