"""Encoders: which one, with which settings, into which pixel format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import av.error

from ...color.chroma_grid import ChromaGrid
from ...color.conversion import KR_KB, YCbCr
from ...errors import UsageError
from ...settings import FilmSettings
from ..input.probe import FilmInfo

_DEPTHS = (8, 10, 12)
_INTERLEAVED = {"yuv420p": "nv12", "yuv420p10le": "p010le"}
_CENTERED_CODECS = {"mjpeg", "mpeg1video"}  # chroma between two luma columns; all later ones put it on the left one


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder of FFmpeg. quality: its option for constant quality, and the default of that; None where it has none. preset: default.

    more: options that are always given. Software encoders run in one thread: chunks keep the cores busy, and the same film becomes the
    same bits on every machine.
    """

    name: str
    quality: tuple[str, int] | None = None
    preset: str | None = None
    more: tuple[tuple[str, str], ...] = ()


CODECS: dict[str, Encoder] = {
    # Left to itself, libx264 rounds differently on processors with different instructions; with those of AVX-512, from run to run.
    "h264": Encoder("libx264", ("crf", 18), "medium", (("x264-params", "cpu-independent=1"),)),
    "hevc": Encoder("libx265", ("crf", 20), "medium", (("x265-params", "pools=none:frame-threads=1:log-level=error"),)),
    "av1": Encoder("libsvtav1", ("crf", 26), "8", (("svtav1-params", "lp=1"),)),
    "prores": Encoder("prores_ks"),
    "ffv1": Encoder("ffv1"),
}

# Encoders in chips: a number of their scale that looks about like the software one's default.
_CHIPS: dict[str, tuple[str, int, tuple[tuple[str, str], ...]]] = {
    "nvenc": ("cq", 21, (("rc", "vbr"), ("b", "0"))),
    "qsv": ("global_quality", 21, ()),
    "videotoolbox": ("q", 65, ()),
    "amf": ("qp_i", 20, (("rc", "cqp"),)),
    "v4l2m2m": ("b", 8_000_000, ()),
}


def choose_encoder(settings: FilmSettings) -> Encoder:
    """The encoder that the settings ask for. Encoders in chips are tried for real: that FFmpeg lists one says nothing about the machine.

    Raises `UsageError` for a chip that is not there or fails its trial.
    """
    software = CODECS[settings.codec]
    if settings.encoder == "software":
        return software
    for chip in _CHIPS if settings.encoder == "auto" else (settings.encoder,):
        option, value, more = _CHIPS[chip]
        candidate = Encoder(f"{settings.codec}_{chip}", (option, value), more=more)
        if _works(candidate):
            return candidate
    if settings.encoder == "auto":
        return software
    raise UsageError(
        f"--encoder {settings.encoder}: it did not encode a trial picture as {settings.codec} on this machine; "
        "use --encoder software or auto"
    )


