"""Cuts found and cuts missed on made films, by the detector of batchcolor and those of PySceneDetect (extra `bench`).

    python -m benchmarks.cuts [CLIP...]

Shots are pieces of the clips (without any: pans over pictures that come with scikit-image), joined by hard cuts, dissolves and fades,
then damaged like old film: exposure flicker, dust and scratches, jumps in the gate, flashes. A cut counts as found within one frame of
its place, a dissolve or fade anywhere from its first to its last frame; every other report is false.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

from batchcolor.films import find_shots

from .figures import Figures

SIZE = 320, 240
RATE = 24
SHOTS = 24  # of each film
Spoil = Callable[[np.random.Generator, np.ndarray], np.ndarray]


@dataclass(slots=True)
class Film:
    """Gray frames uint8 `(240, 320)`; cuts: first frames of shots; gradual: first and last frames of dissolves and fades."""

    frames: list[np.ndarray] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    gradual: list[tuple[int, int]] = field(default_factory=list)


def flicker(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """Another exposure for every frame."""
    gain, gamma = rng.uniform(0.65, 1.15), rng.uniform(0.8, 1.25)
    return (255 * np.minimum(1, gain * (frame / 255) ** gamma)).astype(np.uint8)


def dust(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """Grain, blots of dirt, scratches from top to bottom, now and then a large splice mark."""
    spoiled = np.clip(frame + rng.normal(0, 9, frame.shape), 0, 255).astype(np.uint8)
    for _ in range(int(rng.poisson(10))):
        center = int(rng.integers(0, SIZE[0])), int(rng.integers(0, SIZE[1]))
        axes = int(rng.integers(1, 9)), int(rng.integers(1, 6))
        cv2.ellipse(spoiled, center, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.choice([10, 245])), -1)
    for _ in range(int(rng.poisson(2))):
        spoiled[:, int(rng.integers(0, SIZE[0]))] = int(rng.choice([20, 230]))
    if rng.random() < 0.01:
        top = int(rng.integers(0, SIZE[1] - 60))
        spoiled[top : top + 60] = 235
    return spoiled


def jumps(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """The frame not quite where the one before was; one in thirty far from it."""
    reach = 20 if rng.random() < 1 / 30 else 1.5
    shift = np.array([[1, 0, rng.uniform(-1, 1)], [0, 1, rng.uniform(-reach, reach)]], np.float32)
    return cv2.warpAffine(frame, shift, SIZE, borderMode=cv2.BORDER_REPLICATE)


def flashes(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """One frame in fifty white or black."""
    return np.full_like(frame, rng.choice([8, 250])) if rng.random() < 0.02 else frame


KINDS: dict[str, tuple[Spoil, ...]] = {
    "as filmed": (),
    "flicker": (flicker,),
    "dust": (dust,),
    "jumps": (jumps,),
    "flashes": (flashes,),
    "all of it": (jumps, flicker, flashes, dust),
}


def pieces(clips: list[Path]) -> list[list[np.ndarray]]:
    """Runs of gray frames of one shot each; twice as many as clips, the second half mirrored and from another place."""
    found = [_of_clip(clip) for clip in clips] or [_pan(picture) for picture in _pictures()]
    return found + [[frame[:, ::-1] for frame in frames[len(frames) // 3 :]] for frames in found]


def _pictures() -> list[np.ndarray]:
    colour = data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.stereo_motorcycle()[0]
    return [*(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in colour), data.camera(), data.brick(), data.grass()]


def _pan(picture: np.ndarray) -> list[np.ndarray]:
    large = cv2.resize(picture, (SIZE[0] * 3 // 2, SIZE[1] * 3 // 2), interpolation=cv2.INTER_AREA)
    return [large[n // 2 : n // 2 + SIZE[1], n : n + SIZE[0]] for n in range(120)]


def _of_clip(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [
            cv2.resize(frame.to_ndarray(format="gray"), SIZE, interpolation=cv2.INTER_AREA)
            for _, frame in zip(range(160), container.decode(video=0), strict=False)
        ]


def joined(shots: list[list[np.ndarray]], seed: int, spoils: tuple[Spoil, ...]) -> Film:
    """Pieces in a random order, neighbours never of one clip; two joins in three are cuts."""
    rng = np.random.default_rng(seed)
    film = Film()
    last = -1
    for number in range(SHOTS):
        chosen = int(rng.choice([n for n in range(len(shots)) if n % (len(shots) // 2) != last]))
        last = chosen % (len(shots) // 2)
        length = min(int(rng.integers(25, 90)), len(shots[chosen]))
        begin = int(rng.integers(0, len(shots[chosen]) - length + 1))
        shot = shots[chosen][begin : begin + length]
        kind = "cut" if rng.random() < 2 / 3 else str(rng.choice(["dissolve", "fade"]))
        steps = int(rng.integers(8, 20))
        if number and kind == "cut":
            film.cuts.append(len(film.frames))
            film.frames += shot
        elif number:
            first = len(film.frames) - steps
            for n in range(steps):
                share = (n + 1) / (steps + 1)
                out, into = (1 - share, share) if kind == "dissolve" else (max(0, 1 - 2 * share), max(0, 2 * share - 1))
                film.frames[first + n] = cv2.addWeighted(film.frames[first + n], out, np.ascontiguousarray(shot[n]), into, 0)
            film.gradual.append((first, len(film.frames)))
            film.frames += shot[steps:]
        else:
            film.frames += shot
    for spoil in spoils:
        film.frames = [spoil(rng, np.ascontiguousarray(frame)) for frame in film.frames]
    return film


def write(film: Film, path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "10", "preset": "veryfast"})
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for n, gray in enumerate(film.frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(gray), "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def ours(path: Path) -> list[int]:
    return [round(shot.start * RATE) for shot in find_shots(path)][1:]


def detectors() -> dict[str, Callable[[Path], list[int]]]:
    """Each: a film's path -> first frames of shots but the first."""
    found: dict[str, Callable[[Path], list[int]]] = {"batchcolor": ours}
    try:
        import scenedetect as psd
    except ImportError:
        print("PySceneDetect is not installed (pip install -e '.[bench]'); only the detector of batchcolor is measured")
        return found

    def by(make: Callable[[], object]) -> Callable[[Path], list[int]]:
        return lambda path: [start.frame_num for start, _ in psd.detect(str(path), make())][1:]

    kinds = (psd.ContentDetector, psd.AdaptiveDetector, psd.HistogramDetector, psd.HashDetector)
    return found | {f"PySceneDetect {kind.__name__}": by(kind) for kind in kinds}


def judged(found: list[int], film: Film) -> tuple[int, int, int]:
    """Cuts found, dissolves and fades found, false reports."""
    left = sorted(found)

    def take(first: int, last: int) -> bool:
        within = [n for n in left if first <= n <= last]
        for n in within:
            left.remove(n)
        return bool(within)

    cuts = sum(take(cut - 1, cut + 1) for cut in film.cuts)
    gradual = sum(take(first, last) for first, last in film.gradual)
    return cuts, gradual, len(left)


def _rows(shots: list[list[np.ndarray]], folder: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """(kind, detector, [cuts found, cuts, gradual found, gradual, false])."""
    named = detectors()
    for kind, spoils in KINDS.items():
        film = joined(shots, 7, spoils)
        path = write(film, folder / "film.mkv")
        for name, detect in named.items():
            cuts, gradual, false = judged(detect(path), film)
            yield kind, name, np.array([cuts, len(film.cuts), gradual, len(film.gradual), false])


def main(clips: list[Path]) -> Figures:
    """Cuts and dissolves found, false reports, recall of cuts and precision, by detector, over all films."""
    sums: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as name:
        for kind, detector, row in _rows(pieces(clips), Path(name)):
            print(f"  {kind:10s} {_line(detector, row)}")
            sums[detector] = sums.get(detector, 0) + row
    for detector, row in sums.items():
        print(f"  {'together':10s} {_line(detector, row)}")
    return {
        detector: {
            **dict(zip(("cuts", "of_cuts", "gradual", "of_gradual", "false"), map(int, row), strict=True)),
            "recall": float(row[0] / row[1]),
            "precision": float((row[0] + row[2]) / max(1, row[0] + row[2] + row[4])),
        }
        for detector, row in sums.items()
    }


def _line(detector: str, row: np.ndarray) -> str:
    cuts, of_cuts, gradual, of_gradual, false = map(int, row)
    precision = (cuts + gradual) / max(1, cuts + gradual + false)
    return (
        f"{detector:32s} cuts {cuts:3d} of {of_cuts}, dissolves and fades {gradual:3d} of {of_gradual}, false {false:3d}; "
        f"recall of cuts {cuts / of_cuts:.2f}, precision {precision:.2f}"
    )


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
