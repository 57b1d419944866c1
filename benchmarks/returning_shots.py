"""How shots that return to an earlier one continue its colours.

    python -m benchmarks.returning_shots CLIPS [--frames N]

CLIPS: a folder of films whose true colours are known. Films are made of them: the first part of a clip, another clip, the following part
of the first. The last frame of the first part and the first of the third are neighbours in truth, so their Cb, Cr should be as near as
neighbours are. Then twenty films of three different clips each, in which nothing returns.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.films import colorize_film
from batchcolor.films.input.probe import probe
from batchcolor.films.input.time_range import TimeRange
from batchcolor.films.output.encode import picture_format
from batchcolor.films.output.encoders import CODECS
from batchcolor.films.shots.first_pass import FirstPass
from batchcolor.settings import FilmSettings, Settings

from .chosen_films import pictures, psnr, write_gray
from .figures import Figures

_BETWEEN = 30  # frames of the other clip
_UNLIKE_FILMS, _UNLIKE_FRAMES = 20, 24


def main(arguments: list[str] | None = None) -> Figures:
    """Means over the clips: differences in codes of 8 bits, PSNR in dB; and how many shots of unlike films refer to an earlier one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--frames", type=int, default=60, help="of each part of the clip that returns")
    parser.add_argument("--side", type=int, default=256, help="longer side of the clips")
    parser.add_argument("--returning", nargs="+", default=["carphone", "persons", "square"], help="clips that return")
    parser.add_argument("--between", default="skater", help="clip between the parts")
    options = parser.parse_args(arguments)
    paths = sorted(options.clips.glob("*.*"))
    clips = {path.stem: pictures(path, 2 * options.frames, options.side) for path in paths}
    print("clip: difference of Cb, Cr where it returns, without and with earlier colours; between neighbours; PSNR of ab")
    rows = []
    for name in options.returning:
        rows.append(_returning(clips[name], clips[options.between][:_BETWEEN], options.frames))
        print(f"{name}: {_told(rows[-1])}", flush=True)
    mean = tuple(np.mean(rows, 0).tolist())
    print(f"mean: {_told(mean)}")
    triples = list(itertools.permutations(clips, 3))
    chosen = [triples[n] for n in np.random.default_rng(1).permutation(len(triples))[:_UNLIKE_FILMS]]
    taken = [_count_returning(_joined([clips[name][:_UNLIKE_FRAMES] for name in triple])) for triple in chosen]
    print(f"{len(chosen)} films of three unlike shots: {sum(taken)} shots refer to an earlier one")
    names = ("difference_without", "difference", "neighbours", "psnr_without_db", "psnr_db")
    return {
        **dict(zip(names, mean, strict=True)),
        "clips": len(rows),
        "unlike_films": len(chosen),
        "unlike_returns": sum(taken),
    }


def _told(row: tuple[float, ...]) -> str:
    return f"{row[0]:.2f} -> {row[1]:.2f}; {row[2]:.2f}; {row[3]:.2f} -> {row[4]:.2f} dB"


def _returning(clip: list[np.ndarray], other: list[np.ndarray], frames: int) -> tuple[float, ...]:
    first, second = clip[:frames], clip[frames:]
    film = [*first, *_of_shape(other, clip[0].shape), *second]
    truth = [rgb_to_lab(each.transpose(2, 0, 1).astype(np.float32) / 255) for each in clip]
    found: list[float] = []
    accuracy: list[float] = []
    neighbours = 0.0
    for returning in (False, True):
        chroma, labs = _colorized(film, returning)
        found.append(_difference(chroma[frames - 1], chroma[frames + len(other)]))
        accuracy.append(psnr(labs[:frames] + labs[frames + len(other) :], truth))
        neighbours = float(np.mean([_difference(*pair) for pair in itertools.pairwise(chroma[:frames])]))
    return (*found, neighbours, *accuracy)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two frames' Cb, Cr, in codes of 8 bits."""
    return float(np.abs(one - other).mean())


def _colorized(film: list[np.ndarray], returning: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Cb, Cr int16 `(2, h, w)` and CIELAB `(3, h, w)` of every frame of the result. The cuts are known."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "gray.mkv", Path(folder) / "out.mkv"
        write_gray(source, film)
        colorize_film(source, target, Settings(film=FilmSettings(codec="ffv1", returning_shots=returning)))
        with av.open(str(target)) as container:
            frames = list(container.decode(video=0))
        chroma = [frame.to_ndarray(format="yuv444p")[1:].astype(np.int16) for frame in frames]
        rgb = (frame.to_ndarray(format="rgb24") for frame in frames)
        return chroma, [rgb_to_lab(each.transpose(2, 0, 1).astype(np.float32) / 255) for each in rgb]


def _joined(parts: list[list[np.ndarray]]) -> list[np.ndarray]:
    """One film of these parts, at the size of the first."""
    return [frame for part in parts for frame in _of_shape(part, parts[0][0].shape)]


def _of_shape(frames: list[np.ndarray], shape: tuple[int, ...]) -> list[np.ndarray]:
    return [cv2.resize(frame, shape[1::-1], interpolation=cv2.INTER_AREA) for frame in frames]


def _count_returning(film: list[np.ndarray]) -> int:
    """Shots of the film that refer to an earlier one."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "gray.mkv"
        write_gray(source, film)
        info = probe(source)
        seen = FirstPass(source, info, picture_format(info, CODECS["ffv1"]), TimeRange())
        return len({frame.shot for frame in seen if frame.returns is not None})


if __name__ == "__main__":
    main()
