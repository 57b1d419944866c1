"""Names of contact sheets, known without FFmpeg."""

from __future__ import annotations

import re
from pathlib import Path


def sheet_name(target: Path, number: int = 1) -> Path:
    """The sheet, counted from 1, of the film whose result is `target`."""
    return target.with_name(f"{target.name}.preview{'' if number == 1 else f'-{number}'}.jpg")


def is_sheet_of(name: str, target: Path) -> bool:
    """Whether a sheet of that film may have this name, in any case of letters."""
    return re.fullmatch(rf"{re.escape(target.name)}\.preview(-\d+)?\.jpg", name, re.IGNORECASE) is not None
