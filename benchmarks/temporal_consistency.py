"""Temporal consistency, accuracy and cost of film colours: frame by frame, smoothed, and on key frames only.

    python -m benchmarks.temporal_consistency [CLIP...]

Clips are colour films, whose colours are taken out first. Every figure is that of the finished film, read back at the network's size.
Without clips, the demo's film is used.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.demo import film as demo_film
from batchcolor.executors import ProcessExecutor
from batchcolor.films import FilmResult, colorize_film
from batchcolor.generators.layout import network_shape
from batchcolor.metrics import ColorDistribution, WarpError, colourfulness
from batchcolor.runtime.thread_budget import cores
from batchcolor.settings import FilmSettings, Settings

from .figures import Figures

VARIANTS = {
    "frame by frame": FilmSettings(smooth="none", key_frames="every"),
    "exponential": FilmSettings(smooth="exponential", key_frames="every"),
    "flow, every frame": FilmSettings(smooth="flow", key_frames="every"),
    "flow, auto": FilmSettings(smooth="flow", key_frames="auto"),
}
_TICK = Fraction(1, 1000)
_COLUMNS = (
    "warp_error",
    "cdc",
    "psnr_db",
    "colourfulness_ratio",
    "frames_per_key_frame",
)  # the first four relative; see `_line`


@dataclass(frozen=True, slots=True)
class FilmQuality:
    """warp_error, cdc: see `batchcolor.metrics`; psnr: dB in RGB against the true film."""

    warp_error: float
    cdc: float
    colourfulness: float
    psnr: float


def without_colour(source: Path, target: Path, most: int) -> Path:
    """The first `most` frames, their lightness as the only colour, losslessly."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = read.streams.video[0]
        out = written.add_stream("ffv1", rate=stream.average_rate)
        out.width, out.height, out.pix_fmt = stream.codec_context.width, stream.codec_context.height, "gray"
        out.codec_context.time_base = out.time_base = _TICK
        for n, frame in enumerate(read.decode(stream)):
            if n == most:
                break
            gray = frame.reformat(format="gray", dst_color_range="JPEG")
            gray.pts, gray.time_base = round(frame.time / _TICK), _TICK
            written.mux(out.encode(gray))
        written.mux(out.encode(None))
    return target


def pictures(path: Path, most: int) -> Iterator[np.ndarray]:
    """Frames, float32 RGB 0..1 `(H, W, 3)` at the network's size."""
    with av.open(str(path)) as container:
        for n, frame in enumerate(container.decode(video=0)):
            if n == most:
                return
            rgb = frame.to_ndarray(format="rgb48le")
            small = cv2.resize(rgb, network_shape(rgb.shape[0], rgb.shape[1], 256, 32)[::-1], interpolation=cv2.INTER_AREA)
            yield small.astype(np.float32) / 65535


def judged(path: Path, truth: Path, most: int) -> FilmQuality:
    warp, distribution, colour, errors = WarpError(), ColorDistribution(), [], []
    for made, true in zip(pictures(path, most), pictures(truth, most), strict=True):
        lab, lab_true = (rgb_to_lab(rgb.transpose(2, 0, 1)) for rgb in (made, true))
        warp.add(lab_true[0], lab[1:])
        shown = (made * 255 + 0.5).astype(np.uint8)
        distribution.add(shown)
        colour.append(colourfulness(shown))
        errors.append(float(np.square(made - true).mean()))
    psnr = 10 * float(np.log10(1 / max(float(np.mean(errors)), 1e-9)))
    return FilmQuality(warp.value, distribution.value, float(np.mean(colour)), psnr)


def main(arguments: list[str] | None = None) -> Figures:
    """Means over clips and the largest warp error, by variant; see the columns of `_COLUMNS`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.temporal_consistency")
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=80, help="Of each clip.")
    options = parser.parse_args(arguments)
    executor = ProcessExecutor(cores())
    shares: dict[str, list[tuple[float, ...]]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip in options.clips or [_demo(folder / "demo.mp4")]:
            gray = without_colour(clip, folder / "gray.mkv", options.frames)
            true, plain = judged(clip, clip, options.frames), judged(gray, clip, options.frames)
            print(f"{clip.name}: warp error of the true film {true.warp_error:.3f}, CDC {true.cdc:.5f} (gray {plain.cdc:.5f})")
            first: FilmQuality | None = None
            for variant, settings in VARIANTS.items():
                # 12 bits, no subsampling: rounding to codes would weigh as much as steady colours change.
                lossless = replace(settings, codec="ffv1", pix_fmt="yuv444p12le")
                result: FilmResult = colorize_film(gray, folder / "out.mkv", Settings(film=lossless), executor=executor)
                made = judged(folder / "out.mkv", clip, options.frames)
                first = first or made
                row = (
                    made.warp_error / first.warp_error,
                    made.cdc / true.cdc,
                    made.psnr - first.psnr,
                    made.colourfulness / first.colourfulness,
                    result.frames / result.keys,
                )
                shares[variant].append(row)
                print("  " + _line(variant, row))
    for variant, rows in shares.items():
        print(_line(f"mean of {variant}", tuple(np.mean(rows, 0))) + f"; largest warp error {max(row[0] for row in rows):.3f}")
    return {
        variant: {
            **dict(zip(_COLUMNS, np.mean(rows, 0).tolist(), strict=True)),
            "largest_warp_error": max(row[0] for row in rows),
        }
        for variant, rows in shares.items()
    }


def _line(variant: str, row: tuple[float, ...]) -> str:
    return (
        f"{variant:24s} warp error {row[0]:.3f} of frame by frame, CDC {row[1]:.2f} of true, PSNR {row[2]:+.2f} dB, "
        f"colourfulness {row[3]:.2f}, {row[4]:.1f} frames a run of the network"
    )


def _demo(path: Path) -> Path:
    demo_film.write_film(path, path.with_name("demo-gray.mp4"))
    return path


if __name__ == "__main__":
    main()
