"""Figures of how a run bears what a photograph may do to it, by the command line itself.

    python -m tests.isolation [--odd 1000] [--photos 500]

Colorizes JPEGs of odd sizes three times and compares the results byte for byte; then photos of which one ends, or stops, the process that
opens it: a fault in native code, the system's killer, a hang. Exits with 1 where a photo too many is missing, or none is named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

_SABOTAGE = """
import os, signal, sys, time

def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith({name!r}):
        if {action!r} == "hang":
            time.sleep(3600)
        os.kill(os.getpid(), getattr(signal, {action!r}))

sys.addaudithook(hook)
"""


def make(folder: Path, count: int) -> None:
    """Gray JPEGs whose sides are odd."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        height, width = (2 * int(side) + 1 for side in rng.integers(30, 200, 2))
        y, x = np.mgrid[:height, :width]
        plane = 128 + 90 * np.sin(x / rng.uniform(5, 40)) * np.cos(y / rng.uniform(5, 40)) + rng.normal(0, 4, x.shape)
        pixels = np.clip(plane, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}.jpg", quality=90)


def run(sources: Path, output: Path, *options: str, path: Path | None = None) -> tuple[int, list[dict[str, object]], float]:
    """Exit code, outcomes and seconds of a run. path: of modules that Python is to import first."""
    started = time.monotonic()
    command = [sys.executable, "-m", "batchcolor", "colorize", str(sources), "-o", str(output), "--json", "--quiet", *options]
    environment = {**os.environ, **({"PYTHONPATH": os.pathsep.join([str(path), str(Path.cwd())])} if path else {})}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    return ran.returncode, [row for row in rows if "source" in row], time.monotonic() - started


def digest(folder: Path) -> str:
    """SHA-256 of all results, by name."""
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.jpg")):
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description="Odd sizes, crashes and hangs, in figures.")
    parser.add_argument("--odd", type=int, default=1000, help="JPEGs of odd size")
    parser.add_argument("--photos", type=int, default=500, help="photos around the one that crashes")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make(folder / "odd", options.odd)
        seen = set()
        for number in range(3):
            code, rows, seconds = run(folder / "odd", folder / f"odd-{number}")
            seen.add(digest(folder / f"odd-{number}"))
            done = sum(row["status"] == "done" for row in rows)
            failed |= code != 0 or done != options.odd
            print(f"{options.odd} JPEGs of odd size, run {number + 1}: exit {code}, {done} done, {seconds:.1f} s", flush=True)
        failed |= len(seen) != 1
        print(f"the same bytes three times: {'yes' if len(seen) == 1 else 'NO'} ({next(iter(seen))[:16]})", flush=True)

        make(folder / "photos", options.photos)
        victim = f"{options.photos // 2:04}.jpg"
        for action in ("SIGSEGV", "SIGKILL", "hang"):
            (folder / action).mkdir()
            (folder / action / "sitecustomize.py").write_text(_SABOTAGE.format(name=victim, action=action))
            limit = ("--photo-timeout", "20") if action == "hang" else ()
            code, rows, seconds = run(folder / "photos", folder / f"out-{action}", *limit, path=folder / action)
            done = sum(row["status"] == "done" for row in rows)
            errors = [str(row["error"]) for row in rows if row["status"] == "failed"]
            failed |= code != 1 or done != options.photos - 1 or len(errors) != 1 or victim not in errors[0]
            print(
                f"{action} in the middle of {options.photos}: exit {code}, {done} done, {seconds:.1f} s; named: {errors}",
                flush=True,
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
