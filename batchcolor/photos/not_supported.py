"""The error for files of kinds that are not read."""

from __future__ import annotations

from pathlib import Path

from ..errors import SourceError


def not_supported(path: Path | str, kind: str) -> SourceError:
    """A file that is whole, for all that is known, and of a kind that is not read here. kind: in words, with its article."""
    return SourceError(f"{path}: is {kind}, which is not supported here; convert it to a plain TIFF or PNG first")
