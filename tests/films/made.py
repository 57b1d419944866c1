"""Small films for tests, made with real encoders and with the peculiarities of real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICK = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Made:
    """pts: of the pictures, in ticks of a millisecond. sound, subtitles, chapters: whether there are any."""

    width: int = 96
    height: int = 64
    pixel_format: str = "yuv420p"
    codec: str = "libx264"
    pts: Sequence[int] = tuple(range(0, 1200, 40))
    sound: bool = False
    subtitles: str | None = None
    chapters: bool = False
    sar: Fraction = Fraction(1)
    colorspace: int = 1
    color_range: int = 1
    rotation: int = 0
    picture: Callable[[int, int, int], np.ndarray] | None = None
    seconds_of_sound: int = 1
    encoder: Mapping[str, str] = field(default_factory=dict)  # options of the encoder besides its quality
    rate_ticks: bool = False  # the codec's clock ticks once a frame, of 25 a second: what old codecs demand


def moving(n: int, height: int, width: int) -> np.ndarray:
    """A bright square that moves over a still, textured ground; uint8 `(H, W)`."""
    y, x = np.mgrid[:height, :width]
    ground = 90 + 40 * np.sin(x / 5.0) * np.cos(y / 7.0)
    left = (5 + 2 * n) % max(1, width - 20)
    ground[height // 4 : height // 4 + 16, left : left + 16] = 210
    return ground.astype(np.uint8)


def make_film(path: Path, made: Made) -> Path:
    """Write the film; the suffix of `path` chooses the container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(path), "w", options=options) as container:
        picture = container.add_stream(
            made.codec, rate=25, options={**({"crf": "12"} if "26" in made.codec else {}), **made.encoder}
        )
        picture.width, picture.height, picture.pix_fmt = made.width, made.height, made.pixel_format
        tick = Fraction(1, 25) if made.rate_ticks else TICK
        picture.codec_context.time_base = picture.time_base = tick
        picture.codec_context.sample_aspect_ratio = made.sar
        picture.codec_context.colorspace, picture.codec_context.color_range = made.colorspace, made.color_range
        if made.rotation:
            picture.set_display_rotation(made.rotation)
        speaker = container.add_stream("aac", rate=48000, layout="mono") if made.sound else None
        words = container.add_mux_stream(made.subtitles, time_base=TICK) if made.subtitles else None
        if speaker is not None:
            speaker.metadata["language"] = "deu"
        container.metadata["title"] = "A made film"
        if made.chapters:
            container.set_chapters(
                [{"id": 1, "start": 0, "end": 500, "time_base": TICK, "metadata": {"title": "One"}},
                 {"id": 2, "start": 500, "end": 1000, "time_base": TICK, "metadata": {"title": "Two"}}]
            )  # fmt: skip
        draw = made.picture or moving
        for n, pts in enumerate(made.pts):
            gray = draw(n, made.height, made.width)
            frame = av.VideoFrame.from_ndarray(gray, "gray").reformat(format=made.pixel_format)
            frame.pts, frame.time_base = round(pts * TICK / tick), tick
            frame.colorspace, frame.color_range = made.colorspace, made.color_range
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if speaker is not None:
            t = np.arange(48000 * made.seconds_of_sound) / 48000
            track = av.AudioFrame.from_ndarray(np.sin(2760 * t).astype(np.float32)[None], format="fltp", layout="mono")
            track.sample_rate, track.pts, track.time_base = 48000, 0, Fraction(1, 48000)
            container.mux(speaker.encode(track))
            container.mux(speaker.encode(None))
        if words is not None:
            for start, text in ((100, b"first words"), (700, b"second words")):
                packet = av.Packet(text if made.subtitles != "mov_text" else len(text).to_bytes(2, "big") + text)
                packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = words, start, start, 300, TICK
                container.mux(packet)
    return path


def pictures(path: Path) -> list[tuple[Fraction, np.ndarray]]:
    """(time in seconds, luma uint8 or uint16 `(H, W)`) of every frame."""
    shown = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            bits = frame.format.components[0].bits
            dtype = np.uint16 if bits > 8 else np.uint8
            plane = frame.planes[0]
            rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
            shown.append((frame.pts * stream.time_base, rows[: frame.height, : frame.width].copy()))
    return shown


def chroma_of(path: Path) -> list[np.ndarray]:
    """Cb and Cr of every frame, `(2, h, w)`, 8 bit 4:2:0."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            frame = frame.reformat(format="yuv420p") if frame.format.name != "yuv420p" else frame  # noqa: PLW2901
            planes = []
            for plane in frame.planes[1:3]:
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                planes.append(rows[: plane.height, : plane.width].copy())
            found.append(np.stack(planes))
    return found


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """(time in seconds, bytes) of every packet of the first stream of this kind."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]
