"""Small results stay what they were: colours of the embedded network, merging, films, contact sheets."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor import ModelSettings, colorize_array
from batchcolor.color.pixel_codes import lab_to_codes
from batchcolor.engines.colorizer import Colorizer
from batchcolor.films import colorize_film
from batchcolor.imaging.contact_sheet import Cell, contact_sheet
from batchcolor.photos import colorize_photos
from batchcolor.settings import FilmSettings, PhotoSettings, Settings
from tests.films.made import Made, make_film
from tests.support import formula_colorizer

from .snapshot import EXACT, NETWORK, ROUNDING, Snapshots, Tolerance


def landscape(height: int, width: int) -> np.ndarray:
    """Gray sky, hills and a house, uint8 `(height, width)`: something that a network colours."""
    y, x = np.mgrid[:height, :width] / (height, 1)[0]
    picture = 210 - 60 * y
    hill = 0.6 + 0.1 * np.sin(x * 5)
    texture = np.random.default_rng(0).normal(0, 14, (height, width))
    picture = np.where(y > hill, 90 + texture - 30 * (y - hill), picture)
    house = (abs(x - 0.5) < 0.15) & (y > 0.45) & (y < 0.75)
    return np.where(house, 150 + 20 * (x > 0.5), picture).clip(0, 255).astype(np.uint8)


def test_colours_of_the_embedded_network(snapshots: Snapshots) -> None:
    rgb = colorize_array(landscape(96, 128), model=ModelSettings(precision="float32"))
    snapshots.check("embedded_network", rgb, NETWORK)


def test_a_merged_photo(snapshots: Snapshots, tmp_path: Path) -> None:
    import pyvips

    pyvips.Image.new_from_array(landscape(96, 128)).copy(interpretation="b-w").pngsave(str(tmp_path / "in.png"))
    pair = (tmp_path / "in.png", tmp_path / "out.png")
    (result,) = colorize_photos([pair], formula_colorizer(), PhotoSettings())
    assert result.error is None
    snapshots.check("merged_photo", pyvips.Image.new_from_file(str(pair[1])).numpy(), ROUNDING)


def test_colours_at_the_edge_of_the_gamut(snapshots: Snapshots) -> None:
    L = np.repeat(np.linspace(0, 100, 48, dtype=np.float32)[:, None], 64, 1)
    hue = np.linspace(0, 2 * np.pi, 64, dtype=np.float32)[None].repeat(48, 0)
    snapshots.check("gamut", lab_to_codes(L, 120 * np.stack([np.cos(hue), np.sin(hue)]), 8), ROUNDING)


@pytest.mark.parametrize("smooth", ["none", "flow"])
def test_frames_of_a_film(smooth: str, snapshots: Snapshots, tmp_path: Path) -> None:
    film = make_film(tmp_path / "in.mkv", Made(codec="ffv1", pts=tuple(range(0, 480, 40))))
    settings = Settings(film=FilmSettings(codec="ffv1", smooth=smooth))  # type: ignore[arg-type]

    def colorizer() -> Colorizer:
        return formula_colorizer()

    colorize_film(film, tmp_path / "out.mkv", settings, colorizer=colorizer)
    with av.open(str(tmp_path / "out.mkv")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    snapshots.check(f"film_{smooth}", np.vstack([np.hstack(frames[0:12:6]), np.hstack(frames[3:12:6])]), ROUNDING)


def test_a_contact_sheet(snapshots: Snapshots) -> None:
    gray = np.repeat(landscape(48, 64)[..., None], 3, 2)
    sheet = contact_sheet(
        [Cell([gray, 255 - gray], f"{n}   0:00:0{n}") for n in range(3)], columns=2, headings=("before", "after")
    )
    snapshots.check("contact_sheet", sheet, EXACT)


def test_a_difference_beyond_the_tolerance_fails_and_an_update_stores_it(tmp_path: Path) -> None:
    rgb = np.full((8, 8, 3), 100, np.uint8)
    Snapshots(update=True, folder=tmp_path).check("flat", rgb, EXACT)
    stored = Snapshots(update=False, folder=tmp_path)
    stored.check("flat", rgb, EXACT)
    stored.check("flat", rgb + 1, Tolerance("one", 1, 1))
    with pytest.raises(AssertionError, match=r"differs from its snapshot by 1\.00 in the mean and 1 at most; exact"):
        stored.check("flat", rgb + 1, EXACT)
    one_pixel = rgb.copy()
    one_pixel[0, 0, 0] += 5
    with pytest.raises(AssertionError, match="5 at most"):
        stored.check("flat", one_pixel, Tolerance("small", 1, 4))
    with pytest.raises(AssertionError, match="no snapshot"):
        stored.check("other", rgb, EXACT)
