"""A run over a finished tree: files a second, against `find -printf` where there is one.

python -m benchmarks.archive [COUNT]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.output_tree import open_tree
from batchcolor.archive.plan import plan
from batchcolor.settings import Settings

from .figures import Figures
from .timing import median_seconds

_PER_FOLDER = 500


def make(folder: Path, count: int) -> tuple[Path, Path]:
    """`count` sources with results and a manifest that says so: what a finished run leaves, without the colours."""
    scans, colour = folder / "scans", folder / "colour"
    for root in (scans, colour):
        for n in range(count):
            path = root / f"{n // _PER_FOLDER:04}" / f"{n:06}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    with open_tree(colour, Settings().model.weights) as tree:
        for item in plan([scans], colour).items:
            tree.record(Outcome(item.source, item.target, item.kind, Status.DONE))
    return scans, colour


def main(count: int = 100_000) -> Figures:
    """Files a second, and the ratio to `find`'s time where there is one."""
    with tempfile.TemporaryDirectory() as name:
        scans, colour = make(Path(name), count)
        ours = [sys.executable, "-m", "batchcolor", "colorize", str(scans), "-o", str(colour), "--quiet"]
        runs = {"batchcolor": lambda: subprocess.run(ours, check=True)}
        if shutil.which("find"):
            find = ["find", str(scans), "-type", "f", "-printf", "%p %s %T@\n"]
            runs["find -printf"] = lambda: subprocess.run(find, check=True, stdout=subprocess.DEVNULL)
        seconds = median_seconds(runs, repeats=3)
    found: Figures = {"files": count, "files_per_s": count / seconds["batchcolor"]}
    for what, median in seconds.items():
        print(f"  {what:14}{count / median:10,.0f} files/s  {median:6.2f} s")
    if "find -printf" in seconds:
        found["find_ratio"] = seconds["batchcolor"] / seconds["find -printf"]
        print(
            f"  batchcolor looks at sources and results: {seconds['batchcolor'] / seconds['find -printf']:.1f} times find's time"
        )
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
