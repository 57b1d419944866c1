"""How much memory this process and its workers may use."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def available_bytes(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Memory that is free or can be freed, or what a container's limit leaves if that is less (Linux); None where nothing is known."""
    known = []
    with contextlib.suppress(OSError):
        known += [int(kib) << 10 for kib in re.findall(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)]
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        if limit != "max":
            known.append(max(0, int(limit) - int((cgroup / "memory.current").read_text())))
    except (OSError, ValueError):
        pass
    return min(known, default=None)


def workers_that_fit(most: int, available: int | None, each: int) -> int:
    """How many of `most` workers fit into so many bytes, at so many bytes each; one in any case."""
    return most if available is None else max(1, min(most, available // each))
