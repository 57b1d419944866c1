"""The command `batchcolor-train`, which is installed with batchcolor, while what it needs is an extra."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the trainer; where a package of the extra `train` is missing, say so in one sentence (exit code 2)."""
    try:
        from .__main__ import run as run_trainer
    except ModuleNotFoundError as exc:
        print(f"Error: {exc.name} is not installed; type: pip install 'batchcolor[train]'", file=sys.stderr)
        sys.exit(2)
    run_trainer()
