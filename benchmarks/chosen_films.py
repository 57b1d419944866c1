"""What chosen colours do in films: one point on a moving object, and one reference frame.

    python -m benchmarks.chosen_films CLIPS [--frames N] [--object CLIP=X,Y ...] [--side PIXELS]

CLIPS: a folder of films whose true colours are known. Each is made gray, colorized without choices, with one point (the true colour at
the given place of the first frame), and with its true first frame as the reference; lossless, so that only colours count. An object is
what moves with the point: where dense motion of the true film leads from a disc around it. The true film has a warp error, too: its
shades move, and flow is never exact.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from skimage.color import deltaE_ciede2000

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.colours.files import read_item
from batchcolor.colours.model import ChosenColours
from batchcolor.films import colorize_film
from batchcolor.films.chroma.motion import MotionEstimator, warp
from batchcolor.metrics import WarpError
from batchcolor.settings import FilmSettings, Settings

_RADIUS = 0.06  # of the disc around the point, share of the shorter side
_LOST = 0.15  # of the object's weight, below which its shot has lost it


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--side", type=int, default=256, help="longer side of the clips")
    parser.add_argument(
        "--object", action="append", default=[], metavar="CLIP=X,Y", help="place of the point, shares; else the middle"
    )
    options = parser.parse_args(arguments)
    places = {name: tuple(map(float, at.split(","))) for name, at in (each.split("=") for each in options.object)}
    rows = []
    print(
        "clip: CIEDE2000 on the object, automatic and with a point; warp error of both, and the true film's; PSNR of ab, automatic and"
    )
    print("with a reference")
    for path in sorted(options.clips.glob("*.*")):
        with tempfile.TemporaryDirectory() as folder:
            row = _clip(path, Path(folder), options.frames, options.side, places.get(path.stem, (0.5, 0.5)))
        rows.append(row)
        print(_line(path.stem, row), flush=True)
    print(_line("mean", np.mean(rows, 0)))


def _line(name: str, row: Sequence[float] | np.ndarray) -> str:
    object_, pointed, warp_error, pointed_warp_error, true_warp_error, plain, referred = row
    return (
        f"{name}: {object_:.1f} -> {pointed:.1f}; {warp_error:.3f} -> {pointed_warp_error:.3f} ({true_warp_error:.2f}); "
        f"{plain:.2f} -> {referred:.2f} dB"
    )


def _clip(path: Path, folder: Path, most: int, side: int, at: tuple[float, ...]) -> tuple[float, ...]:
    truth = pictures(path, most, side)
    source = folder / "gray.mkv"
    write_gray(source, truth)
    labs = [rgb_to_lab(each.transpose(2, 0, 1).astype(np.float32) / 255) for each in truth]
    seen = _object(labs, at)
    height, width = truth[0].shape[:2]
    row, column = int(at[1] * height), int(at[0] * width)
    colour = np.median(truth[0][max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].reshape(-1, 3), 0).astype(int)
    point = f'[[point]]\nframe = 0\nat = [{at[0]}, {at[1]}]\ncolour = "#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"\n'
    cv2.imwrite(str(folder / "first.png"), cv2.cvtColor(truth[0], cv2.COLOR_RGB2BGR))
    reference = '[[reference]]\nframe = 0\npicture = "first.png"\n'
    plain, pointed, referred = (_colorized(source, folder, text) for text in ("", point, reference))
    return (
        _object_error(plain, labs, seen),
        _object_error(pointed, labs, seen),
        _warp_error(plain),
        _warp_error(pointed),
        _warp_error(labs),
        psnr(plain, labs),
        psnr(referred, labs),
    )


def pictures(path: Path, most: int, side: int) -> list[np.ndarray]:
    """The first frames of a film, uint8 RGB, sides even, the longer one `side`."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            scale = side / max(frame.width, frame.height)
            width, height = (max(16, round(each * scale / 2) * 2) for each in (frame.width, frame.height))
            found.append(cv2.resize(frame.to_ndarray(format="rgb24"), (width, height), interpolation=cv2.INTER_AREA))
            if len(found) == most:
                break
    return found


def write_gray(path: Path, rgb_frames: list[np.ndarray]) -> None:
    """A lossless gray film at 25 frames a second, of the lightness of uint8 RGB pictures."""
    height, width = rgb_frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        for rgb in rgb_frames:
            L = rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[0]
            y = (L + 16) / 116
            linear = np.where(y > 6 / 29, y**3, 3 * (6 / 29) ** 2 * (y - 4 / 29))
            gray = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
            frame = av.VideoFrame.from_ndarray(
                np.repeat((gray[..., None] * 255 + 0.5).clip(0, 255).astype(np.uint8), 3, 2), "rgb24"
            )
            container.mux(stream.encode(frame.reformat(format="yuv444p")))
        container.mux(stream.encode(None))


def _colorized(source: Path, folder: Path, text: str) -> list[np.ndarray]:
    """CIELAB of every frame of the result."""
    chosen = None
    if text:
        file = folder / "gray.mkv.colours.toml"
        file.write_text(f"version = 1\n{text}")
        item = read_item(file)
        chosen = ChosenColours(item, (), item.digest)
    target = folder / "out.mkv"
    colorize_film(source, target, Settings(film=FilmSettings(codec="ffv1")), colours=chosen)
    with av.open(str(target)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [rgb_to_lab(each.transpose(2, 0, 1).astype(np.float32) / 255) for each in frames]


def _object(labs: list[np.ndarray], at: tuple[float, ...]) -> list[np.ndarray]:
    """Weights 0..1 of the object on every frame, at motion size: the disc around the point, carried along dense motion."""
    estimator = MotionEstimator()
    height, width = (max(8, each // 2) for each in labs[0].shape[1:])
    y, x = np.mgrid[:height, :width]
    radius = _RADIUS * min(height, width)
    weight = (np.hypot(y - at[1] * height, x - at[0] * width) <= radius).astype(np.float32)
    found, whole = [weight], weight.sum()
    for before, after in itertools.pairwise(labs):
        step = estimator.step(before[0], after[0])
        weight = warp(weight, step.forward) * (step.forward.trust > 0.3)
        found.append(weight if weight.sum() > _LOST * whole else np.zeros_like(weight))
    return found


def _object_error(made: list[np.ndarray], truth: list[np.ndarray], seen: list[np.ndarray]) -> float:
    errors = []
    for one, other, weight in zip(made, truth, seen, strict=True):
        if weight.any():
            apart = deltaE_ciede2000(other.transpose(1, 2, 0), one.transpose(1, 2, 0))
            here = cv2.resize(weight, apart.shape[::-1], interpolation=cv2.INTER_LINEAR)
            errors.append(float((apart * here).sum() / here.sum()))
    return float(np.mean(errors))


def _warp_error(made: list[np.ndarray]) -> float:
    meter = WarpError()
    for lab in made:
        small = [cv2.resize(plane, (lab.shape[2] // 2, lab.shape[1] // 2), interpolation=cv2.INTER_AREA) for plane in lab]
        meter.add(small[0], np.stack(small[1:]))
    return meter.value


def psnr(made: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Of ab, against 255: all frames together. made, truth: CIELAB."""
    error = np.mean([np.square(one[1:] - other[1:]).mean() for one, other in zip(made, truth, strict=True)])
    return float(10 * np.log10(255**2 / max(float(error), 1e-9)))


if __name__ == "__main__":
    main()
