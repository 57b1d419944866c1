"""The demo's film: camera moves over the demo's pictures, three cuts and a sound track; in colour and in gray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from ..runtime.ffmpeg import open_output
from .pictures import gray_of, photograph

WIDTH, HEIGHT, RATE = 640, 480, 24
SHOT_FRAMES = 48
_SOUND_RATE = 48_000
_CHORDS_HZ = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (220.0, 261.6, 329.6))


@dataclass(frozen=True, slots=True)
class Move:
    """A camera move: (centre x, centre y, height) of the view at its start and end, as fractions of the picture's size."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]


MOVES = (
    Move((0.45, 0.35, 0.60), (0.50, 0.50, 0.95)),
    Move((0.40, 0.55, 0.90), (0.55, 0.50, 0.60)),
    Move((0.50, 0.50, 0.95), (0.55, 0.45, 0.65)),
    Move((0.35, 0.60, 0.70), (0.60, 0.45, 0.70)),
)


def frames() -> Iterator[np.ndarray]:
    """The film in its true colours, uint8 sRGB `(480, 640, 3)`: four shots of 48 frames."""
    for file, move in zip(("astronaut.webp", "coffee.webp", "chelsea.webp", "rocket.jpg"), MOVES, strict=True):
        picture = photograph(file)
        height, width = picture.shape[:2]
        for n in range(SHOT_FRAMES):
            eased = 0.5 - 0.5 * np.cos(np.pi * n / (SHOT_FRAMES - 1))
            x, y, view = (a + (b - a) * eased for a, b in zip(move.start, move.end, strict=True))
            scale = view * min(height, width * HEIGHT / WIDTH) / HEIGHT
            view_w, view_h = WIDTH * scale, HEIGHT * scale
            left = min(max(x * width - view_w / 2, 0), width - view_w)
            top = min(max(y * height - view_h / 2, 0), height - view_h)
            matrix = np.array([[scale, 0, left], [0, scale, top]])
            yield cv2.warpAffine(
                picture,
                matrix,
                (WIDTH, HEIGHT),
                flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT,
            )


def sound() -> np.ndarray:
    """One chord for each shot, float32 mono `(samples,)`, -1..1."""
    length = SHOT_FRAMES * _SOUND_RATE // RATE
    t = np.arange(length) / _SOUND_RATE
    envelope = np.minimum(1, t / 0.05) * np.exp(-1.2 * t)
    chords = [sum(np.sin(2 * np.pi * hz * t) for hz in chord) / 3 for chord in _CHORDS_HZ]
    return np.concatenate([0.5 * envelope * chord for chord in chords]).astype(np.float32)


def write_film(truth: Path, input_: Path) -> None:
    """Write the film in colour to `truth` and in gray to `input_` (both MP4: H.264, AAC), BT.709, limited range."""
    for path, in_colour in ((truth, True), (input_, False)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_output(path) as container:
            picture = container.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": "fast"})
            picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            context = picture.codec_context
            context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
            speaker = container.add_stream("aac", rate=_SOUND_RATE, layout="mono")
            for n, rgb in enumerate(frames()):
                shown = rgb if in_colour else _as_rgb(gray_of(rgb))
                frame = av.VideoFrame.from_ndarray(shown, "rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
                frame.pts, frame.time_base = n, Fraction(1, RATE)
                frame.colorspace, frame.color_range = 1, 1
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
            track = av.AudioFrame.from_ndarray(sound()[None], format="fltp", layout="mono")
            track.sample_rate, track.pts, track.time_base = _SOUND_RATE, 0, Fraction(1, _SOUND_RATE)
            container.mux(speaker.encode(track))
            container.mux(speaker.encode(None))


def _as_rgb(gray: np.ndarray) -> np.ndarray:
    return np.repeat((gray * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
