"""Printing: one line at a time, control characters escaped, and a closed pipe is no reason to stop colorizing.

stdout holds results alone (`--json`, lists, paths); messages go to stderr.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TextIO

from ..errors import OutputError

_ESCAPED_CATEGORIES = {
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
}  # control, format (text direction), surrogate, line and paragraph separators


def printable(text: str) -> str:
    """The text on one line: control characters, which may stand in any file name, become escapes such as \\n and \\x1b."""
    if text.isprintable():
        return text
    return "".join(
        repr(c)[1:-1] if unicodedata.category(c) in _ESCAPED_CATEGORIES and c not in "\u200c\u200d" else c for c in text
    )


class Printer:
    """Writes lines to a stream. After the reader has closed its end (EPIPE), lines are dropped and the run goes on.

    Any other error, such as a full disk, is remembered and raised by `close`.
    """

    def __init__(self, file: TextIO) -> None:
        self._file, self._closed = file, False
        self._error: OSError | None = None

    def line(self, text: str) -> None:
        """Print one line at once."""
        if self._closed:
            return
        encoding = self._file.encoding or "utf-8"
        try:
            self._file.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
            self._file.flush()
        except BrokenPipeError:
            self._give_up()
        except OSError as exc:
            self._error = exc
            self._give_up()

    def close(self) -> None:
        """Raises `OutputError` where lines were lost although somebody was reading."""
        if self._error is not None:
            name = getattr(self._file, "name", "output")
            raise OutputError(f"{name}: cannot be written ({self._error.strerror or self._error}); the results are complete")

    def _give_up(self) -> None:
        self._closed = True
        try:  # what is left in the buffer would fail once more when Python ends
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), self._file.fileno())
        except (OSError, ValueError):
            pass


def echo(text: str) -> None:
    """Print one line on stdout."""
    printer = Printer(sys.stdout)
    printer.line(printable(text))
    printer.close()


def echo_lines(text: str) -> None:
    """Print text of several lines on stdout."""
    for line in text.split("\n"):
        echo(line)


def message(text: str) -> None:
    """Print one line on stderr, whatever becomes of it."""
    Printer(sys.stderr).line(printable(text))
