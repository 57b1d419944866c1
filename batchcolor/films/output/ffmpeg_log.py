"""What FFmpeg says about an error, beside its number."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import av.error
import av.logging

# While FFmpeg's messages are listened to, those of other threads must not reach the terminal.
logging.getLogger("libav").addHandler(logging.NullHandler())


class Messages:
    """FFmpeg's error messages, in order, as they come."""

    def __init__(self) -> None:
        self._logs: list[tuple[int, str, str]] = []

    def forget(self) -> None:
        """Forget what was said so far."""
        self._logs.clear()

    def explain(self, error: BaseException) -> str:
        """The error in FFmpeg's own words: its last message, where there is one, else its general text for the error's number."""
        if self._logs:
            return self._logs[-1][2].strip().rstrip(".")
        return reason(error)


def reason(error: BaseException) -> str:
    """FFmpeg's message that came with the error, else its general text for the error's number."""
    log = getattr(error, "log", None)
    if log:
        return str(log[2]).strip().rstrip(".")
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".")


@contextlib.contextmanager
def listening() -> Iterator[Messages]:
    """Collect FFmpeg's error messages of this thread while the block runs. Not for hot loops: it switches messages on for all threads."""
    messages, level = Messages(), av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as logs:
            messages._logs = logs
            yield messages
    finally:
        av.logging.set_level(level)
