"""The one border to FFmpeg's files: paths are files and never addresses, and what PyAV raises is translated here."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import av
import av.container
import av.error
import av.logging

# While FFmpeg's messages are listened to, those of other threads must not reach the terminal.
logging.getLogger("libav").addHandler(logging.NullHandler())
# FFmpeg reads nothing but files for us: a playlist or a list of parts with a film's suffix must not reach the network or a device.
_PROTOCOLS = "file"


def local_file(path: Path) -> str:
    """The name under which FFmpeg opens `path` as a file, whatever it looks like: `http:/a.mp4` and `reel:1.mp4` are names of files."""
    return f"file:{os.path.abspath(path)}"  # noqa: PTH100 - `Path.absolute` keeps "..", which FFmpeg's protocol would resolve itself


def open_input(source: Path | Any) -> av.container.InputContainer:
    """Open a film for reading. source: a path, or a file-like object that can seek. Raises PyAV's errors.

    Names of tracks are written by anybody; an odd byte in them is no reason to refuse a film.
    """
    file = local_file(source) if isinstance(source, Path) else source
    return av.open(file, metadata_errors="replace", options={"protocol_whitelist": _PROTOCOLS})


def open_output(path: Path, muxer: str | None = None, options: dict[str, str] | None = None) -> av.container.OutputContainer:
    """Open a container for writing. muxer: FFmpeg's name; None: as the suffix says."""
    return cast(av.container.OutputContainer, av.open(local_file(path), "w", format=muxer, options=options or {}))


def reason(error: BaseException) -> str:
    """FFmpeg's own words for what went wrong, without numbers, names of files and logs."""
    return str(getattr(error, "strerror", None) or error)


def is_damage(error: av.error.FFmpegError) -> bool:
    """Whether an error of a decoder or demuxer means damaged data, after which the next packet may be whole.

    FFmpeg's programs go on after any error of a packet; so do we, but where memory is short or the error is a bug of ours.
    """
    return not isinstance(error, (av.error.MemoryError, av.error.PyAVCallbackError, av.error.ExitError, av.error.EOFError))


_Message = tuple[int, str, str]  # level, component, text


@contextlib.contextmanager
def logged_errors() -> Iterator[Sequence[_Message]]:
    """What FFmpeg logs as an error in this thread while the block runs; grows meanwhile.

    FFmpeg has one log for the process: it is on while any thread listens, and as it was before once none does.
    """
    _Log.listen()
    try:
        with av.logging.Capture() as logs:
            yield cast(Sequence[_Message], logs)
    finally:
        _Log.leave()


def description(container: av.container.InputContainer) -> str:
    """What FFmpeg's programs print of a file that they open."""
    with _Log.lock:
        before = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)  # below, nothing is described
        try:
            return container.dumps_format()
        finally:
            av.logging.set_level(before)


class _Log:
    lock = threading.Lock()
    listeners = 0
    before: tuple[int | None, bool] = (None, True)

    @classmethod
    def listen(cls) -> None:
        with cls.lock:
            if cls.listeners == 0:
                cls.before = av.logging.get_level(), bool(av.logging.get_skip_repeated())
                av.logging.set_level(av.logging.ERROR)
                av.logging.set_skip_repeated(False)
            cls.listeners += 1

    @classmethod
    def leave(cls) -> None:
        with cls.lock:
            cls.listeners -= 1
            if cls.listeners == 0:
                av.logging.set_level(cls.before[0])
                av.logging.set_skip_repeated(cls.before[1])
