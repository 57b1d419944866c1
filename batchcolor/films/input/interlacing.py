"""Interlaced pictures: found by FFmpeg's idet, made whole by its bwdif. Each gives a frame a frame, so timing stays as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import av

from .filter_chain import FilterChain

_LOOKED_AT, _OF = 12, 60  # frames in a row, of so many, that are looked at: idet costs as much as decoding
_WARM_UP = 2  # of them tell nothing: idet compares neighbours
_FIRST = {"tff": 1, "bff": -1}  # top or bottom field first


class FieldDetector:
    """Tells for frames, in order, whether their two fields are of different moments.

    1: the upper one is earlier; -1: the lower one; 0: both are of one moment, or unknown; None: not examined. Single answers
    err where pictures have fine stripes, one way as often as the other; interlaced film has one order throughout.
    """

    def __init__(self) -> None:
        self._count = 0
        self._chain: FilterChain | None = None

    def order(self, frame: av.VideoFrame) -> int | None:
        place = self._count % _OF
        self._count += 1
        if place >= _LOOKED_AT:
            return None
        if place == 0:
            self._chain = FilterChain(frame, ("idet", ""))
        assert self._chain is not None, "a row of frames begins at its first"
        filtered = list(self._chain.through(frame))
        order = filtered[-1].metadata.get("lavfi.idet.single.current_frame") if filtered else None
        return None if place < _WARM_UP else _FIRST.get(str(order), 0)


def deinterlace(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """A whole picture for every frame, with its time and colour tags; lines of the second field of interlaced ones are interpolated
    from those around them."""
    waiting: deque[av.VideoFrame] = deque()
    chain: FilterChain | None = None

    def timed(made: av.VideoFrame) -> av.VideoFrame:
        origin = waiting.popleft()
        made.pts, made.time_base, made.duration = origin.pts, origin.time_base, origin.duration
        made.colorspace, made.color_range = origin.colorspace, origin.color_range
        made.color_primaries, made.color_trc = origin.color_primaries, origin.color_trc
        return made

    for frame in frames:
        # idet marks interlaced frames one by one: of telecined film, three in five stay unchanged.
        chain = chain or FilterChain(frame, ("idet", ""), ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))
        waiting.append(frame)
        yield from map(timed, chain.through(frame))
    if chain is not None:
        yield from map(timed, chain.rest())
