"""What a film is: its picture stream, how its colours are coded, and what else it holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.error

from ...color.conversion import KR_KB, YCbCr
from ...color.film_light import Primaries, Transfer
from ...errors import SourceError
from ...film_files import parts
from ...runtime.ffmpeg import open_input, reason
from ...runtime.regular_file import require_regular_file
from .side_data import SideData, stream_side_data
from .source import JoinedFiles

# ITU-T H.273, table 4 (matrix coefficients), as far as they are Y'CbCr with constant weights.
MATRICES = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 9: "bt2020", 10: "bt2020"}
_PRIMARIES: dict[int, Primaries] = {9: "bt2020", 11: "p3-dci", 12: "p3-d65"}  # table 2; the others differ little from BT.709's
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}  # table 3; the others are of standard dynamic range
_UNSPECIFIED = (0, 2)
_NO_TIMES = 0x0080  # libavformat's AVFMT_NOTIMESTAMPS: bare streams of pictures
_RESTARTS = 0x0200  # AVFMT_TS_DISCONT: clocks that may restart
_NO_BYTE_SEEK = 0x8000  # AVFMT_NO_BYTE_SEEK
_DTS_ONLY = {"avi"}  # formats that store when a packet is decoded, and not when it is shown
_DOUBTFUL = {"asf"}  # and those in which it may be either
_FULL_RANGE = 2  # libavutil's AVCOL_RANGE_JPEG
_HD_WIDTH, _SD_HEIGHT = 1280, 576


@dataclass(frozen=True, slots=True)
class FilmInfo:
    """A film, by its headers.

    frames: as the container says or estimates, None where it says nothing. sar: shape of a pixel, width to height. depth: bits a sample.
    matrix: bt601, bt709 or bt2020, guessed from the size where the film does not say, or says another. primaries, transfer: as
    `film_light` has them. rotation: degrees counterclockwise that a player
    turns the picture by; side_data: how exactly, and what else the stream says of all its frames. other_streams: kind and codec of each.
    seekable: whether frames can be found again by their time.

    origin: time in the file, in seconds, that is 0 of film time; begins: film time at which the film begins. restarts: whether the
    format is one whose clock may restart; bytes_seekable: whether it can be entered at a byte. decoding_times: whether it stores decoding
    times only; doubtful_times: whether its pts may be these. duration_stated: whether `duration_s` is from the header, instead of
    from the end of the file.
    """

    container: str
    codec: str
    width: int
    height: int
    pixel_format: str
    depth: int
    rate: Fraction | None
    frames: int | None
    duration_s: float | None
    sar: Fraction
    matrix: str
    full_range: bool
    rotation: int
    other_streams: tuple[str, ...]
    seekable: bool = True
    origin: Fraction = Fraction(0)
    begins: Fraction = Fraction(0)
    restarts: bool = False
    bytes_seekable: bool = False
    decoding_times: bool = False
    doubtful_times: bool = False
    duration_stated: bool = False
    side_data: SideData = field(default_factory=SideData)
    primaries: Primaries = "bt709"
    transfer: Transfer = "sdr"

    def coding(self, depth: int) -> YCbCr:
        """How samples of so many bits code the film's colours."""
        weights = KR_KB[self.matrix]
        return YCbCr(*weights, full=self.full_range, depth=depth, primaries=self.primaries, transfer=self.transfer)

    @property
    def display_size(self) -> tuple[int, int]:
        """(height, width) in square pixels."""
        return self.height, max(1, round(self.width * self.sar))


def describe(info: FilmInfo) -> str:
    """One line for people."""
    parts = [
        f"{info.width}x{info.height}",
        f"{info.codec} {info.pixel_format}",
        " ".join(
            [
                info.matrix,
                *([] if info.transfer == "sdr" else [info.transfer.upper()]),
                "full" if info.full_range else "limited",
            ]
        ),
    ]
    if info.rate:
        parts.append(f"{float(info.rate):.5g} fps")
    if info.duration_s is not None:
        parts.append(f"{info.duration_s:.1f} s")
    return ", ".join([*parts, *info.other_streams])


@contextlib.contextmanager
def reading(path: Path) -> Iterator[av.container.InputContainer]:
    """The opened container; FFmpeg's errors inside the block become `SourceError` in one sentence."""
    require_regular_file(path)
    try:
        files = parts(path)
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes); copy it again from its source")
        with contextlib.ExitStack() as opened:
            source = path if len(files) == 1 else opened.enter_context(contextlib.closing(JoinedFiles(files)))
            yield opened.enter_context(open_input(source))
    except (av.error.FFmpegError, UnicodeDecodeError) as exc:
        raise SourceError(_sentence(path, exc)) from exc
    except OSError as exc:
        raise SourceError(f"{path}: cannot be read ({exc.strerror or exc}); check that it exists and its permissions") from exc


