"""This version reads what earlier ones wrote: checkpoints, and the work folders of films that were stopped."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from batchcolor.films import FilmResult, colorize_film
from batchcolor.films.chunks.segments import WorkFolder, work_folder
from batchcolor.films.colorize import _FORMAT
from batchcolor.generators.checkpoint import load
from batchcolor.runtime.atomic_write import PREFIX
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import pictures
from tests.support import formula_colorizer

FOLDER = Path(__file__).parent
FILM = "reel.mkv"
FRAMES = 30
SETTINGS = Settings(film=FilmSettings(codec="ffv1"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.safetensors")), ids=lambda path: path.stem)
def test_checkpoints_are_read(path: Path) -> None:
    checkpoint = load(path)
    assert checkpoint.architecture == "lite"
    assert checkpoint.configuration == {"encoder": "lite2"}
    assert checkpoint.card == {"steps": 1000, "data": "none"}
    arrays = checkpoint.arrays()
    assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(("weight", "bias"), np.dtype(np.float32))
    np.testing.assert_allclose(arrays["weight"], np.arange(12).reshape(3, 4) / 7, rtol=2**-8)
    assert arrays["bias"].tolist() == [-1.5, 0.25, 3.0]


def work_folders() -> list[Path]:
    return sorted(FOLDER.glob("work-folder-*"))


def resume(stored: Path, folder: Path, *, same_recipe: bool) -> FilmResult:
    """Colorize the stored film where its work folder lies beside the result."""
    source, target = folder / FILM, folder / "out" / FILM
    shutil.copy(stored / FILM, source)
    work = target.with_name(f"{PREFIX}work-{sha256(FILM.encode()).hexdigest()[:16]}")
    shutil.copytree(stored / "work", work)

    def with_this_recipe(target: Path, codec: str, recipe: str) -> AbstractContextManager[WorkFolder]:
        if same_recipe:  # which holds the source's path and time, so that a copy's is another
            (work / "recipe").write_text(recipe, encoding="utf-8")
        return work_folder(target, codec, recipe)

    with patch("batchcolor.films.colorize.work_folder", with_this_recipe):
        result = colorize_film(source, target, SETTINGS, colorizer=formula_colorizer)
    assert not work.exists()
    assert len(pictures(target)) == result.frames == FRAMES
    return result


@pytest.mark.parametrize("stored", work_folders(), ids=lambda path: path.name)
def test_work_folders_of_another_run_are_discarded(stored: Path, tmp_path: Path) -> None:
    assert resume(stored, tmp_path, same_recipe=False).resumed == 0


@pytest.mark.parametrize("stored", work_folders(), ids=lambda path: path.name)
def test_work_folders_of_this_format_are_resumed_and_no_other_stops_a_run(stored: Path, tmp_path: Path) -> None:
    """Recipes hold the number of the format, so that one of another is never taken for the same; here it is, for the worst case."""
    resumed = resume(stored, tmp_path, same_recipe=True).resumed
    if stored.name == f"work-folder-{_FORMAT}":
        assert resumed == FRAMES


def test_files_of_this_version_are_stored() -> None:
    assert FOLDER / f"work-folder-{_FORMAT}" in work_folders(), "run: python -m tests.compatibility.make"
    assert len(list(FOLDER.glob("*.safetensors"))) >= 3
