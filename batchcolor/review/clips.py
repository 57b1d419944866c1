"""Shots of films as small WebM files that every browser plays, made when somebody wants to see one move."""

from __future__ import annotations

import threading
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from ..errors import SourceError
from .pictures import film_frames

LONGEST_S = 60.0
_SIDE = 640  # pixels of the longer side
_TICK = Fraction(1, 1000)
_MOST = 12  # files that stay
_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "crf": "14", "b": "3M"}


class Clips:
    """Makes and keeps clips of one output tree, until `close`. Safe to be used from several threads; one is made at a time."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="batchcolor-review-", ignore_cleanup_errors=True)
        self._made: OrderedDict[tuple[Path, int, float, float], Path] = OrderedDict()
        self._lock = threading.Lock()
        self._count = 0

    def of(self, film: Path, start: float, end: float) -> Path:
        """The frames of `film` from `start` to `end` seconds, at most a minute of them, without sound. Raises `SourceError`."""
        with self._lock:
            key = (film, film.stat().st_mtime_ns, start, end)
            if key not in self._made:
                self._count += 1
                path = Path(self._folder.name) / f"{self._count}.webm"
                _write(film, path, start, min(end, start + LONGEST_S))
                self._made[key] = path
                while len(self._made) > _MOST:
                    self._made.popitem(last=False)[1].unlink(missing_ok=True)
            self._made.move_to_end(key)
            return self._made[key]

    def close(self) -> None:
        self._folder.cleanup()


def _write(film: Path, target: Path, start: float, end: float) -> None:
    stream: av.VideoStream | None = None
    last = -1
    with av.open(str(target), "w", format="webm") as container:
        for seconds, pixels in film_frames(film, start, _SIDE):
            if seconds >= end:
                break
            height, width = (side - side % 2 for side in pixels.shape[:2])
            if stream is None:
                stream = container.add_stream("libvpx", rate=25, options=_OPTIONS)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = _TICK
            frame = av.VideoFrame.from_ndarray(pixels[: stream.height, : stream.width].copy(), "rgb24")
            last = max(last + 1, round((seconds - start) / _TICK))
            frame.pts, frame.time_base = last, _TICK
            container.mux(stream.encode(frame))
        if stream is None:
            raise SourceError(f"{film}: there is no frame at {start:g} s")
        container.mux(stream.encode(None))
