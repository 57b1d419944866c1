"""Encoding: into which pixel format, and a stream that the encoder writes to."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

import av
import av.error

from ...color.chroma_grid import ChromaGrid
from ...errors import UsageError
from ...runtime.scheduling import unchanged_scheduling
from ...settings import FilmSettings
from ..input.probe import MATRICES, FilmInfo
from ..input.side_data import MasteringDisplay, SideData
from ..picture_format import ACROSS_DOWN, PictureFormat, is_large
from .encoders import Encoder, choose_encoder, ffv1_slices
from .ffmpeg_log import listening
from .stream_header import give_side_data

_DEPTHS = (8, 9, 10, 12, 14, 16)
_INTERLEAVED = {"yuv420p": "nv12", "yuv420p10le": "p010le"}
_CENTERED_CODECS = {"mjpeg", "mpeg1video"}  # chroma between two luma columns; all later ones put it on the left one
_BT709, _BT601 = 1, 6  # ITU-T H.273, table 4
_BT2020 = 9


def picture_format(
    info: FilmInfo, encoder: Encoder, wanted_format: str | None = None, wanted_profile: str | None = None
) -> PictureFormat:
    """The encoder's nearest format: the source's depth (else the next above that it has, else below), its chroma grid, its alpha.

    Gray, RGB and MJPEG, whose chroma is as fine as luma or made for photos, become 4:2:0. A film of odd size keeps its size: where
    the encoder needs even sides for 4:2:0, chroma is as fine as luma. wanted_format: one of FFmpeg's planar Y'CbCr formats;
    wanted_profile: one of the encoder's. Raises `UsageError` where the encoder does not take them, or the size.
    """
    if min(info.width, info.height) < encoder.least_side:
        raise UsageError(
            f"the encoder {encoder.name} takes films from {encoder.least_side}x{encoder.least_side} on, and this one has "
            f"{info.width}x{info.height}; choose another --codec"
        )
    source = av.VideoFormat(info.pixel_format)
    alpha = has_alpha(info.pixel_format)
    profile = encoder.profile(wanted_profile, alpha=alpha)
    if source.is_rgb or len(source.components) < 3 or info.codec == "mjpeg":
        sampling = "420"
    else:
        sampling = {(2, 1): "422", (1, 1): "444"}.get(_subsampling(info.pixel_format), "420")
    samplings = [profile.sampling] if profile.sampling else list(dict.fromkeys([sampling, "420", "422", "444"]))
    fitting = [each for each in samplings if not encoder.even or _fits(info, each)]
    needed = min(info.depth, _DEPTHS[-1])
    depths = [profile.depth] if profile.depth else sorted(_DEPTHS, key=lambda depth: (depth < needed, abs(depth - needed)))
    offered = {video_format.name for video_format in av.Codec(encoder.name, "w").video_formats or ()}
    for kind in ("yuva", "yuv") if alpha and encoder.name != "libx265" else ("yuv",):  # libx265 lists alpha and refuses it
        for each in fitting:
            for depth in depths:
                name = f"{kind}{each}p" + (f"{depth}le" if depth > 8 else "")
                encoded = name if name in offered else _INTERLEAVED.get(name)
                if encoded is not None and encoded in offered and wanted_format in (None, name):
                    across, down = ACROSS_DOWN[each]
                    left = info.codec not in _CENTERED_CODECS
                    grid = ChromaGrid(info.width, info.height, across, down, left)
                    return PictureFormat(name, encoded, info.coding(depth), grid, kind == "yuva")
    if wanted_format is not None:
        ours = sorted(name for name in offered if re.fullmatch(r"yuva?4(20|22|44)p(\d+le)?", name))
        raise UsageError(f"--pix-fmt {wanted_format}: the encoder {encoder.name} takes {', '.join(ours)}")
    if encoder.even and not fitting:
        raise UsageError(
            f"a film of {info.width}x{info.height} has an odd side, for which {encoder.name} takes chroma as fine as luma alone; "
            "leave out --profile, or use --codec ffv1 or prores"
        )
    raise UsageError(f"encoder {encoder.name} takes none of the formats that films are written in; choose another --codec")


def has_alpha(pixel_format: str) -> bool:
    """Whether pixels of this format may be transparent."""
    return any(component.is_alpha for component in av.VideoFormat(pixel_format).components)


def _fits(info: FilmInfo, sampling: str) -> bool:
    across, down = ACROSS_DOWN[sampling]
    return info.width % across == 0 and info.height % down == 0


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
    """Add the picture stream to `container`, with the source's size, shape, clock, side data and colour tags.

    A film that does not say how its colours are coded gets the tags of what it is taken for. Raises `UsageError` where this build of
    FFmpeg lacks the encoder, or the encoder refuses what it is given.
    """
    encoder = choose_encoder(settings)
    options = _options(encoder, settings, info, picture)
    try:
        stream = container.add_stream(encoder.name, rate=info.rate or Fraction(25), options=options)
    except (ValueError, av.error.FFmpegError) as exc:
        raise UsageError(f"the encoder {encoder.name} is not available here ({exc}); choose another --codec") from exc
    give_side_data(stream, info.side_data, settings.codec)
    stream.width, stream.height, stream.pix_fmt = info.width, info.height, picture.encoded
    context = stream.codec_context
    context.time_base = stream.time_base = source.time_base  # every frame keeps its pts to the tick
    context.framerate = info.rate or Fraction(25)
    context.sample_aspect_ratio = info.sar
    context.colorspace, context.color_primaries, context.color_trc = color_tags(source.codec_context, info)
    context.color_range = 2 if info.full_range else 1
    context.thread_count = threads
    context.thread_type = "AUTO"  # frames side by side, as FFmpeg's programs do; PyAV's default is slices, slower and larger
    stream.disposition = source.disposition
    with listening() as messages, unchanged_scheduling():
        try:
            context.open()
        except av.error.FFmpegError as exc:
            options_text = ", ".join(f"{name}={value}" for name, value in options.items())
            raise UsageError(
                f"the encoder {encoder.name} refuses a film of {info.width}x{info.height} as {picture.encoded} with {options_text} "
                f"({messages.explain(exc)}); choose another --codec, --profile, --preset, --tune or --crf"
            ) from exc
    return stream


def color_tags(source: av.VideoCodecContext, info: FilmInfo) -> tuple[int, int, int]:
    """Matrix, primaries and transfer of the result, by their numbers in ITU-T H.273.

    What the source says stays. Where it says nothing of its matrix, or one that no colours are made in, the result says what it was taken
    for: else a player would show other colours than were made here. Unspecified primaries and transfer stay so.
    """
    matrix = {"bt709": _BT709, "bt601": _BT601, "bt2020": _BT2020}[info.matrix]
    code = int(source.colorspace)
    own = MATRICES.get(code) == info.matrix and not source.format.is_rgb
    return code if own else matrix, int(source.color_primaries), int(source.color_trc)


def _options(encoder: Encoder, settings: FilmSettings, info: FilmInfo, picture: PictureFormat) -> dict[str, str]:
    """The encoder's options, as FFmpeg's programs take them."""
    profile = encoder.profile(settings.profile, alpha=has_alpha(info.pixel_format))
    options = {**dict(encoder.more), **dict(profile.options)}
    if encoder.quality is not None:
        name, default = encoder.quality
        options[name] = str(default if settings.crf is None else settings.crf)
    for name, value in (("preset", settings.preset or encoder.preset), ("tune", settings.tune)):
        if value is not None:
            options[name] = value
    if encoder.name == "ffv1" and (slices := ffv1_slices(info.width, info.height, picture.encoded)):
        options["slices"] = str(slices)
    if encoder.name in _LIGHT_OPTIONS:
        option, separator = _LIGHT_OPTIONS[encoder.name]
        options[option] = separator.join([options[option], *_light(encoder.name, info.side_data)])
    if encoder.name in _FEW_PICTURES and is_large(info.width, info.height, picture.coding.depth):
        name, few = _FEW_PICTURES[encoder.name]
        options[name] = ":".join([options[name], *few(options.get("preset", ""))])
    if settings.deinterlace == "off" and info.side_data.field_order != "progressive" and encoder.name in CODES_FIELDS:
        options |= {"flags": "+ildct+ilme", "field_order": "tt" if info.side_data.field_order == "tff" else "bb"}
        if encoder.name == "libx264":
            options["x264-params"] += f":{info.side_data.field_order}=1"
    return options


def _few_of_x264(preset: str) -> list[str]:
    """Without the macroblock tree, no pictures are held to look ahead; of those it refers to, the two before (each takes three times its
    samples). A short look ahead with the tree would save less and lose more: 6 pictures 1 dB, at the same --crf."""
    return ["mbtree=0", "b-pyramid=none", *([] if preset in _REFER_TO_ONE else ["ref=2"])]


_REFER_TO_ONE = ("ultrafast", "superfast", "veryfast")
_FEW_PICTURES: dict[str, tuple[str, Callable[[str], list[str]]]] = {
    "libx264": ("x264-params", _few_of_x264),
    "libx265": ("x265-params", lambda _preset: ["rc-lookahead=6"]),
}
CODES_FIELDS = {"libx264", "prores_ks", "ffv1"}  # encoders that signal two fields in a frame
# Encoders that write mastering display and content light level into the stream: in which option, between which separators.
_LIGHT_OPTIONS = {"libx264": ("x264-params", ":"), "libx265": ("x265-params", ":"), "libsvtav1": ("svtav1-params", ":")}


def _light(encoder: str, side_data: SideData) -> list[str]:
    found = []
    if (
        side_data.mastering is not None
        and side_data.mastering.primaries is not None
        and side_data.mastering.luminance is not None
    ):
        name = {"libx265": "master-display"}.get(encoder, "mastering-display")
        found.append(f"{name}={_mastering(side_data.mastering, whole=encoder != 'libsvtav1')}")
    if side_data.content_light is not None:
        name = {"libx265": "max-cll", "libx264": "cll"}.get(encoder, "content-light")
        found.append(f"{name}={side_data.content_light[0]},{side_data.content_light[1]}")
    return found


def _mastering(display: MasteringDisplay, *, whole: bool) -> str:
    """As x264 and x265 want it, in whole units of 0.00002 and 0.0001 cd/m2, or as SVT-AV1 does, in fractions."""
    assert display.primaries is not None
    assert display.white is not None
    assert display.luminance is not None
    red, green, blue = display.primaries
    least, greatest = display.luminance

    def pair(a: Fraction, b: Fraction, unit: int) -> str:
        return f"({round(a * unit)},{round(b * unit)})" if whole else f"({float(a):.5f},{float(b):.5f})"

    points = zip(("G", "B", "R", "WP"), (green, blue, red, display.white), strict=True)
    return "".join(name + pair(x, y, 50_000) for name, (x, y) in points) + "L" + pair(greatest, least, 10_000)
