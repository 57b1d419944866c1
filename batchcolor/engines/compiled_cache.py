"""Compiled networks in the user's cache: OpenVINO takes a second to compile int8, and a tenth of that to load what it compiled.

A file holds the SHA-256 of its contents, then the contents, as OpenVINO exported them: it does not check them itself and may crash on
damaged ones.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BatchcolorError
from ..runtime.atomic_write import atomic_write
from ..runtime.openvino import ov

_DIGEST_BYTES = hashlib.sha256().digest_size


def load_compiled(core: ov.Core, path: Path, options: Mapping[str, Any]) -> Any | None:
    """The compiled model in `path`; None where it is missing, damaged or from another version of OpenVINO."""
    try:
        with path.open("rb") as file:
            digest, content = file.read(_DIGEST_BYTES), file.read()
        if hashlib.sha256(content).digest() != digest:
            return None
        return core.import_model(content, "CPU", dict(options))
    except (OSError, RuntimeError):
        return None


def save_compiled(compiled: Any, path: Path) -> None:
    """Write a compiled model to `path`; a cache that cannot be written only costs time."""
    with contextlib.suppress(OSError, RuntimeError, BatchcolorError):
        content = compiled.export_model().getvalue()
        with atomic_write(path) as temporary:
            temporary.write_bytes(hashlib.sha256(content).digest() + content)


def processor_name(core: ov.Core) -> str:
    """The processor's name and the instructions that matter to OpenVINO, which compiles for them."""
    return f"{core.get_property('CPU', 'FULL_DEVICE_NAME')} {' '.join(core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'))}"
