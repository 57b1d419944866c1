"""Timecode: a film's own count of its frames, carried as a tag, of which MP4 and QuickTime make a track (SMPTE ST 12-1)."""

from __future__ import annotations

import re
from fractions import Fraction

import av

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")


def copy_timecode(source: av.container.InputContainer, picture: av.VideoStream, shown: av.VideoStream, start: Fraction) -> None:
    """Give `shown` the timecode of the film's frame at `start`, in seconds, wherever the film says its first one."""
    found = timecode_of(source, picture)
    if found is not None:
        rate = picture.average_rate or picture.guessed_rate
        shown.metadata["timecode"] = later(found, rate, start) if rate else found


def timecode_of(source: av.container.InputContainer, picture: av.VideoStream) -> str | None:
    """Timecode of the first frame, as the picture stream says, else a track of timecode, else the container."""
    for tags in (picture.metadata, *(stream.metadata for stream in source.streams if stream.type == "data"), source.metadata):
        for name, value in tags.items():
            if name.lower() == "timecode":
                return str(value)
    return None


def later(timecode: str, rate: Fraction, seconds: Fraction) -> str:
    """The timecode `seconds` later at `rate` frames a second; the same string where it is none.

    `;` or `.` before the frames: drop-frame, which leaves out the first two numbers (four at 60) of each minute but every tenth.
    """
    match = _TIMECODE.fullmatch(timecode)
    base, frames = round(rate), round(seconds * rate)
    if match is None or frames == 0 or base == 0:
        return timecode
    hours, minutes, secs, _, count = match.groups()
    dropped = base // 15 if match[4] in ";." and base % 30 == 0 else 0
    minute = int(hours) * 60 + int(minutes)
    number = (minute * 60 + int(secs)) * base + int(count) - dropped * (minute - minute // 10) + frames
    if dropped:
        ten_minutes, minute_frames = base * 600 - dropped * 9, base * 60 - dropped
        tens, rest = divmod(number, ten_minutes)
        number += dropped * 9 * tens + (dropped * ((rest - dropped) // minute_frames) if rest > dropped else 0)
    total, count_now = divmod(number, base)
    return f"{total // 3600 % 24:02d}:{total // 60 % 60:02d}:{total % 60:02d}{match[4]}{count_now:02d}"
