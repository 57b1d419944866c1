"""A JSON file beside a result that says how it was made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..runtime.atomic_write import atomic_write
from ..runtime.file_hash import file_sha256
from ..runtime.write_errors import write_errors
from ..settings import Settings
from . import Provenance

SUFFIX = ".provenance.json"


def write_sidecar(
    source: Path,
    result: Path,
    settings: Settings,
    provenance: Provenance,
    *,
    warnings: Sequence[str] = (),
    more: dict[str, Any] | None = None,
) -> Path:
    """Write `scan.tif.provenance.json` beside `scan.tif`: digests of source and result, weights, settings, warnings; returns its path.

    more: what else is known of the item, JSON values. Equal runs write equal files. Raises `OutputError`.
    """
    said = {
        "tool": provenance.tool,
        "digital_source_type": provenance.source_type_uri,
        "source": _file(source),
        "result": _file(result),
        "weights": {"name": provenance.model, "sha256": provenance.sha256},
        "settings": settings.as_dict(),
        "warnings": list(warnings),
        **(more or {}),
    }
    sidecar = result.with_name(result.name + SUFFIX)
    with write_errors(sidecar), atomic_write(sidecar) as temporary:
        temporary.write_text(json.dumps(said, indent=1, default=str, ensure_ascii=False) + "\n", encoding="utf-8")
    return sidecar


def _file(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"name": path.name}
    if path.is_file():
        found |= {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    return found
