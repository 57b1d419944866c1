"""Make README's pictures of chosen colours again: a photograph, and a shot of a film, each with one point.

    python -m tools.chosen_colour_pictures PLATE NEWSREEL

PLATE: a colour plate by Prokudin-Gorskii of a mosque in the desert (Library of Congress), whose black-and-white copy is colorized and
whose true colour is chosen. NEWSREEL: one about soldiers at Desert Rock, Nevada, in the 1950s (public domain), of which the shot of the
trucks is taken.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pyvips

from batchcolor.app import run_archive
from batchcolor.archive.item_settings import ItemSettings
from batchcolor.demo.pictures import gray_of
from batchcolor.films import find_shots
from batchcolor.review.pictures import film_pixels, photo_pixels
from batchcolor.settings import FilmSettings, RunOptions, Settings

IMAGES = Path(__file__).parents[1] / "docs" / "images"
_GROUND = (0.40, 0.75)  # of the plate: the place of its point
_SAND, _SAND_AT = "#bfa572", (0.75, 0.72)  # of the film's point
_SHOT = 2  # of the newsreel, from 0
_SHARES = (0.02, 0.25, 0.5, 0.75, 0.98)
_GAP = 6  # pixels


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plate", type=Path)
    parser.add_argument("newsreel", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        _photo(options.plate, Path(folder) / "photo")
        _film(options.newsreel, Path(folder) / "film")


def _photo(plate: Path, folder: Path) -> None:
    """Black-and-white, automatic, with one point, and the plate itself."""
    truth = photo_pixels(plate, 340)
    height, width = truth.shape[:2]
    gray = np.repeat((gray_of(truth) * 255 + 0.5).astype(np.uint8)[..., None], 3, 2)
    source = folder / "in" / "mosque.png"
    source.parent.mkdir(parents=True)
    source.write_bytes(cv2.imencode(".png", gray[..., 0])[1].tobytes())
    row, column = int(_GROUND[1] * height), int(_GROUND[0] * width)
    colour = np.median(truth[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3), 0).astype(int)
    point = f'at = [{_GROUND[0]}, {_GROUND[1]}]\ncolour = "#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"\n'
    plain, pointed = (photo_pixels(path, 340) for path in _both(folder, source, point, Settings()))
    _save([[gray, plain, _marked(pointed, _GROUND), truth]], "chosen-photo")


def _film(newsreel: Path, folder: Path) -> None:
    """Five frames of a shot: automatic above, with one point on the middle one below."""
    shot = list(find_shots(newsreel))[_SHOT]
    middle = round((shot.start + shot.end) / 2, 3)
    settings = Settings(film=FilmSettings(start=shot.start, duration=shot.end - shot.start, crf=14))
    point = f'time = {middle}\nat = [{_SAND_AT[0]}, {_SAND_AT[1]}]\ncolour = "{_SAND}"\nsize = 0.04\n'
    rows = []
    for number, result in enumerate(_both(folder, newsreel, point, settings)):
        times = [share * (shot.end - shot.start) for share in _SHARES]
        frames = [film_pixels(result, time, 280) for time in times]
        rows.append(
            [
                _marked(frame, _SAND_AT) if number and share == 0.5 else frame
                for frame, share in zip(frames, _SHARES, strict=True)
            ]
        )
    _save(rows, "chosen-film")


def _both(folder: Path, source: Path, point: str, settings: Settings) -> tuple[Path, Path]:
    """The results of one source without and with a point."""
    results = []
    for name, text in (("plain", ""), ("pointed", f"version = 1\n[[point]]\n{point}")):
        output = folder / name
        if text:
            file = output / ".batchcolor" / "colours" / f"{source.name}.colours.toml"
            file.parent.mkdir(parents=True)
            file.write_text(text)
        summary = run_archive([source], output, settings=ItemSettings(settings), options=RunOptions(jobs=1))
        if summary.failed:
            raise SystemExit(f"{source}: failed")
        (result,) = (path for path in output.iterdir() if path.name.startswith(source.stem))
        results.append(result)
    return results[0], results[1]


def _marked(pixels: np.ndarray, at: tuple[float, float]) -> np.ndarray:
    """The picture with a ring at a place."""
    drawn = np.ascontiguousarray(pixels)
    centre = int(at[0] * pixels.shape[1]), int(at[1] * pixels.shape[0])
    for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 2)):
        cv2.circle(drawn, centre, 8, colour, width, cv2.LINE_AA)
    return drawn


def _save(rows: list[list[np.ndarray]], name: str) -> None:
    height = min(picture.shape[0] for row in rows for picture in row)
    width = min(picture.shape[1] for row in rows for picture in row)
    blank = np.full((height, _GAP, 3), 255, np.uint8)
    lines = [np.hstack([part for picture in row for part in (picture[:height, :width], blank)][:-1]) for row in rows]
    line = np.full((_GAP, lines[0].shape[1], 3), 255, np.uint8)
    sheet = np.ascontiguousarray(np.vstack([part for each in lines for part in (each, line)][:-1]))
    image = pyvips.Image.new_from_array(sheet).copy(interpretation="srgb")
    image.jpegsave(str(IMAGES / f"{name}.jpg"), Q=86, optimize_coding=True, keep="none")


if __name__ == "__main__":
    main()
