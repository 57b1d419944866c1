"""Whether the seam shows where a long shot was split: the film in chunks against the same film in one piece.

    python -m benchmarks.seams [CLIP...]

Each clip runs forward and backward until it is one shot of 900 frames, longer than a chunk. Figures are of ab at the network's size:
how much colour changes from the last frame before a seam to the first one after it, in chunks and in one piece, and how far the two
results are apart at the seam. A difference of 1 in CIELAB is about the least that an eye can see.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.demo import film as demo_film
from batchcolor.films import colorize_film
from batchcolor.films.chunks import plan as chunks
from batchcolor.settings import FilmSettings, Settings

from .figures import Figures
from .temporal_consistency import pictures

FRAMES = 900
# 12 bits, no subsampling: rounding to codes would weigh as much as what is looked for. cuts: there are none, so that there are seams.
SETTINGS = Settings(film=FilmSettings(codec="ffv1", pix_fmt="yuv444p12le", cuts=()))


def long_shot(source: Path, target: Path) -> Path:
    """The clip's gray, to and fro."""
    with av.open(str(source)) as container:
        grays = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][:200]
    with av.open(str(target), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        (stream.height, stream.width), stream.pix_fmt = grays[0].shape, "gray"
        for n, gray in enumerate(islice(cycle([*grays, *grays[-2:0:-1]]), FRAMES)):
            frame = av.VideoFrame.from_ndarray(gray, "gray")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target


def chroma(path: Path) -> Iterator[np.ndarray]:
    for rgb in pictures(path, FRAMES):
        yield rgb_to_lab(rgb.transpose(2, 0, 1))[1:]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over the picture of the distance in the plane of a and b."""
    return float(np.hypot(*(a - b)).mean())


def compare(clip: Path, folder: Path) -> list[tuple[float, float, float]]:
    """For each seam: the change across it in chunks and in one piece, and the difference between the two results."""
    film, split, whole = long_shot(clip, folder / "long.mkv"), folder / "split.mkv", folder / "whole.mkv"
    colorize_film(film, split, SETTINGS)
    with patch.object(chunks.ChunkLength, "of_film", lambda _frames: chunks.ChunkLength(longest=FRAMES)):
        colorize_film(film, whole, SETTINGS)
    length = chunks.ChunkLength.of_film(FRAMES).longest
    seams = range(length, FRAMES - chunks.TAIL, length)
    steps, apart = [], []
    before: tuple[np.ndarray, np.ndarray] | None = None
    for a, b in zip(chroma(split), chroma(whole), strict=True):
        steps.append((distance(a, before[0]), distance(b, before[1])) if before else (0.0, 0.0))
        apart.append(distance(a, b))
        before = a, b
    ordinary = float(np.percentile([step for _, step in steps[1:]], 95))
    rows = [(*steps[seam], max(apart[seam - 2 : seam + 2])) for seam in seams]
    for seam in seams:
        print(
            f"  {clip.stem:12s} frame {seam}: colour changes by {steps[seam][0]:.2f} across the seam, {steps[seam][1]:.2f} in one piece "
            f"(95 of 100 steps: below {ordinary:.2f}); apart by {max(apart[seam - 2 : seam + 2]):.2f}"
        )
    return rows


def main(clips: list[Path]) -> Figures:
    """Smallest and largest change across seams, the same in one piece, and difference between the two, in ab units."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not clips:
            demo_film.write_film(folder / "demo.mp4", folder / "gray.mp4")
            clips = [folder / "demo.mp4"]
        rows = [row for clip in clips for row in compare(clip, folder)]
    names = ("in_chunks", "in_one_piece", "difference")
    return {name: {"min": min(column), "max": max(column)} for name, column in zip(names, zip(*rows, strict=True), strict=True)}


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
