"""The one border to FFmpeg's files: paths are files and never addresses, and what PyAV raises is translated here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import av
import av.container
import av.error

# FFmpeg reads nothing but files for us: a playlist or a list of parts with a film's suffix must not reach the network or a device.
_PROTOCOLS = "file"


def local_file(path: Path) -> str:
    """The name under which FFmpeg opens `path` as a file, whatever it looks like: `http:/a.mp4` and `reel:1.mp4` are names of files."""
    return f"file:{os.path.abspath(path)}"  # noqa: PTH100 - `Path.absolute` keeps "..", which FFmpeg's protocol would resolve itself


def open_input(source: Path | Any) -> av.container.InputContainer:
    """Open a film for reading. source: a path, or a file-like object that can seek. Raises what `is_foreign` knows.

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
