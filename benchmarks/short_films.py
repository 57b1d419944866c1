"""A folder of short films: one run of `batchcolor colorize`, its start included, against plain transcodes one after the other.

    python -m benchmarks.short_films [FILM...] [--count N]

The short films are cut from the given ones (without any, from the demo's at 640x480), from another place each.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from .figures import Figures
from .films import SIZES, make, transcode
from .timing import one_run_each

_SECONDS, _RATE = 4, 25


def cut(films: Sequence[Path], folder: Path, count: int) -> list[Path]:
    """`count` films of four seconds."""
    folder.mkdir()
    paths = [folder / f"{n:03}.mp4" for n in range(count)]
    for path, frames in zip(paths, _pieces(films), strict=False):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=_RATE, options={"crf": "14", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
            for n, frame in enumerate(frames):
                frame.pts, frame.time_base, frame.pict_type = n, Fraction(1, _RATE), av.video.frame.PictureType.NONE
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return paths


def _pieces(films: Sequence[Path]) -> Iterator[list[av.VideoFrame]]:
    """Pieces of the films in turn, without end; each film must be longer than one."""
    for film in itertools.cycle(films):
        with av.open(str(film)) as container:
            frames = container.decode(video=0)
            while len(piece := list(itertools.islice(frames, _SECONDS * _RATE))) == _SECONDS * _RATE:
                yield piece


def main(films: Sequence[Path] = (), count: int = 100) -> Figures:
    """Ratios of wall and processor time, of one run each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size, times = next(iter(SIZES.items()))
        shorts = cut(films or [make(folder / "film.mp4", size, times)], folder / "shorts", count)
        command = [sys.executable, "-m", "batchcolor", "colorize", str(folder / "shorts"), "-o", str(folder / "out"), "--quiet"]

        def plain() -> None:
            for short in shorts:
                transcode(short, folder / "plain.mp4")

        what = f"{count} films of {_SECONDS} s"
        return {"films": count, **one_run_each(what, plain, partial(subprocess.run, command, check=True))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    main(options.films, options.count)
