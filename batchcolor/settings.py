"""Options, as frozen values. The command line makes them at the door (flags > environment > TOML > defaults); nothing below it reads
the environment or changes a setting on the way.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

DeviceName = str  # auto, cpu, cuda, cuda:1, mps
EngineName = Literal["auto", "torch", "openvino"]
Precision = Literal["auto", "float32", "float16", "bfloat16", "int8"]
VideoCodec = Literal["h264", "hevc", "av1", "prores", "dnxhr", "ffv1"]
EncoderKind = Literal["software", "auto", "nvenc", "qsv", "videotoolbox", "amf", "v4l2m2m"]
Deinterlace = Literal["auto", "off", "error"]
SmootherName = Literal["none", "exponential", "flow"]
Upscaling = Literal["guided", "bicubic"]
ColorPages = Literal["copy", "skip", "recolor"]
ExecutorName = Literal["local", "ray"]
PhotoFormat = Literal["keep", "jpg", "png", "tif", "webp", "avif"]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which network runs, and where. batch_size: pictures at once; network_size: overrides the checkpoint's own, in pixels.

    compile: whether torch compiles the network first.
    """

    weights: str = "lite"
    engine: EngineName = "auto"
    device: DeviceName = "auto"
    precision: Precision = "auto"
    batch_size: int = 16
    network_size: int | None = None
    compile: bool = False


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """How photos are written.

    format: keep, or another one for all. quality: of JPEG, WebP and AVIF, 1..100. color_pages: what becomes of photos that have colour
    already. provenance: whether the XMP of a result says what made its colours.
    """

    format: PhotoFormat = "keep"
    quality: int = 92
    upscaling: Upscaling = "guided"
    color_pages: ColorPages = "copy"
    provenance: bool = True


@dataclass(frozen=True, slots=True)
class FilmSettings:
    """How films are smoothed and encoded.

    encoder: in software, or in a chip; auto: the first chip that passes a trial. profile: one of the codec's, by its name in
    `batchcolor.films.output.encoders`; None: its default. crf and preset None: the codec's own default there. tune: in the encoder's
    own words. pix_fmt: FFmpeg's name; None: the nearest to the source's. deinterlace: what is done about interlaced pictures; auto: they
    are made whole. key_frames: where the generator runs, `auto`, `every` or a number n for every n-th frame; between them smoothing by
    `flow` carries the colour. cuts: seconds at which shots begin; None: to be found. start, duration: of the part that is wanted, in
    seconds; None: to the end. strict_streams: whether a stream that the result cannot hold ends the film instead of being left out.
    """

    codec: VideoCodec = "h264"
    encoder: EncoderKind = "software"
    profile: str | None = None
    crf: int | None = None
    preset: str | None = None
    tune: str | None = None
    pix_fmt: str | None = None
    deinterlace: Deinterlace = "auto"
    smooth: SmootherName = "flow"
    key_frames: str = "auto"
    cuts: tuple[float, ...] | None = None
    start: float = 0.0
    duration: float | None = None
    strict_streams: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a result depends on, apart from its source and the bytes of the weights. saturation: factor on chroma."""

    model: ModelSettings = field(default_factory=ModelSettings)
    photo: PhotoSettings = field(default_factory=PhotoSettings)
    film: FilmSettings = field(default_factory=FilmSettings)
    saturation: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def photo_digest(self) -> str:
        """SHA-256, hexadecimal, of all that shapes a photo's result, besides source and weights.

        Device, engine, precision and batch size do not count: results differ by less than their tolerance, and another machine must not
        do a whole archive again.
        """
        return _digest(self.model.network_size, self.saturation, self.photo)

    def film_digest(self) -> str:
        """As `photo_digest`, for films."""
        return _digest(self.model.network_size, self.saturation, self.photo.upscaling, self.film)


def _digest(*parts: Any) -> str:
    """Equal parts have equal digests on every machine."""
    plain = [
        dataclasses.asdict(part) if dataclasses.is_dataclass(part) and not isinstance(part, type) else part for part in parts
    ]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
