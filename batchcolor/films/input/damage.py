"""Where a film is damaged: stretches of time, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

UNDECODABLE = "packets that cannot be decoded"
UNREADABLE = "places that cannot be read"
MARKED = "pictures marked as damaged"
FLAWED = "pictures decoded with errors"
RESIZED = "changes of the picture's size"
_CONSEQUENCES = {
    UNDECODABLE: "the picture before each of them stays in its place",
    UNREADABLE: "what follows them was read",
    MARKED: "they may show flaws",
    FLAWED: "they may show flaws",
    RESIZED: "all pictures were scaled to the first size",
}
_APART_S = 1.0  # damage of one kind that is no farther apart belongs to one stretch
_NAMED = 5  # stretches that a warning lists; JSON has all


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged stretch of a film. start_s, end_s: its first and last place, film time in seconds. what: its kind; count: places."""

    start_s: float
    end_s: float
    what: str
    count: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"start_s": round(self.start_s, 3), "end_s": round(self.end_s, 3), "what": self.what, "count": self.count}


class DamageLog:
    """Takes damaged places in order of time, for each kind, and joins those that are close."""

    def __init__(self) -> None:
        self._stretches: dict[str, list[Damage]] = {}

    def add(self, seconds: float, what: str, count: int = 1) -> None:
        stretches = self._stretches.setdefault(what, [])
        last = stretches[-1] if stretches else None
        if last is not None and abs(seconds - last.end_s) <= _APART_S:
            stretches[-1] = Damage(min(last.start_s, seconds), max(last.end_s, seconds), what, last.count + count)
        else:
            stretches.append(Damage(seconds, seconds, what, count))

    @property
    def found(self) -> tuple[Damage, ...]:
        """All stretches, by their start."""
        return tuple(sorted((one for stretches in self._stretches.values() for one in stretches), key=lambda one: one.start_s))


def describe(damage: Sequence[Damage]) -> Iterable[str]:
    """One sentence a kind, with the times of its first stretches."""
    for what in dict.fromkeys(one.what for one in damage):
        stretches = [one for one in damage if one.what == what]
        times = ", ".join(_stretch(one) for one in stretches[:_NAMED])
        more = f" and {len(stretches) - _NAMED} more" if len(stretches) > _NAMED else ""
        yield f"{what}: {sum(one.count for one in stretches)}, at {times}{more}; {_CONSEQUENCES[what]}"


def clock(seconds: float) -> str:
    """h:mm:ss.ss of a time in seconds."""
    hundredths = round(max(0.0, seconds) * 100)
    return f"{hundredths // 360000}:{hundredths // 6000 % 60:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def _stretch(one: Damage) -> str:
    start, end = clock(one.start_s), clock(one.end_s)
    return start if start == end else f"{start} to {end}"
