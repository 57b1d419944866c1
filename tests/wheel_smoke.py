"""Builds the wheel, installs it into an empty environment, runs the demo and the trainer from there (`make wheel`)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = ("colour/astronaut.jpg", "colour/coffee-16bit.tif", "colour/film.mp4", "photos.png", "film.png")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="batchcolor-wheel-") as made:
        folder = Path(made)
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = folder.glob("*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
        venv.create(folder / "env", with_pip=True)
        binaries = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        install = [binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--constraint", ROOT / "constraints.txt", wheel], check=True)
        environment = {**os.environ, "BATCHCOLOR_CACHE": str(folder / "cache")}
        environment.pop("PYTHONPATH", None)
        subprocess.run([binaries / "batchcolor", "demo", "--output", folder / "demo"], check=True, cwd=folder, env=environment)
        missing = [name for name in EXPECTED if not (folder / "demo" / name).is_file()]
        if missing:
            sys.exit(f"the installed wheel's demo did not write {', '.join(missing)}")
        truth = [
            binaries / "batchcolor-train",
            "evaluate",
            folder / "demo" / "truth",
            "--weights",
            "lite",
            "--pattern",
            "*.jpg",
        ]
        subprocess.run(truth, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    print("The wheel installs into an empty environment and colorizes from there.")


if __name__ == "__main__":
    main()
