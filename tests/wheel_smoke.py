"""Builds the wheel, installs it without extras into an empty environment and runs the demo there; then the trainer (`make wheel`)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
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
        light = "import importlib.util, sys; sys.exit(any(map(importlib.util.find_spec, ('torch', 'skimage', 'scipy'))))"
        subprocess.run([binaries / "python", "-c", light], check=True)
        _run_trainer(folder, wheel, environment)
    print("The wheel installs into an empty environment and colorizes from there.")


def _run_trainer(folder: Path, wheel: Path, environment: dict[str, str]) -> None:
    """The wheel's trainer, with the extras of the Python that runs this."""
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    code = f"import sys; sys.path.insert(0, {str(unpacked)!r}); from batchcolor_train.command import run; run()"
    evaluate = [sys.executable, "-c", code, "evaluate", folder / "demo" / "truth", "--weights", "lite", "--pattern", "*.jpg"]
    subprocess.run(evaluate, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
