"""Log records of workers, which the process that started them handles as its own."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable


class LogSender(logging.Handler):
    """Hands log records to `send` in a form that can be pickled: neither arguments nor tracebacks need be."""

    def __init__(self, send: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        plain = copy.copy(record)
        plain.msg, plain.args = record.getMessage(), None
        if record.exc_info:
            plain.msg += "\n" + logging.Formatter().formatException(record.exc_info)
            plain.exc_info = plain.exc_text = None
        try:
            self._send(plain)
        except (OSError, ValueError):
            self.handleError(record)


def handle_log(record: logging.LogRecord) -> None:
    """Have a record of a worker handled in this process."""
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