def _sentence(path: Path, error: Exception) -> str:
    """The error for a film that FFmpeg cannot read. PyAV derives its errors from Python's of the same name where there is one."""
    match error:
        case PermissionError():
            return f"{path}: cannot be read (permission denied); check its permissions"
        case MemoryError():
            return f"{path}: cannot be decoded (out of memory); run fewer jobs at once"
        case av.error.DecoderNotFoundError() | av.error.PatchWelcomeError() | av.error.ExperimentalError():
            return f"{path}: cannot be decoded ({reason(error)}); convert it with a program that knows its codec"
        case av.error.ProtocolNotFoundError() | av.error.HTTPError() | av.error.HTTPClientError():
            return f"{path}: refers to other places than files ({reason(error)}); only files are read"
        case _:
            return f"{path}: cannot be decoded ({reason(error)}); the file is damaged, cut off or not a film"


def picture_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """The film's first moving picture; covers do not count. Raises `SourceError` where there is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise SourceError(f"{path}: has no picture stream; there is nothing to colorize")


def tick(path: Path) -> Fraction:
    """Seconds that a tick of the picture stream's clock lasts. Raises `SourceError`."""
    with reading(path) as container:
        return picture_stream(path, container).time_base


def probe(path: Path) -> FilmInfo:
    """Read the headers of a film. Raises `SourceError`."""
    with reading(path) as container:
        return describe_stream(path, container, picture_stream(path, container))


def describe_stream(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> FilmInfo:
    context = stream.codec_context
    if not context.width or not context.height or context.format is None:
        raise SourceError(f"{path}: its picture stream has no size or format; the file is damaged or cut off")
    duration_s = _duration_s(container, stream)
    flags = container.format.flags
    restarts = bool(flags & _RESTARTS)
    start = _start(container, stream.time_base)
    rate = stream.average_rate or stream.guessed_rate
    frames = stream.frames or (round(duration_s * rate) if duration_s and rate else None)
    components = context.format.components
    rotation, side_data = _first_frame_facts(path)
    matrix = MATRICES.get(int(context.colorspace), _usual_matrix(context.width, context.height))
    return FilmInfo(
        container=container.format.name,
        codec=context.name,
        width=context.width,
        height=context.height,
        pixel_format=context.format.name,
        depth=max(component.bits for component in components),
        rate=rate,
        frames=frames,
        duration_s=duration_s,
        sar=stream.sample_aspect_ratio or Fraction(1),
        matrix=matrix,
        # FFmpeg reads gray formats as full range unless they say otherwise.
        full_range=int(context.color_range) == _FULL_RANGE
        or context.format.name.startswith("yuvj")
        or (len(components) <= 2 and int(context.color_range) == 0),
        rotation=rotation,
        other_streams=tuple(
            f"{other.type} {other.codec_context.name if other.codec_context else 'unknown'}"
            for other in container.streams
            if other.index != stream.index
        ),
        seekable=not flags & _NO_TIMES,
        origin=start if restarts else Fraction(0),
        begins=Fraction(0) if restarts else max(Fraction(0), start),
        restarts=restarts,
        bytes_seekable=restarts and not flags & _NO_BYTE_SEEK,
        # Matroska keeps the tag of AVI's codecs for tracks that were taken over from there as they were.
        decoding_times=container.format.name in _DTS_ONLY,
        doubtful_times=container.format.name in _DOUBTFUL
        or ("matroska" in container.format.name and context.codec_tag.strip("\0") != ""),
        duration_stated=not restarts and bool(stream.duration),
        side_data=side_data,
        primaries=_primaries(int(context.color_primaries), matrix),
        transfer=_TRANSFERS.get(int(context.color_trc), "sdr"),
    )


def _primaries(code: int, matrix: str) -> Primaries:
    """A film that names BT.2020's matrix and no primaries has BT.2020's."""
    return "bt2020" if code in _UNSPECIFIED and matrix == "bt2020" else _PRIMARIES.get(code, "bt709")


def _start(container: av.container.InputContainer, tick: Fraction) -> Fraction:
    """When sound or picture begins in the file, whichever is first; seconds, a whole number of the picture's ticks."""
    starts = [
        s.start_time * s.time_base for s in container.streams if s.type in ("video", "audio") and s.start_time is not None
    ]
    return round(min(starts, default=Fraction(0)) / tick) * tick


def _duration_s(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _first_frame_facts(path: Path) -> tuple[int, SideData]:
    """Rotation, a multiple of 90 degrees counterclockwise, and side data; decoded frames alone carry them, so one is decoded."""
    with contextlib.suppress(SourceError, StopIteration), reading(path) as container:
        frame = next(container.decode(picture_stream(path, container)))
        return round(frame.rotation / 90) * 90, stream_side_data(frame)
    return 0, SideData()


def _usual_matrix(width: int, height: int) -> str:
    """The matrix that players assume if a film names none: BT.709 for high definition, else BT.601."""
    return "bt709" if width >= _HD_WIDTH or height > _SD_HEIGHT else "bt601"
