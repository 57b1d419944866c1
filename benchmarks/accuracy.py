"""How close the colours of the embedded weights come to the truth, on photographs and on film clips.

    python -m benchmarks.accuracy PICTURES [--pattern GLOB]

Runs `python -m trainer evaluate` and `evaluate-clips`, whose figures docs/training.md explains.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .figures import Figures

SATURATIONS = (1.0, 0.55)


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Figures by saturation, as text."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy")
    parser.add_argument("pictures", nargs="?", type=Path)
    parser.add_argument("--pattern", default="*")
    options = parser.parse_args(arguments)
    if options.pictures is None:
        print("left out: give a folder of colour photographs that the weights were not trained on")
        return {}
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for saturation in SATURATIONS:
            weights = Path(folder) / f"{saturation}.safetensors"
            _trainer("export", "lite", "--chroma-gain", str(saturation), "--output", str(weights))
            answer = _trainer(
                "evaluate", str(options.pictures), "--pattern", options.pattern, "--weights", str(weights), "--json"
            )
            found[str(saturation)] = json.loads(answer)
            print(f"  saturation {saturation}: {found[str(saturation)]}")
    return found


def clips(films: Sequence[Path]) -> Figures:
    """Means over clips, frame by frame, without temporal smoothing."""
    if not films:
        print("left out: give colour films")
        return {}
    answer = _trainer("evaluate-clips", *map(str, films), "--weights", "lite", "--json")
    means: Figures = json.loads(answer.splitlines()[-1])
    print(f"  {means}")
    return means


def _trainer(*arguments: str) -> str:
    ran = subprocess.run([sys.executable, "-m", "trainer", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return ran.stdout


if __name__ == "__main__":
    main()
