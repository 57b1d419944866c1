"""Reading a film in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import av.error

from ..errors import SourceError

_AHEAD = 32  # decoded frames and packets that wait for the network
_BROKEN_IN_A_ROW = 8  # undecodable packets after which a film counts as unreadable


class FilmReader:
    """Reads and decodes in a thread of its own, so that the network and the encoder need not wait; at most `_AHEAD` items ahead.

    Iterating gives decoded frames of `stream` and undecoded packets of all other streams, in the file's order; an error in the thread is
    raised again here.
    """

    def __init__(self, path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self.broken = 0
        self._path, self._container, self._stream = path, container, stream
        self._ready: queue.Queue[av.VideoFrame | av.Packet | Exception | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        stream.thread_type = "AUTO"
        self._thread = threading.Thread(target=self._read, name="film reader", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[av.VideoFrame | av.Packet]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        """End the thread; nothing more is read."""
        self._stopping.set()
        self._thread.join()

    def _put(self, item: av.VideoFrame | av.Packet | Exception | None) -> bool:
        while not self._stopping.is_set():
            try:
                self._ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def _read(self) -> None:
        try:
            in_a_row = 0
            for packet in self._container.demux():
                if packet.stream.index != self._stream.index:
                    if not self._put(packet):
                        return
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
                if not all(self._put(frame) for frame in frames):
                    return
            self._put(None)
        except av.error.InvalidDataError:
            # The file breaks off here: what came before it is a film, too.
            self.broken += 1
            self._put(None)
        except Exception as exc:  # raised again in the consumer's thread
            self._put(exc)
