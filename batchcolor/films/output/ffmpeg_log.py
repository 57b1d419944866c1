"""FFmpeg's log messages about an error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ...runtime.ffmpeg import logged_errors


class Messages:
    """FFmpeg's error messages, in order, as they come."""

    def __init__(self, logs: Sequence[tuple[int, str, str]]) -> None:
        self._logs, self._seen = logs, 0

    def forget(self) -> None:
        """Forget what was said so far."""
        self._seen = len(self._logs)

    def explain(self, error: BaseException) -> str:
        """The error in FFmpeg's own words: its last message, where there is one, else its general text for the error's number."""
        if len(self._logs) > self._seen:
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
    with logged_errors() as logs:
        yield Messages(logs)
