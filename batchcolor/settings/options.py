"""The options that results depend on, as frozen values, and those of a run, which change no result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from .option_types import check, option, option_fields

DeviceName = str  # auto, cpu, cuda, cuda:1, mps
EngineName = Literal["auto", "torch", "openvino"]
Precision = Literal["auto", "float32", "float16", "bfloat16", "int8"]
VideoCodec = Literal["h264", "hevc", "av1", "prores", "dnxhr", "ffv1"]
EncoderKind = Literal["software", "auto", "nvenc", "qsv", "videotoolbox", "amf", "v4l2m2m"]
Deinterlace = Literal["auto", "off", "error"]
SmootherName = Literal["none", "exponential", "flow"]
Upscaling = Literal["guided", "bicubic"]
ColorPages = Literal["copy", "skip", "recolor"]
Tints = Literal["remove", "keep", "blend"]
ExecutorName = Literal["local", "ray"]
Times = Literal["source", "now"]
SourceType = Literal[
    "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced", "trainedAlgorithmicMedia", "compositeSynthetic"
]
PhotoFormat = Literal["keep", "jpg", "png", "tif", "webp", "avif"]

_NETWORK, _COLOR, _PHOTOS, _FILMS, _PROVENANCE, _RUN, _SELECTION, _REPORTING = (
    "Network",
    "Colour",
    "Photos",
    "Films",
    "Provenance",
    "Run",
    "Selection",
    "Reporting",
)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which network runs, and where. batch_size: pictures at once. network_size: pixels; None: the size that the weights name."""

    weights: str = option(
        "lite", "Weights: a name that `batchcolor models` lists, or a file.", heading=_NETWORK, metavar="NAME|PATH"
    )
    engine: EngineName = option("auto", "Inference engine. auto: OpenVINO on a CPU, PyTorch on a GPU.", heading=_NETWORK)
    device: DeviceName = option("auto", "Device: auto, cpu, cuda, cuda:N or mps.", heading=_NETWORK, metavar="NAME")
    precision: Precision = option(
        "auto", "Number format. auto: the fastest accurate one, found by a short trial on a CPU.", heading=_NETWORK
    )
    compile: bool = option(
        False, "Compile the network with torch.compile: slow to start, faster in long runs on a GPU.", heading=_NETWORK
    )
    batch_size: int = option(
        16, "Pictures in a batch. Halved automatically when memory runs out.", heading=_NETWORK, low=1, high=65536
    )
    network_size: int | None = option(
        None,
        "Side in pixels of the square with as many pixels as the network sees; by default the weights' own. "
        "Smaller: more vivid; larger: steadier, paler, slower.",
        heading=_NETWORK,
        low=64,
        high=2048,
        metavar="PIXELS",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class ColorSettings:
    """How colours are scaled up and merged, for photos and films alike."""

    saturation: float = option(1.0, "Factor on chroma; 0 is gray.", heading=_COLOR, low=0, high=3, per_item=True)
    upscaling: Upscaling = option(
        "guided",
        "How chroma is scaled up to full size. guided: along the edges of the picture.",
        heading=_COLOR,
        per_item=True,
    )
    colours: Path | None = option(
        None,
        "Folder of chosen colours (NAME.EXT.colours.toml, palette.toml, rules.toml), or such a file for a single photo or film; by "
        "default .batchcolor/colours in the output folder, if it is there.",
        heading=_COLOR,
        metavar="PATH",
        affects_result=False,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """How photos are written."""

    color_pages: ColorPages = option(
        "copy",
        "Photos and films that are already in colour: copy them, skip them, or recolor them. Sepia and other tones count as "
        "black-and-white. In a film of both kinds, shots in colour keep their colours unless this is recolor.",
        heading=_PHOTOS,
        per_item=True,
    )
    format: PhotoFormat = option(
        "keep",
        "File format of photos; another format than the source's is appended to the name (a.tif.jpg).",
        heading=_PHOTOS,
        per_item=True,
    )
    quality: int | None = option(
        None,
        "Quality of JPEG, WebP and AVIF; by default 92, or the source's if that is higher, and a lossless WebP stays lossless.",
        heading=_PHOTOS,
        low=1,
        high=100,
        per_item=True,
    )
    provenance: bool = option(
        True,
        "Record in photos (XMP) and films (XMP, or tags of Matroska) that they were colorized, by which version and weights.",
        heading=_PROVENANCE,
        per_item=True,
    )
    source_type: SourceType = option(
        "compositeWithTrainedAlgorithmicMedia",
        "IPTC digital source type that photos and films are marked with (with --provenance).",
        heading=_PROVENANCE,
        metavar="NAME",
        per_item=True,
    )
    photo_timeout: float = option(
        60.0,
        "Give up on a photo that takes more than this many seconds for each of its megapixels.",
        heading=_PHOTOS,
        low=0,
        exclusive_low=True,
        high=1e6,
        metavar="SECONDS",
        affects_result=False,
        per_item=True,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class FilmSettings:
    """How films are smoothed and encoded.

    crf and preset None: the codec's own default in `batchcolor.films.output.encoders`. pix_fmt None: the format nearest to the source's.
    cuts: seconds at which shots begin, as read from `shots`; None: to be detected. start, duration: the part of the film to process,
    in seconds; duration None: to the end.
    """

    codec: VideoCodec = option("h264", "Video codec.", heading=_FILMS, per_item=True)
    encoder: EncoderKind = option(
        "software",
        "Software encoder, or a hardware encoder, which is tested first. auto: the first hardware encoder that works, else software.",
        heading=_FILMS,
    )
    profile: str | None = option(
        None,
        "Profile of the codec. prores: proxy, lt, standard, hq (the default), 4444, 4444xq; dnxhr: lb, sq, hq, hqx (the default), 444; "
        "h264: high, high10, high422, high444; hevc: main, main10, main12, main422-10, main444-10.",
        heading=_FILMS,
        metavar="NAME",
        per_item=True,
    )
    crf: int | None = option(
        None,
        "Constant rate factor, lower is better; by default the codec's own.",
        heading=_FILMS,
        low=0,
        high=63,
        per_item=True,
    )
    preset: str | None = option(
        None, "Encoder preset, such as medium, slow or 8.", heading=_FILMS, metavar="NAME", per_item=True
    )
    tune: str | None = option(None, "Encoder tuning, such as grain or film.", heading=_FILMS, metavar="NAME", per_item=True)
    pix_fmt: str | None = option(
        None,
        "Pixel format by its FFmpeg name (yuv420p10le); by default the one nearest to the source's.",
        heading=_FILMS,
        metavar="NAME",
        per_item=True,
    )
    deinterlace: Deinterlace = option(
        "auto",
        "Interlaced films: deinterlace them, leave them as they are (off), or refuse them (error).",
        heading=_FILMS,
        per_item=True,
    )
    tints: Tints = option(
        "remove",
        "Tinted and toned shots: colorize them as if they were black-and-white (remove), leave them as they are (keep), or colorize "
        "them and mix in their tint (blend).",
        heading=_FILMS,
        per_item=True,
    )
    smooth: SmootherName = option("flow", "How colour is kept steady within a shot.", heading=_FILMS, per_item=True)
    key_frames: str = option(
        "auto",
        "Frames that the network sees; between them colour is carried along motion (with --smooth flow).",
        heading=_FILMS,
        metavar="auto|every|N",
        per_item=True,
    )
    returning_shots: bool = option(
        True,
        "Let shots that return to an earlier one take over its colours (with --smooth flow).",
        heading=_FILMS,
        per_item=True,
    )
    shots: Path | None = option(
        None,
        "List of shots as `batchcolor probe --shots` prints it, or a folder with a list for each film (reel.mkv.csv).",
        heading=_FILMS,
        metavar="PATH",
        per_item=True,
        affects_result=False,
    )
    start: float = option(
        0.0, "Start at this time (90, 1m30s).", heading=_FILMS, metavar="TIME", duration=True, low=0, high=1e7, per_item=True
    )
    duration: float | None = option(
        None,
        "Process only this much, from --start on.",
        heading=_FILMS,
        metavar="TIME",
        duration=True,
        low=0,
        exclusive_low=True,
        high=1e7,
        per_item=True,
    )
    strict_streams: bool = option(
        False,
        "Fail if the result cannot hold a stream of the film, instead of leaving it out with a warning.",
        heading=_FILMS,
        per_item=True,
    )
    cuts: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a result depends on, apart from its source and the bytes of the weights."""

    model: ModelSettings = field(default_factory=ModelSettings)
    color: ColorSettings = field(default_factory=ColorSettings)
    photo: PhotoSettings = field(default_factory=PhotoSettings)
    film: FilmSettings = field(default_factory=FilmSettings)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def photo_digest(self) -> str:
        """SHA-256, hexadecimal, of all that shapes a photo's result, besides its source and the weights.

        Options at their defaults do not count, so that a new option does not make an archive out of date. Device, engine, precision and
        batch size do not count either: results differ by less than their tolerance, and another machine must not redo an archive.
        """
        return _digest(self.model.network_size, self.color, self.photo)

    def film_digest(self) -> str:
        """As `photo_digest`, for films."""
        shared = {name: getattr(self.photo, name) for name in _SHARED_WITH_FILMS}
        return _digest(self.model.network_size, self.color, self.film, shared=shared)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run behaves; nothing here changes a result. jobs: at once; None: as many as fit. max_runtime: seconds."""

    jobs: int | None = option(
        None,
        "Jobs at once (photos, or chunks of a film); by default one for each core, on Ray as many as fit.",
        heading=_RUN,
        low=1,
        high=65536,
    )
    executor: ExecutorName = option("local", "Where jobs run: on this machine, or on a Ray cluster.", heading=_RUN)
    ray_address: str = option(
        "local",
        "local: start Ray on this machine for this run; auto: join this machine's cluster; HOST:PORT of a cluster's head; "
        "ray://HOST:PORT from outside.",
        heading=_RUN,
        metavar="ADDRESS",
    )
    job_cpus: int = option(1, "CPU cores of each job on Ray.", heading=_RUN, low=1, high=65536)
    job_gpus: float = option(0.0, "GPUs of each job on Ray; with 0.25, four jobs share one.", heading=_RUN, low=0, high=1024)
    max_runtime: float | None = option(
        None,
        "Stop after this time (45m, 6h, 1h30m) with exit code 0; the next run continues.",
        heading=_RUN,
        metavar="TIME",
        duration=True,
        low=0,
        high=1e9,
    )
    times: Times = option("source", "Times and modes of results: those of their sources, or now.", heading=_RUN)
    wait_stable: float | None = option(
        None,
        "Wait this long for files that were changed lately, and leave those that still change to the next run.",
        heading=_SELECTION,
        metavar="TIME",
        duration=True,
        low=0,
        high=86400,
    )
    force: bool = option(False, "Redo everything, even what is up to date.", heading=_SELECTION)
    verify: bool = option(False, "Decode existing results and redo the damaged ones.", heading=_SELECTION)
    content_hash: bool = option(
        False, "If only a source's time changed, compare its SHA-256 before redoing it.", heading=_SELECTION
    )
    sidecar: bool = option(
        False,
        "Write a JSON file beside each result: digests of source and result, weights, settings, warnings.",
        heading=_PROVENANCE,
    )
    c2pa_certificate: Path | None = option(
        None,
        "Sign results with content credentials (C2PA): your certificate chain in PEM; a .c2pa file lies beside an .mkv.",
        heading=_PROVENANCE,
        metavar="FILE.pem",
    )
    c2pa_key: Path | None = option(
        None, "The private key of --c2pa-certificate, in PEM.", heading=_PROVENANCE, metavar="FILE.pem"
    )
    report: Path | None = option(
        None, "Write an HTML report: pictures before and after, failures first.", heading=_REPORTING, metavar="FILE.html"
    )
    measure: bool = option(
        False,
        "Measure films for the report: PSNR of luma, colourfulness, temporal consistency (a tenth slower).",
        heading=_REPORTING,
    )

    def __post_init__(self) -> None:
        check(self)


_SHARED_WITH_FILMS = ("color_pages", "provenance", "source_type")  # of the photos' settings


def _digest(network_size: int | None, *parts: Any, shared: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Equal options have equal digests on every machine. shared: settings of photos that count for films."""
    changed: dict[str, Any] = {} if network_size is None else {"network_size": network_size}
    defaults = {each.name: each.default for each in dataclasses.fields(PhotoSettings)}
    changed |= {name: value for name, value in shared.items() if value != defaults[name]}
    for part in parts:
        without_effect = {each.name for each in option_fields(type(part)) if not each.about.affects_result}
        for each in dataclasses.fields(part):
            value = getattr(part, each.name)
            if value != each.default and each.name not in without_effect:
                changed[each.name] = value
    return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()
