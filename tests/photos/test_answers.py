"""What the network answers is looked at before it becomes colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips

from batchcolor.engines.colorizer import Colorizer
from batchcolor.errors import ModelError
from batchcolor.photos import colorize_photos
from batchcolor.settings import PhotoSettings
from tests.support import FormulaEngine, gradient


def test_an_answer_that_is_not_finite_fails_its_photo_alone_and_names_it(tmp_path: Path) -> None:
    class OddForDarkPhotos(FormulaEngine):
        def __call__(self, L: np.ndarray) -> np.ndarray:
            ab = super().__call__(L)
            ab[L.mean((1, 2, 3)) < 20] = np.nan
            return ab

    names = ("a.png", "dark.png", "c.png")
    for name in names:
        shade = gradient(40, 50) // (8 if name == "dark.png" else 1)
        pyvips.Image.new_from_array(shade).copy(interpretation="b-w").pngsave(str(tmp_path / name))
    pairs = [(tmp_path / name, tmp_path / "out" / name) for name in names]
    colorizer = Colorizer(OddForDarkPhotos(), side_multiple=32, network_size=64)
    first, dark, last = colorize_photos(pairs, colorizer, PhotoSettings())
    assert first.error is None
    assert last.error is None
    assert isinstance(dark.error, ModelError)
    assert str(tmp_path / "dark.png") in str(dark.error)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
