"""Write files of this version for later versions to read.

    python -m tests.compatibility.make

Files of an earlier version are never rewritten: names hold the number of their format, and what exists stays.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import torch

from batchcolor.films import colorize_film
from batchcolor.films.chunks.segments import WorkFolder
from batchcolor.films.colorize import _FORMAT
from batchcolor.generators.checkpoint import FORMAT, Checkpoint, save
from tests.films.made import Made, make_film
from tests.support import formula_colorizer

from .test_compatibility import FILM, FOLDER, SETTINGS

TENSORS = {"weight": torch.arange(12.0).reshape(3, 4) / 7, "bias": torch.tensor([-1.5, 0.25, 3.0])}


def make_checkpoint(name: str, dtype: torch.dtype) -> None:
    path = FOLDER / f"{FORMAT}-{name}.safetensors"
    if not path.exists():
        save(Checkpoint("lite", {"encoder": "lite2"}, TENSORS, {"steps": 1000, "data": "none"}), path, dtype)


def make_work_folder() -> None:
    """A film, and its work folder as it is before the segments are joined."""
    folder = FOLDER / f"work-folder-{_FORMAT}"
    if folder.exists():
        return
    with tempfile.TemporaryDirectory() as name:
        film = make_film(Path(name) / FILM, Made(pts=tuple(range(0, 1200, 40)), codec="ffv1", pixel_format="gray"))
        target = Path(name) / "out" / FILM
        target.parent.mkdir()

        def keep(work: WorkFolder) -> None:
            folder.mkdir()
            shutil.copy(film, folder / FILM)
            shutil.copytree(work.path, folder / "work", ignore=shutil.ignore_patterns("lock", "holder.json"))

        with patch.object(WorkFolder, "discard", keep):  # called once the segments are joined
            colorize_film(film, target, SETTINGS, colorizer=formula_colorizer)


def main() -> None:
    for name, dtype in (("float32", torch.float32), ("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        make_checkpoint(name, dtype)
    make_work_folder()


if __name__ == "__main__":
    main()
