"""How long `batchcolor --version` and `--help` take, against starting Python alone."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from .figures import Figures
from .timing import median_seconds


def main() -> Figures:
    """Milliseconds, and times those of starting Python alone."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "batchcolor --version": [sys.executable, "-m", "batchcolor", "--version"],
        "batchcolor --help": [sys.executable, "-m", "batchcolor", "--help"],
    }
    runs = {name: partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL) for name, command in commands.items()}
    seconds = median_seconds(runs, repeats=11)
    reference = seconds["python -c pass"]
    for name, median in seconds.items():
        print(f"  {name:24}{median * 1000:8.0f} ms{median / reference:8.1f}x")
    return {name.split()[-1].strip("-"): {"ms": s * 1000, "ratio": s / reference} for name, s in seconds.items()}


if __name__ == "__main__":
    main()
