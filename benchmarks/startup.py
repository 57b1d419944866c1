"""How long `batchcolor --version` and `--help` take, against starting Python alone."""

from __future__ import annotations

import subprocess
import sys

from .timing import median_seconds


def main() -> None:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "batchcolor --version": [sys.executable, "-m", "batchcolor", "--version"],
        "batchcolor --help": [sys.executable, "-m", "batchcolor", "--help"],
    }
    runs = {
        name: lambda command=command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # type: ignore[misc]
        for name, command in commands.items()
    }
    seconds = median_seconds(runs, repeats=11)
    reference = seconds["python -c pass"]
    for name, median in seconds.items():
        print(f"  {name:24}{median * 1000:8.0f} ms{median / reference:8.1f}x")


if __name__ == "__main__":
    main()
