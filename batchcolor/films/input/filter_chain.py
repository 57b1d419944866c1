"""FFmpeg's filters, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import av
import av.filter


class FilterChain:
    """Filters in a row, each (name, options), for frames of one size and pixel format. Frames keep their side data and flags."""

    def __init__(self, frame: av.VideoFrame, *filters: tuple[str, str]) -> None:
        """frame: like those to come."""
        self._graph = av.filter.Graph()
        last = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
        )
        for name, options in (*filters, ("buffersink", "")):
            following = self._graph.add(name, options)
            last.link_to(following)
            last = following
        self._graph.configure()

    def through(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Frames that are ready once this one has gone in."""
        self._graph.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[av.VideoFrame]:
        """Frames that filters have held back; the chain's end."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                made = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(made, av.VideoFrame), "pictures in, pictures out"
            yield made
