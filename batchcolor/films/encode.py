"""Encoders: which one, with which settings, into which pixel format."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av

from ..color import KR_KB, YCbCr
from ..errors import UsageError
from ..settings import FilmSettings
from .chroma import ChromaGrid
from .probe import FilmInfo

_DEPTHS = (8, 10, 12)
_CENTERED_CODECS = {"mjpeg", "mpeg1video"}  # chroma between two luma columns; all later ones put it on the left one


@dataclass(frozen=True, slots=True)
class CodecChoice:
    """encoder: FFmpeg's name. crf, preset: defaults, None where the codec has no such thing."""

    encoder: str
    crf: int | None
    preset: str | None


CODECS = {
    "h264": CodecChoice("libx264", 18, "medium"),
    "hevc": CodecChoice("libx265", 20, "medium"),
    "av1": CodecChoice("libsvtav1", 26, "8"),
    "prores": CodecChoice("prores_ks", None, None),
    "ffv1": CodecChoice("ffv1", None, None),
}


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The pixel format of the result, how its samples code colour, and where its chroma lies."""

    name: str
    coding: YCbCr
    grid: ChromaGrid


def picture_format(info: FilmInfo, encoder: str) -> PictureFormat:
    """The encoder's nearest format: the source's depth (else the next below that it has), its chroma grid (gray becomes 4:2:0)."""
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
            if name in offered:
                across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[sampling]
                left = info.codec not in _CENTERED_CODECS
                coding = YCbCr(*KR_KB[info.matrix], full=info.full_range, depth=depth)
                return PictureFormat(name, coding, ChromaGrid(info.width, info.height, across, down, left))
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
) -> av.VideoStream:
    """Add the picture stream to `container`, with the source's size, shape, clock and colour tags.

    Raises `UsageError` where this build of FFmpeg lacks the encoder.
    """
    choice = CODECS[settings.codec]
    options: dict[str, str] = {}
    if choice.crf is not None:
        options["crf"] = str(choice.crf if settings.crf is None else settings.crf)
    if choice.preset is not None:
        options["preset"] = settings.preset or choice.preset
    try:
        stream = container.add_stream(choice.encoder, rate=info.rate or Fraction(25), options=options)
    except (ValueError, av.error.FFmpegError) as exc:
        raise UsageError(f"the encoder {choice.encoder} is not to be had here ({exc}); choose another --codec") from exc
    stream.width, stream.height, stream.pix_fmt = info.width, info.height, picture.name
    context = stream.codec_context
    context.time_base = stream.time_base = source.time_base  # every frame keeps its pts to the tick
    context.sample_aspect_ratio = info.sar
    theirs = source.codec_context
    rgb = theirs.format.is_rgb
    context.colorspace = (1 if info.matrix == "bt709" else 6) if rgb else theirs.colorspace
    context.color_primaries, context.color_trc = theirs.color_primaries, theirs.color_trc
    context.color_range = 2 if info.full_range else 1
    context.thread_count = 0
    stream.metadata.update(source.metadata)
    stream.disposition = source.disposition
    if info.rotation:
        stream.set_display_rotation(info.rotation)
    return stream
