"""Pictures of a film, decoded in order of time, from its start or from a place within."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error

from ...errors import SourceError

_BROKEN_IN_A_ROW = 8  # undecodable packets after which a film counts as unreadable


class FrameDecoder:
    """Iterating gives frames of `stream`, once, each with a pts later than the one before.

    broken: damaged packets and frames passed over so far; the picture before them stays for their time. timeless: frames whose time the
    file does not say, so that it had to be made up. Raises `SourceError` after eight damaged packets in a row; a file that breaks off
    ends there.
    """

    def __init__(self, path: Path, container: av.container.InputContainer, stream: av.VideoStream, threads: int = 1) -> None:
        """threads: that decode; a single one costs the least, by a quarter: two wait for each other."""
        self.damaged = self.untimed = 0
        self._path, self._container, self._stream = path, container, stream
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads

    def seek(self, seconds: Fraction) -> bool:
        """Go to a picture at or before this time, from which decoding can begin; False where the file does not allow it."""
        try:
            self._container.seek(int(seconds / self._stream.time_base), stream=self._stream, backward=True)
        except (av.error.FFmpegError, OverflowError):
            return False
        return True

    def __iter__(self) -> Iterator[av.VideoFrame]:
        last: int | None = None
        for frame in self._decoded():
            if frame.pts is None:
                self.untimed += 1
                frame.pts = frame.dts if frame.dts is not None else (0 if last is None else last + max(1, frame.duration or 1))
            if last is not None and frame.pts <= last:
                self.damaged += 1  # two frames cannot be shown at one time; encoders and containers refuse that
                continue
            last = frame.pts
            yield frame

    def _decoded(self) -> Iterator[av.VideoFrame]:
        in_a_row = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                    in_a_row = 0
                except av.error.InvalidDataError as exc:
                    self.damaged, in_a_row = self.damaged + 1, in_a_row + 1
                    if in_a_row == _BROKEN_IN_A_ROW:
                        raise SourceError(
                            f"{self._path}: {in_a_row} damaged pictures in a row; repair the file or cut it before that place"
                        ) from exc
                    continue
                yield from frames
        except av.error.InvalidDataError:
            # The file breaks off here: what came before it is a film, too.
            self.damaged += 1
