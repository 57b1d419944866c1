"""An output tree with three photos and a film, and the page that is served over it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import pyvips

from batchcolor.app import run_archive
from batchcolor.settings import RunOptions
from tests.support import gradient

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


FILM_SIZE, FILM_FRAMES, FILM_RATE = (320, 224), (40, 20), 20  # frames of its shots
SQUARE = 60  # pixels: its side


def square_at(frame: int) -> tuple[float, float]:
    """The middle of the square that moves through the first shot of the film, as shares."""
    return (20 + 4 * frame + SQUARE / 2) / FILM_SIZE[0], (80 + SQUARE / 2) / FILM_SIZE[1]


def write_film(path: Path) -> None:
    """A black-and-white film of two shots; in the first, a light square moves over a dark ground."""
    path.parent.mkdir()
    width, height = FILM_SIZE
    rng = np.random.default_rng(3)
    ground, square, other = (
        cv2.resize(rng.integers(low, high, cells, np.uint8), size, interpolation=cv2.INTER_CUBIC)
        for low, high, cells, size in (
            (20, 70, (40, 60), (width, height)),
            (120, 240, (16, 16), (SQUARE, SQUARE)),
            (60, 250, (20, 30), (width, height)),
        )
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=FILM_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for n in range(sum(FILM_FRAMES)):
            picture = ground.copy() if n < FILM_FRAMES[0] else np.roll(other[::-1], n, 1)
            if n < FILM_FRAMES[0]:
                picture[80 : 80 + SQUARE, 20 + 4 * n : 20 + 4 * n + SQUARE] = square
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `in` and results, `out`: photos (one of a hostile name, one of two pages, a toned one, a broken one) and a film of
    two shots."""
    folder = tmp_path_factory.mktemp("review")
    (folder / "in" / "family").mkdir(parents=True)
    names = ("family/a.jpg", "b.png", HOSTILE if os.name == "posix" else "c.jpg")
    for name in names:
        image = pyvips.Image.new_from_array(gradient(240, 320)).copy(interpretation="b-w")
        (folder / "in" / name).write_bytes(image.write_to_buffer(Path(name).suffix))
    page = pyvips.Image.new_from_array(gradient(240, 320)).copy(interpretation="b-w")
    both = page.join(page.invert(), "vertical").copy()
    both.set_type(pyvips.GValue.gint_type, "page-height", 240)
    both.tiffsave(str(folder / "in" / "pages.tif"))
    sepia = (page.colourspace("srgb") * [1, 0.9, 0.7]).cast("uchar")
    sepia.tiffsave(str(folder / "in" / "sepia.tif"))
    (folder / "in" / "broken.jpg").write_bytes(b"no picture")
    write_film(folder / "in" / "reels" / "two.mkv")
    summary = run_archive([folder / "in"], folder / "out", options=RunOptions(jobs=1))
    assert (summary.failed, summary.counts) == (1, summary.counts)
    return folder


@pytest.fixture(autouse=True)
def nothing_said(archive: Path) -> None:
    """Each test begins without chosen colours and marks."""
    state = archive / "out" / ".batchcolor"
    for file in state.rglob("*.colours.toml"):
        file.unlink()
    with contextlib.closing(sqlite3.connect(state / "manifest.sqlite")) as rows, rows:
        if rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'review'").fetchone():
            rows.execute("DELETE FROM review")


@pytest.fixture(scope="package")
def served(archive: Path) -> Iterator[str]:
    """The address of the page, of a server in a process of its own."""
    command = [sys.executable, "-m", "batchcolor", "review", str(archive / "out"), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        try:
            yield address
        finally:
            server.terminate()
            server.wait(30)