@cache
def _works(encoder: Encoder) -> bool:
    """Whether a few gray pictures come out encoded."""
    try:
        context = av.CodecContext.create(encoder.name, "w")
        assert isinstance(context, av.VideoCodecContext), "an encoder of pictures"
        context.width, context.height, context.time_base = 256, 144, Fraction(1, 25)
        context.pix_fmt = next(f.name for f in context.codec.video_formats or () if f.name in ("nv12", "yuv420p"))
        packets = 0
        for n in range(16):
            frame = av.VideoFrame(256, 144, context.pix_fmt)
            for plane in frame.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            frame.pts = n
            packets += len(context.encode(frame))
        return packets + len(context.encode(None)) > 0
    except (ValueError, StopIteration, av.error.FFmpegError):
        return False


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The pixel format of the result, how its samples code colour, and where its chroma lies.

    name: planar, as frames are made here. encoded: as the encoder wants them; the same but for chips, which want chroma interleaved.
    """

    name: str
    encoded: str
    coding: YCbCr
    grid: ChromaGrid


def picture_format(info: FilmInfo, encoder: str, wanted_format: str | None = None) -> PictureFormat:
    """The encoder's nearest format: the source's depth (else the next below that it has), its chroma grid (gray becomes 4:2:0).

    wanted_format: one of FFmpeg's planar Y'CbCr formats, taken instead. Raises `UsageError` where the encoder does not take it.
    """
    source = av.VideoFormat(info.pixel_format)
    if source.is_rgb:
        wanted = "444"
    elif len(source.components) < 3:
        wanted = "420"
    else:
        wanted = {(2, 1): "422", (1, 1): "444"}.get(_subsampling(info.pixel_format), "420")
    offered = {video_format.name for video_format in av.Codec(encoder, "w").video_formats or ()}
    depths = [d for d in reversed(_DEPTHS) if d <= max(8, info.depth)] + [d for d in _DEPTHS if d > info.depth]
    for sampling in dict.fromkeys([wanted, "420", "422", "444"]):
        for depth in depths:
            name = f"yuv{sampling}p" + (f"{depth}le" if depth > 8 else "")
            encoded = name if name in offered else _INTERLEAVED.get(name)
            if encoded is not None and encoded in offered and wanted_format in (None, name):
                across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[sampling]
                left = info.codec not in _CENTERED_CODECS
                coding = YCbCr(*KR_KB[info.matrix], full=info.full_range, depth=depth)
                return PictureFormat(name, encoded, coding, ChromaGrid(info.width, info.height, across, down, left))
    if wanted_format is not None:
        ours = sorted(name for name in offered if re.fullmatch(r"yuv4(20|22|44)p(10le|12le)?", name))
        raise UsageError(f"--pix-fmt {wanted_format}: the encoder {encoder} is given one of {', '.join(ours)}")
    raise UsageError(f"encoder {encoder} takes none of the formats that films are written in; choose another --codec")


def _subsampling(pixel_format: str) -> tuple[int, int]:
    """Luma samples a chroma sample, across and down."""
    probe = av.VideoFrame(16, 16, pixel_format)
    if len(probe.planes) < 2:
        return 2, 1  # packed 4:2:2 and the like
    return 16 // probe.planes[1].width, 16 // probe.planes[1].height


def open_encoder(
    container: av.container.OutputContainer,
    source: av.VideoStream,
    info: FilmInfo,
    picture: PictureFormat,
    settings: FilmSettings,
    threads: int = 1,
) -> av.VideoStream:
    """Add the picture stream to `container`, with the source's size, shape, clock and colour tags.

    Raises `UsageError` where this build of FFmpeg lacks the encoder.
    """
    encoder = choose_encoder(settings)
    options = dict(encoder.more)
    if encoder.quality is not None:
        name, default = encoder.quality
        options[name] = str(default if settings.crf is None else settings.crf)
    for name, value in (("preset", settings.preset or encoder.preset), ("tune", settings.tune)):
        if value is not None:
            options[name] = value
    try:
        stream = container.add_stream(encoder.name, rate=info.rate or Fraction(25), options=options)
    except (ValueError, av.error.FFmpegError) as exc:
        raise UsageError(f"the encoder {encoder.name} is not to be had here ({exc}); choose another --codec") from exc
    stream.width, stream.height, stream.pix_fmt = info.width, info.height, picture.encoded
    context = stream.codec_context
    context.time_base = stream.time_base = source.time_base  # every frame keeps its pts to the tick
    context.sample_aspect_ratio = info.sar
    theirs = source.codec_context
    rgb = theirs.format.is_rgb
    context.colorspace = (1 if info.matrix == "bt709" else 6) if rgb else theirs.colorspace
    context.color_primaries, context.color_trc = theirs.color_primaries, theirs.color_trc
    context.color_range = 2 if info.full_range else 1
    context.thread_count = threads
    context.thread_type = "AUTO"  # frames side by side, as FFmpeg's programs do; PyAV's default is slices, slower and larger
    stream.metadata.update(source.metadata)
    stream.disposition = source.disposition
    if info.rotation:
        stream.set_display_rotation(info.rotation)
    try:
        context.open()
    except av.error.FFmpegError as exc:
        given = ", ".join(f"{name}={value}" for name, value in options.items())
        raise UsageError(f"the encoder {encoder.name} refuses {given}; choose another --preset, --tune or --crf") from exc
    return stream
