"""What `pip install batchcolor` downloads and takes up, package by package, and how long the first photo takes in it.

    python -m benchmarks.installation

Builds the wheel, downloads what it needs and installs that into an empty environment; needs the package index. Then, in that
environment: a photograph with an empty and with a filled cache, in processor seconds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batchcolor.demo.pictures import write_pictures

from .timing import processor_seconds

_ROOT = Path(__file__).resolve().parents[1]
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
_FILLED_RUNS = 5

# Sizes of installed packages by what each wheel says that it installed; compiled bytecode is listed there too.
_LIST = """
import json, sys
from importlib.metadata import distributions
def size(found):
    return sum(path.stat().st_size for path in (found.locate_file(file) for file in found.files or ()) if path.is_file())
json.dump({found.name: size(found) for found in distributions()}, sys.stdout)
"""


def install(folder: Path) -> tuple[Path, dict[str, int], dict[str, int]]:
    """(Python of the new environment, bytes downloaded, bytes installed), by package, in an empty environment below `folder`."""
    downloads = folder / "downloads"
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(_ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    constraint = ("--constraint", str(_ROOT / "constraints.txt"))
    subprocess.run([python, *_PIP, "wheel", *constraint, "--wheel-dir", downloads, wheel], check=True)
    subprocess.run([python, *_PIP, "install", "--no-index", "--find-links", downloads, wheel], check=True)
    downloaded = {path.name.split("-")[0].replace("_", "-").lower(): path.stat().st_size for path in downloads.iterdir()}
    listed = subprocess.run([python, "-c", _LIST], check=True, capture_output=True, text=True).stdout
    return python, downloaded, {name.replace("_", "-").lower(): size for name, size in json.loads(listed).items()}


def first_photo(python: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """(name, processor seconds) of colorizing one photograph in a process of its own."""
    write_pictures(folder / "truth", folder / "input")
    environment = {**os.environ, "BATCHCOLOR_CACHE": str(folder / "cache")}

    def colorize(n: int) -> float:
        photo, output = folder / "input" / "astronaut.jpg", folder / f"output-{n}"
        before = processor_seconds()
        command = [python, "-m", "batchcolor", "colorize", photo, "--output", output, "--quiet"]
        subprocess.run([str(part) for part in command], check=True, env=environment, cwd=folder)
        return processor_seconds() - before

    yield "first photo, empty cache", colorize(0)
    yield "first photo, filled cache", statistics.median(colorize(n) for n in range(1, _FILLED_RUNS + 1))


def main() -> dict[str, Any]:
    """Megabytes by package, and of all; processor seconds of the first photo."""
    with tempfile.TemporaryDirectory(prefix="batchcolor-installation-") as made:
        folder = Path(made)
        python, downloaded, installed = install(folder)
        print(f"  {'':28}{'download':>10}{'installed':>11}")
        for name in sorted(installed, key=lambda name: -installed[name]):
            print(f"  {name:28}{downloaded.get(name, 0) / 1e6:7.1f} MB{installed[name] / 1e6:8.1f} MB")
        totals = sum(downloaded.values()) / 1e6, sum(installed.values()) / 1e6
        print(f"  {'all':28}{totals[0]:7.1f} MB{totals[1]:8.1f} MB")
        seconds = dict(first_photo(python, folder))
        for name, spent in seconds.items():
            print(f"  {name:28}{spent:7.2f} s of processor time")
    return {
        "download_mb": {**{name: size / 1e6 for name, size in downloaded.items()}, "all": totals[0]},
        "installed_mb": {**{name: size / 1e6 for name, size in installed.items()}, "all": totals[1]},
        "processor_s": seconds,
    }


if __name__ == "__main__":
    main()
