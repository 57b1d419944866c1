"""libvips' warnings never reach Python, where two at once would end the process (tests/cli/test_hostile.py makes hundreds)."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from batchcolor.runtime.libvips import pyvips
import os
print(pyvips._log_handler_id, os.environ["VIPS_WARNING"])
"""


def test_warnings_stay_inside() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "None 0\n"
