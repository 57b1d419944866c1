"""What chosen colours do: gain by true points, chosen colour against result, and spill.

    python -m benchmarks.chosen_colours PICTURES [--pattern GLOB] [--segments BSDS500] [--weights NAME|PATH] [--most N] [--points N]

PICTURES: a folder of colour photographs, judged at 256x256. --segments: the folder of BSDS500's data (github.com/BIDS/BSDS500, folder
BSDS500/data) for the figures of spill: each picture is found there again by its appearance, and cut up as the annotator with the median
number of segments did it. Of siggraph17 with random weights, where its file is not at hand, gain and segments are left out: they say
nothing about trained ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from batchcolor.color.conversion import fit_gamut, lab_to_rgb, rgb_to_lab
from batchcolor.color.upsampling import UPSCALERS, apply_map
from batchcolor.colours.spread import Disc
from batchcolor.colours.still import Hint, PictureColours, Still
from batchcolor.engines import open_engine
from batchcolor.engines.colorizer import Colorizer
from batchcolor.settings import EngineName

from .precisions import RANDOM, SIDE, checkpoint_of

COUNTS = (1, 2, 5, 10, 50)
_SIZE = 0.02
_OFFSET = 60.0  # ab units from the prediction
_LEAST_SEGMENT = 0.03  # of the picture


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--pattern", default="*.jpg")
    parser.add_argument("--segments", type=Path)
    parser.add_argument("--weights", default="lite")
    parser.add_argument("--engine", default="auto", choices=("auto", "torch", "openvino"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16", "int8"))
    parser.add_argument("--most", type=int, default=200, help="pictures")
    parser.add_argument(
        "--points", type=int, default=2, help="in each picture, one at a time, for chosen colour against result"
    )
    options = parser.parse_args(arguments)
    checkpoint = checkpoint_of(options.weights)
    engine: EngineName = options.engine
    colorizer = Colorizer.of_checkpoint(
        checkpoint, open_engine(checkpoint, engine=engine, device="cpu", precision=options.precision), network_size=SIDE
    )
    paths = sorted(options.pictures.glob(options.pattern))
    paths = [paths[n] for n in np.random.default_rng(1).permutation(len(paths))[: options.most]]
    trained = checkpoint.card.get("weights") != RANDOM
    segments = _Segments(options.segments) if options.segments and trained else None
    gains, apart, apart_over, far, inside, outside = [], [], [], [], [], []
    for path in paths:
        rgb = _read(path)
        truth = rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)
        still = Still.of(colorizer, np.ascontiguousarray(truth[0]))
        rng = np.random.default_rng(list(path.name.encode()))
        if trained:
            gains.append(_gains(still, truth, rng))
        for _ in range(options.points):
            at_pixel, over_disc, change = _chosen_and_result(still, rng)
            apart.append(at_pixel)
            apart_over.append(over_disc)
            far.append(change)
        cut = segments.of(rgb) if segments else None
        if cut is not None:
            found = _spill(still, cut, rng)
            if found is not None:
                inside.append(found[0])
                outside.append(found[1])
    named = options.weights if trained else f"{options.weights} with random weights"
    print(f"{named}, {engine} {options.precision}, {len(paths)} pictures at {SIDE} x {SIDE}")
    if gains:
        told = ", ".join(f"{n}: {gain:.2f}" for n, gain in zip(COUNTS, np.mean(gains, 0), strict=True))
        print(f"gain over no points, mean PSNR: {told} dB")
    print(
        f"chosen colour against result at the point, {len(apart)} points: median {np.median(apart):.2f}, "
        f"90 % {np.quantile(apart, 0.9):.2f} ab units; mean over the point's size: median {np.median(apart_over):.2f}"
    )
    print(f"change farther than a quarter of the picture away: mean {100 * np.mean(far):.1f} % of the change at the point")
    if inside:
        print(
            f"a point {_OFFSET:g} ab units off, {len(inside)} segments: change inside {100 * np.mean(inside):.1f} %, "
            f"outside {100 * np.mean(outside):.1f} % of it"
        )


def _read(path: Path) -> np.ndarray:
    bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    return cv2.resize(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _psnr(L: np.ndarray, ab: np.ndarray, truth: np.ndarray) -> float:
    planes = np.stack([cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for plane in ab])
    made, true = (np.rint(255 * lab_to_rgb(L[None], each)) for each in (planes, truth))
    return float(10 * np.log10(255**2 / max(np.square(made - true).mean(), 1e-6)))


def _gains(still: Still, truth: np.ndarray, rng: np.random.Generator) -> list[float]:
    """PSNR over that without points, for true colours at random places."""
    base = _psnr(truth[0], still.plain, truth[1:])
    discs = [Disc(float(x), float(y), _SIZE) for x, y in rng.uniform(0, 1, (max(COUNTS), 2))]
    colours = still.spreader.at(truth[1:], discs)
    points = [Hint(disc, (float(a), float(b))) for disc, (a, b) in zip(discs, colours, strict=True)]
    return [_psnr(truth[0], still.ab(PictureColours(tuple(points[:n]))), truth[1:]) - base for n in COUNTS]


def _chosen_and_result(still: Still, rng: np.random.Generator) -> tuple[float, float, float]:
    """At a random point: how far the result is from the chosen colour, both shrunk to the gamut, at its pixel and over its size; and the
    mean change far away, as a share of the change at the point."""
    x, y = (float(v) for v in rng.uniform(0.02, 0.98, 2))
    hue, chroma = rng.uniform(0, 2 * np.pi), rng.uniform(10, 60)
    chosen = np.array([chroma * np.cos(hue), chroma * np.sin(hue)], np.float32)
    disc = Disc(x, y, _SIZE)
    ab = still.ab(PictureColours((Hint(disc, (float(chosen[0]), float(chosen[1]))),)))
    made, plain = (apply_map(UPSCALERS["guided"](still.L, each), still.L) for each in (ab, still.plain))
    row, column = int(y * SIDE), int(x * SIDE)
    at_pixel = _apart(float(still.L[row, column]), chosen, made[:, row, column])
    over_disc = _apart(float(still.spreader.at(still.L[None], [disc])[0, 0]), chosen, still.spreader.at(made, [disc])[0])
    ys, xs = np.mgrid[:SIDE, :SIDE] / SIDE
    away = np.hypot(ys - y, xs - x) > 0.25
    was = plain[:, row, column]
    change = np.hypot(*(made - plain))[away].mean() / max(float(np.hypot(*(chosen - was))), 1.0)
    return at_pixel, over_disc, float(change)


def _apart(L: float, chosen: np.ndarray, result: np.ndarray) -> float:
    """Distance of two ab `(2,)`, both shrunk to what the gamut holds at L."""
    one, other = (fit_gamut(np.full((1, 1, 1), L, np.float32), ab.reshape(2, 1, 1).copy()).ravel() for ab in (chosen, result))
    return float(np.hypot(*(one - other)))


def _spill(still: Still, cut: np.ndarray, rng: np.random.Generator) -> tuple[float, float] | None:
    """Mean change inside and outside a random segment, as shares of the change at a random point well within it."""
    areas = np.bincount(cut.ravel()) / cut.size
    large = np.flatnonzero((areas >= _LEAST_SEGMENT) & (areas <= 1 - _LEAST_SEGMENT))
    if not len(large):
        return None
    segment = cut == rng.choice(large)
    depth = cv2.distanceTransform(np.pad(segment.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = (int(v) for v in rng.choice(np.argwhere(depth >= min(5.0, 0.7 * depth.max()))))
    disc = Disc((x + 0.5) / SIDE, (y + 0.5) / SIDE, _SIZE)
    hue = rng.uniform(0, 2 * np.pi)
    (was,) = still.spreader.at(still.plain, [disc])
    chosen = (float(was[0] + _OFFSET * np.cos(hue)), float(was[1] + _OFFSET * np.sin(hue)))
    change = still.ab(PictureColours((Hint(disc, chosen),))) - still.plain
    change = np.hypot(*(cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for plane in change)) / _OFFSET
    return float(change[segment].mean()), float(change[~segment].mean())


class _Segments:
    """Human segmentations of BSDS500, found by a picture's appearance."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted((folder / "images").rglob("*.jpg"))
        self._thumbnails = np.stack([_thumbnail(cv2.cvtColor(_read(path), cv2.COLOR_RGB2GRAY)) for path in self._paths])

    def of(self, rgb: np.ndarray) -> np.ndarray | None:
        """Numbers of segments `(256, 256)`; None for a picture that is not among them."""
        from scipy.io import loadmat

        apart = np.abs(self._thumbnails - _thumbnail(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))).mean(1)
        nearest = int(apart.argmin())
        if apart[nearest] > 3:
            return None
        path = self._paths[nearest]
        truth = path.parents[2] / "groundTruth" / path.parent.name / f"{path.stem}.mat"
        cuts = [each[0, 0]["Segmentation"] for each in loadmat(str(truth))["groundTruth"][0]]
        cut = sorted(cuts, key=lambda each: int(each.max()))[len(cuts) // 2]
        return np.asarray(cv2.resize(cut.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST))


def _thumbnail(gray: np.ndarray) -> np.ndarray:
    return cv2.resize(gray, (12, 12), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


if __name__ == "__main__":
    main()
