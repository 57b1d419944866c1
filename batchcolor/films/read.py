"""Reading a film: pictures decoded, everything else as packets, in the file's order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import av.error

from ..errors import SourceError

_BROKEN_IN_A_ROW = 8  # undecodable packets after which a film counts as unreadable


class FilmReader:
    """Iterating gives decoded frames of `stream` and undecoded packets of all other streams, once.

    broken: damaged packets passed over so far. Raises `SourceError` after eight in a row; a file that breaks off ends there.
    """

    def __init__(self, path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self.broken = 0
        self._path, self._container, self._stream = path, container, stream
        stream.thread_type = "AUTO"

    def __iter__(self) -> Iterator[av.VideoFrame | av.Packet]:
        try:
            in_a_row = 0
            for packet in self._container.demux():
                if packet.stream.index != self._stream.index:
                    yield packet
                    continue
                try:
                    frames = packet.decode()
                    in_a_row = 0
                except av.error.InvalidDataError as exc:
                    self.broken, in_a_row = self.broken + 1, in_a_row + 1
                    if in_a_row == _BROKEN_IN_A_ROW:
                        raise SourceError(
                            f"{self._path}: {in_a_row} damaged pictures in a row; repair the file or cut it before that place"
                        ) from exc
                    continue
                yield from frames
        except av.error.InvalidDataError:
            # The file breaks off here: what came before it is a film, too.
            self.broken += 1
