"""Films against a plain transcode with the same encoder and settings: wall and processor time as ratios, and PSNR of luma.

    python -m benchmarks.films [FILM...]

Without films it makes its own: the demo's, at 640x480 and at 1920x1080. The plain transcode decodes and encodes in one process as
FFmpeg's programs do: frame threads for both, as many as FFmpeg and the encoder think right for the cores at hand. Colours cost an encoder
time, too: so there is a second reference, the plain transcode of the result.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from batchcolor.demo import film as demo_film
from batchcolor.demo.pictures import gray_of
from batchcolor.engines.opening import open_colorizer
from batchcolor.executors import ProcessExecutor
from batchcolor.films import colorize_film
from batchcolor.films.input.planes import luma_plane
from batchcolor.films.input.probe import describe_stream, picture_stream
from batchcolor.films.output.encode import open_encoder, picture_format
from batchcolor.films.output.encoders import CODECS
from batchcolor.generators.checkpoint import save
from batchcolor.runtime.thread_budget import cores
from batchcolor.settings import FilmSettings, ModelSettings, Settings

from .figures import Figures
from .timing import median_seconds, processor_seconds

SIZES = {(640, 480): 8, (1920, 1080): 3}  # and how often the demo's film is in it, one way and the other
SETTINGS = FilmSettings()


def make(path: Path, size: tuple[int, int], times: int) -> Path:
    """The demo's film, gray, at `size` = (width, height), so many times, every other one mirrored."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=demo_film.RATE, options={"crf": "14", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        grays = [(gray_of(rgb) * 255 + 0.5).astype(np.uint8) for rgb in demo_film.frames()]
        for n, gray in enumerate(gray[:, :: 1 - 2 * (time % 2)] for time in range(times) for gray in grays):
            large = cv2.resize(np.ascontiguousarray(gray), size, interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(large, "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, demo_film.RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def transcode(source: Path, target: Path) -> None:
    """Decode and encode again: same encoder, same settings, nothing else done."""
    with av.open(str(source)) as container, av.open(str(target), "w") as output:
        stream = picture_stream(source, container)
        stream.thread_type = "AUTO"
        info = describe_stream(source, container, stream)
        encoder = open_encoder(output, stream, info, picture_format(info, CODECS[SETTINGS.codec]), SETTINGS, threads=0)
        for frame in container.decode(stream):
            frame.pict_type = av.video.frame.PictureType.NONE
            output.mux(encoder.encode(frame))
        output.mux(encoder.encode(None))


def lumas(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield luma_plane(frame).astype(np.float64)


def psnr_of_luma(source: Path, result: Path) -> float:
    """dB over all samples of all frames, 8 bit; raises `ValueError` where the films have different numbers of frames."""
    errors = [float(np.square(a - b).mean()) for a, b in zip(lumas(source), lumas(result), strict=True)]
    return 10 * float(np.log10(255**2 / max(float(np.mean(errors)), 1e-10)))


def compare(source: Path, executor: ProcessExecutor, folder: Path) -> Figures:
    """Frames a second, ratios of wall and processor time, and the difference in PSNR of luma."""
    plain, ours, again = folder / "plain.mp4", folder / "ours.mp4", folder / "again.mp4"
    spent: dict[str, list[float]] = {"plain": [], "ours": [], "coloured": []}

    def counted(name: str, run: Callable[[], object]) -> None:
        before = processor_seconds()
        run()
        spent[name].append(processor_seconds() - before)

    seconds = median_seconds(
        {
            "plain": lambda: counted("plain", lambda: transcode(source, plain)),
            "ours": lambda: counted("ours", lambda: colorize_film(source, ours, Settings(film=SETTINGS), executor=executor)),
            "coloured": lambda: counted("coloured", lambda: transcode(ours, again)),
        },
        repeats=3,
    )
    with av.open(str(source)) as container:
        picture = container.streams.video[0]
        size = f"{picture.width}x{picture.height}"
        print(f"{source.name}: {size}", end="")
    count = sum(1 for _ in lumas(source))
    print(f", {count} frames: plain {count / seconds['plain']:.1f} frames/s, batchcolor {count / seconds['ours']:.1f}")
    used = {name: statistics.median(each) for name, each in spent.items()}
    for reference, what in (("plain", "plain"), ("coloured", "plain, of the result")):
        print(f"  wall time, batchcolor / {what}: {seconds['ours'] / seconds[reference]:.2f}", end="")
        print(f"; processor time: {used['ours'] / used[reference]:.2f}")
    before, after = psnr_of_luma(source, plain), psnr_of_luma(source, ours)
    print(f"  PSNR of luma: plain {before:.3f} dB, batchcolor {after:.3f} dB, difference {after - before:+.3f}")
    return {
        "size": size,
        "frames": count,
        "plain_frames_per_s": count / seconds["plain"],
        "frames_per_s": count / seconds["ours"],
        "wall_ratio": seconds["ours"] / seconds["plain"],
        "processor_ratio": used["ours"] / used["plain"],
        "coloured_wall_ratio": seconds["ours"] / seconds["coloured"],
        "coloured_processor_ratio": used["ours"] / used["coloured"],
        "psnr_difference_db": after - before,
    }


def with_siggraph17() -> Figures:
    """Frames a second of the first film with the full network in integers, on key frames as it decides; random weights where its file is
    missing."""
    # It imports torch, which worker processes would do as well where this module is the main one.
    from .precisions import checkpoint_of

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size, times = next(iter(SIZES.items()))
        source, weights = make(folder / "film.mp4", size, times), folder / "siggraph17.safetensors"
        save(checkpoint_of("siggraph17"), weights)
        model = ModelSettings(weights=str(weights), precision="int8")
        open_colorizer(model)  # quantized once, then cached
        settings = Settings(film=SETTINGS, model=model)
        result = colorize_film(source, folder / "ours.mp4", settings, executor=ProcessExecutor(cores()))
    print(
        f"{source.name}, siggraph17 in int8: {result.frames / result.seconds:.1f} frames/s; the network ran on {result.keys} of "
        f"{result.frames} frames"
    )
    return {"frames_per_s": result.frames / result.seconds, "key_frames": result.keys, "frames": result.frames}


def main(films: list[Path] | None = None) -> Figures:
    """Figures by the film's name."""
    print(f"lite by its default engine, {cores()} processes, their start included; H.264, CRF 18, preset medium")
    executor = ProcessExecutor(cores())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = films or [make(folder / f"demo-{size[0]}x{size[1]}.mp4", size, n) for size, n in SIZES.items()]
        return {"films": {film.stem: compare(film, executor, folder) for film in films}}


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
