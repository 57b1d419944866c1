"""Encoders: their choice, settings and profiles. Hardware encoders are tested before use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
import av.error

from ...errors import UsageError
from ...settings import FilmSettings


@dataclass(frozen=True, slots=True)
class Profile:
    """A named profile of a codec. sampling: 420, 422 or 444; depth: bits a sample; None: the nearest to the source's.

    options: for the encoder, besides the pixel format.
    """

    sampling: str | None = None
    depth: int | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder of FFmpeg. quality: its option for constant quality, and the default of that; None where it has none. preset: default.

    more: options that are always given. profiles: by name; default_profile: used if none is requested; alpha_profile: for a film
    with transparency. even: whether sides must be multiples of the chroma samples' size. least_side: of a film that it encodes without
    harm. Software encoders run in one thread: chunks keep the cores busy, and the same film becomes the same bits on every machine.
    """

    name: str
    quality: tuple[str, int] | None = None
    preset: str | None = None
    more: tuple[tuple[str, str], ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    default_profile: str | None = None
    alpha_profile: str | None = None
    even: bool = False
    least_side: int = 1

    def profile(self, wanted: str | None, *, alpha: bool) -> Profile:
        """The requested profile, or the encoder's default. Raises `UsageError` for one that it does not have."""
        if wanted is None:
            name = self.alpha_profile if alpha and self.alpha_profile else self.default_profile
            return Profile() if name is None else self.profiles[name]
        if wanted not in self.profiles:
            known = ", ".join(self.profiles) or "none"
            raise UsageError(f"--profile {wanted}: profiles of the encoder {self.name} are {known}")
        return self.profiles[wanted]


def _prores(name: str, sampling: str, depth: int = 10) -> Profile:
    return Profile(sampling, depth, (("profile", name),))


def _dnxhr(name: str, sampling: str, depth: int) -> Profile:
    return Profile(sampling, depth, (("profile", f"dnxhr_{name}"),))


_H264_PROFILES = {
    "high": Profile("420", 8),
    "high10": Profile("420", 10),
    "high422": Profile("422", 10),
    "high444": Profile("444"),
}
_HEVC_PROFILES = {
    "main": Profile("420", 8),
    "main10": Profile("420", 10),
    "main12": Profile("420", 12),
    "main422-10": Profile("422", 10),
    "main444-10": Profile("444", 10),
}

CODECS: dict[str, Encoder] = {
    # Left to itself, libx264 rounds differently on processors with different instructions; with those of AVX-512, from run to run.
    "h264": Encoder(
        "libx264", ("crf", 18), "medium", (("x264-params", "cpu-independent=1"),), profiles=_H264_PROFILES, even=True
    ),
    "hevc": Encoder(
        "libx265",
        ("crf", 20),
        "medium",
        (("x265-params", "pools=none:frame-threads=1:log-level=error"),),
        profiles=_HEVC_PROFILES,
        even=True,
        least_side=64,  # one coding tree unit: of smaller films libx265 overruns its buffers, whatever --ctu it is given
    ),
    "av1": Encoder("libsvtav1", ("crf", 26), "8", (("svtav1-params", "lp=1"),), profiles={"main": Profile("420")}),
    "prores": Encoder(
        "prores_ks",
        profiles={
            "proxy": _prores("proxy", "422"),
            "lt": _prores("lt", "422"),
            "standard": _prores("standard", "422"),
            "hq": _prores("hq", "422"),
            "4444": _prores("4444", "444"),
            "4444xq": _prores("4444xq", "444"),
        },
        default_profile="hq",
        alpha_profile="4444",
    ),
    "dnxhr": Encoder(
        "dnxhd",
        profiles={
            "lb": _dnxhr("lb", "422", 8),
            "sq": _dnxhr("sq", "422", 8),
            "hq": _dnxhr("hq", "422", 8),
            "hqx": _dnxhr("hqx", "422", 10),
            "444": _dnxhr("444", "444", 10),
        },
        default_profile="hqx",
    ),
    # As archives keep it (FFV1 version 3, RFC 9043): every frame stands alone, every slice has a checksum.
    "ffv1": Encoder("ffv1", more=(("level", "3"), ("g", "1"), ("slicecrc", "1"), ("coder", "1"))),
}

# Hardware encoders: option and value whose quality is about that of the software encoder's default.
_HARDWARE: dict[str, tuple[str, int, tuple[tuple[str, str], ...]]] = {
    "nvenc": ("cq", 21, (("rc", "vbr"), ("b", "0"))),
    "qsv": ("global_quality", 21, ()),
    "videotoolbox": ("q", 65, ()),
    "amf": ("qp_i", 20, (("rc", "cqp"),)),
    "v4l2m2m": ("b", 8_000_000, ()),
}


def choose_encoder(settings: FilmSettings) -> Encoder:
    """The encoder for these settings. Hardware encoders are tested by encoding: FFmpeg lists them whether or not the machine has them.

    Raises `UsageError` for a hardware encoder that is missing or fails its test.
    """
    software = CODECS[settings.codec]
    if settings.encoder == "software":
        return software
    for hardware in _HARDWARE if settings.encoder == "auto" else (settings.encoder,):
        option, value, more = _HARDWARE[hardware]
        candidate = Encoder(
            f"{settings.codec}_{hardware}", (option, value), more=more, profiles=software.profiles, even=software.even
        )
        if _works(candidate.name):
            return candidate
    if settings.encoder == "auto":
        return software
    raise UsageError(
        f"--encoder {settings.encoder}: it did not encode a trial picture as {settings.codec} on this machine; "
        "use --encoder software or auto"
    )


@cache
def _works(encoder: str) -> bool:
    """Whether a few gray pictures come out encoded."""
    try:
        context = av.CodecContext.create(encoder, "w")
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


@cache
def ffv1_slices(width: int, height: int, pixel_format: str) -> int | None:
    """Slices of an FFV1 frame: 24 where the encoder can cut this size so, else the next number that it can; None: its own choice."""
    for count in (24, 16, 12, 9, 6, 4):
        context = av.CodecContext.create("ffv1", "w")
        assert isinstance(context, av.VideoCodecContext), "an encoder of pictures"
        context.width, context.height, context.pix_fmt, context.time_base = width, height, pixel_format, Fraction(1, 25)
        context.options = {"level": "3", "slices": str(count)}
        try:
            context.open()
        except (ValueError, av.error.FFmpegError):
            continue
        return count
    return None
