"""Peak resident memory of `batchcolor colorize` against the size of its input.

python -m benchmarks.memory
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pyvips
from skimage import data

from .figures import Figures
from .films import make

MEGAPIXELS = (2, 100, 200)
FILM_LENGTHS = (8, 156)  # times the demo's film of 192 frames: one minute and twenty at 25 frames a second
UHD_CODECS = {"h264": ".mp4", "prores": ".mov"}  # each with the container of the result
_FFMPEG = {  # the same encoders in the ffmpeg program
    "h264": ("-c:v", "libx264", "-preset", "medium", "-crf", "18"),
    "prores": ("-c:v", "prores_ks", "-profile:v", "hq"),
}
_UHD_FRAMES = 26  # more than encoders hold
_INTERVAL_S = 0.05


def peak_mb(source: Path, output: Path, *options: str) -> float:
    """Largest resident memory of one process of a run with one job, in MB; the child processes of a film count one by one."""
    return _peak_mb(
        [
            sys.executable,
            "-m",
            "batchcolor",
            "colorize",
            str(source),
            "-o",
            str(output),
            "--quiet",
            "--jobs",
            "1",
            *options,
        ]
    )


def ffmpeg_peak_mb(source: Path, output: Path, codec: str) -> float:
    """That of the ffmpeg program, which encodes the same pictures with the same encoder as it does by itself, in one thread each."""
    options = _FFMPEG[codec]
    return _peak_mb(["ffmpeg", "-v", "error", "-y", "-threads", "1", "-i", str(source), *options, "-threads", "1", str(output)])


def _peak_mb(command: list[str]) -> float:
    with subprocess.Popen(command) as run:
        process, peak = psutil.Process(run.pid), 0
        while run.poll() is None:
            with contextlib.suppress(psutil.Error):  # of a process that has just ended
                peak = max(peak, *(each.memory_info().rss for each in [process, *process.children(recursive=True)]))
            time.sleep(_INTERVAL_S)
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return peak / 1e6


def make_scan(path: Path, megapixels: int) -> Path:
    """A gray TIFF of 16 bits."""
    side = round((megapixels * 1e6) ** 0.5)
    gray = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (side, side), interpolation=cv2.INTER_CUBIC)
    image = pyvips.Image.new_from_array(gray.astype(np.uint16) * 257).copy(interpretation="grey16")
    image.tiffsave(str(path), compression="deflate", tile=True)
    return path


def make_uhd(path: Path) -> Path:
    """A gray film of 3840x2160 in HEVC of 10 bits: a picture that moves."""
    scene = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (4096, 2304), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, options={"preset": "ultrafast", "x265-params": "log-level=error"})
        stream.width, stream.height, stream.pix_fmt = 3840, 2160, "yuv420p10le"
        for n in range(_UHD_FRAMES):
            view = np.ascontiguousarray(scene[n : n + 2160, 4 * n : 4 * n + 3840])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, "gray").reformat(format="yuv420p10le")))
        container.mux(stream.encode(None))
    return path


def main() -> Figures:
    """Megabytes by megapixels of a TIFF, and by frames of a film."""
    photos, films = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for megapixels in MEGAPIXELS:
            photos[str(megapixels)] = peak_mb(make_scan(folder / f"{megapixels}.tif", megapixels), folder / "out.tif")
            print(f"  a TIFF of {megapixels} megapixels and 16 bits: {photos[str(megapixels)]:.0f} MB")
        for times in FILM_LENGTHS:
            film = make(folder / f"{times}.mp4", (640, 480), times)
            films[str(192 * times)] = peak_mb(film, folder / "out.mp4")
            print(f"  a film of {192 * times:,} frames of 640x480: {films[str(192 * times)]:.0f} MB")
    return {"tiff_mb": photos, "film_mb": films}


def uhd() -> Figures:
    """Megabytes by codec of a UHD film of 10 bits, and those of the ffmpeg program where that is installed."""
    large, plain = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = make_uhd(folder / "uhd.mp4")
        for codec, suffix in UHD_CODECS.items():
            large[codec] = peak_mb(film, folder / f"uhd-out{suffix}", "--codec", codec)
            print(f"  a film of 3840x2160 and 10 bits as {codec}: {large[codec]:.0f} MB")
            if shutil.which("ffmpeg"):
                plain[codec] = ffmpeg_peak_mb(film, folder / f"plain{suffix}", codec)
                print(f"    the same pictures by ffmpeg, one thread: {plain[codec]:.0f} MB")
    return {"uhd_mb": large, "uhd_ffmpeg_mb": plain}


if __name__ == "__main__":
    main()
    uhd()
