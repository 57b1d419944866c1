"""What a worker imports before its first photo."""

from __future__ import annotations

import subprocess
import sys

_WORKER = """
import sys
import batchcolor.archive.run
import batchcolor.photos
print(sorted({"av", "rich", "pathspec", "torch", "skimage", "scipy", "pandas", "httpx"} & set(sys.modules)))
"""


def test_a_worker_of_photos_needs_neither_ffmpeg_nor_what_only_drivers_show() -> None:
    ran = subprocess.run([sys.executable, "-c", _WORKER], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr
