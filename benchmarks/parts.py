"""What a film's frame costs, part by part, on one thread.

    python -m benchmarks.parts [WIDTHxHEIGHT...]

The same film as in benchmarks/films.py. Times are medians over frames, in milliseconds, each part alone.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from batchcolor.color.upsampling import guided_map
from batchcolor.engines.opening import open_colorizer
from batchcolor.films.chroma.key_frames import AdaptiveKeyFrames
from batchcolor.films.chroma.motion import MotionEstimator, motion_size
from batchcolor.films.chroma.planes import chroma_planes
from batchcolor.films.chroma.smoothing import ShotFrame, along_motion
from batchcolor.films.input.planes import OutputFrame, fingerprint, luma_plane, small_lightness
from batchcolor.films.input.probe import picture_stream, probe
from batchcolor.films.output.encode import open_encoder, picture_format
from batchcolor.films.output.encoders import CODECS
from batchcolor.films.shots.cuts import shots
from batchcolor.runtime import thread_budget as threads
from batchcolor.settings import FilmSettings, ModelSettings

from .figures import Figures
from .films import SIZES, make

FRAMES = 96
SETTINGS = FilmSettings()


def each(function: Callable[[Any], Any], items: list[Any]) -> tuple[float, list[Any]]:
    """Median milliseconds of a call, and what the calls gave."""
    taken, made = [], []
    for item in items:
        started = time.perf_counter()
        made.append(function(item))
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken), made


def encoded(film: Path, pictures: list[av.VideoFrame]) -> float:
    """Milliseconds a frame to encode these, on one thread; the encoder looks ahead, so all of them count together."""
    info = probe(film)
    with av.open(str(film)) as container, av.open(str(film.with_name("encoded.mkv")), "w") as output:
        stream = picture_stream(film, container)
        encoder = open_encoder(output, stream, info, picture_format(info, CODECS[SETTINGS.codec]), SETTINGS, threads=1)
        started = time.perf_counter()
        for picture in [*pictures, None]:
            output.mux(encoder.encode(picture))
        return 1000 * (time.perf_counter() - started) / len(pictures)


def parts(film: Path) -> dict[str, float]:
    """Milliseconds by part, in the order of the way through."""
    info = probe(film)
    picture = picture_format(info, CODECS[SETTINGS.codec])
    colorizer, canvas, estimator = (
        open_colorizer(ModelSettings()),
        OutputFrame(info.width, info.height, picture),
        MotionEstimator(),
    )
    found: dict[str, float] = {}
    with av.open(str(film)) as container:
        stream = picture_stream(film, container)
        stream.codec_context.thread_count = 1
        started = time.perf_counter()
        frames = list(itertools.islice(container.decode(stream), FRAMES))
        found["decode"] = 1000 * (time.perf_counter() - started) / len(frames)
    for n, frame in enumerate(frames):
        frame.pts, frame.time_base = n, Fraction(1, 24)
    lumas = [luma_plane(frame) for frame in frames]
    found["decode again, in the first pass"] = found["decode"]
    first_pass, looks = each(
        lambda luma: (cv2.resize(luma, (256, 192), interpolation=cv2.INTER_LINEAR), fingerprint(luma)), lumas
    )
    started = time.perf_counter()
    list(shots(looks, lambda look: look[0].astype(np.float32)))
    found["first pass: shots, fingerprints"] = first_pass + 1000 * (time.perf_counter() - started) / len(looks)
    found["small lightness"], small = each(lambda frame: small_lightness(frame, info, picture, colorizer), frames)
    found["motion, both ways"], steps = each(lambda pair: estimator.step(*pair), list(itertools.pairwise(small)))
    found["key frames"], keys = each(AdaptiveKeyFrames().is_key, [None, *steps])
    network, answers = each(lambda L: colorizer.ab([L])[0], [L for L, key in zip(small, keys, strict=True) if key])
    found["network, on key frames"] = network * len(answers) / len(frames)
    waiting = iter(answers)
    seen = [
        ShotFrame(L, next(waiting) if key else None, step) for L, key, step in zip(small, keys, [None, *steps], strict=True)
    ]
    started = time.perf_counter()
    ab = list(along_motion(seen))
    found["smoothing along motion"] = 1000 * (time.perf_counter() - started) / len(frames)
    halved = [cv2.resize(L, motion_size(L)[::-1], interpolation=cv2.INTER_AREA) for L in small]
    found["guided filter"], maps = each(lambda pair: guided_map(*pair), list(zip(halved, ab, strict=True)))
    coding, grid = picture.coding, picture.grid
    found["chroma planes"], chroma = each(
        lambda p: chroma_planes(p[0], p[1], coding, grid), list(zip(lumas, maps, strict=True))
    )
    found["compose the frame"], _ = each(lambda p: canvas.compose(*p), list(zip(frames, lumas, chroma, strict=True)))
    plain = encoded(film, [plain_of(frame) for frame in frames])
    compose = [OutputFrame(info.width, info.height, picture).compose(*p) for p in zip(frames, lumas, chroma, strict=True)]
    found["encode, as a plain transcode"] = plain
    found["encode, what colour adds"] = encoded(film, compose) - plain
    return found


def plain_of(frame: av.VideoFrame) -> av.VideoFrame:
    frame.pict_type = av.video.frame.PictureType.NONE
    return frame


def main(sizes: list[tuple[int, int]] | None = None) -> Figures:
    """Milliseconds a frame, their ratio to plain decoding and encoding, and milliseconds by part; by size."""
    threads.limit(1)
    rows: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        for size in sizes or list(SIZES):
            film = make(Path(name) / f"demo-{size[0]}x{size[1]}.mp4", size, 1)
            found = parts(film)
            plain = found["decode"] + found["encode, as a plain transcode"]
            print(
                f"{size[0]}x{size[1]}: {sum(found.values()):.1f} ms a frame on one thread, {sum(found.values()) / plain:.2f} x plain"
            )
            for part, milliseconds in found.items():
                print(f"  {part:34s} {milliseconds:6.2f} ms {100 * milliseconds / sum(found.values()):4.0f} %")
            rows[f"{size[0]}x{size[1]}"] = {"ms": sum(found.values()), "ratio": sum(found.values()) / plain, "parts_ms": found}
    return rows


if __name__ == "__main__":
    main([(int(w), int(h)) for w, h in (size.split("x") for size in sys.argv[1:])] or None)
