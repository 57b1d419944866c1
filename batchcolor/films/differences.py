"""Compares the accounts of a film and its result, and describes each difference in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from .account import Account, ChapterAccount, StreamAccount
from .input.probe import FilmInfo
from .input.time_range import TimeRange
from .output.streams import PlannedStream, StreamAction, same_language
from .output.timecode import later
from .output.trial import StreamPlan
from .picture_format import PictureFormat

_UNSPECIFIED = (0, 2)  # of H.273's codes: RGB's matrix, which no Y'CbCr result has, and "unspecified"
_CLOCK_S = 0.0021  # two ticks of Matroska's clock
_REGROUPED = {"hdmv_pgs_subtitle"}  # Matroska holds the segments of a disc's subtitle in one packet
# What encoders write again of side data that frames have of their own.
KEPT_SIDE_DATA: Mapping[str, frozenset[str]] = {
    "libx264": frozenset({"A53_CC"}),
    "libx265": frozenset({"A53_CC"}),
    "h264_nvenc": frozenset({"A53_CC"}),
    "hevc_nvenc": frozenset({"A53_CC"}),
}
_SIDE_DATA_WORDS = {
    "A53_CC": "closed captions (CEA-608/708)",
    "AFD": "an active format description",
    "S12M_TIMECODE": "a timecode (SMPTE ST 12-1)",
    "DYNAMIC_HDR_PLUS": "dynamic HDR10+ metadata",
    "SEI_UNREGISTERED": "unregistered user data",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a result is to be like, by what was done.

    start_s: time in the source of the first picture. chapters: of the source, as far as they are wanted. damaged: packets of copied
    streams that were named as damaged, by index. frame_side_data: frames that had such data, by its name. encoder: FFmpeg's name.
    """

    plan: StreamPlan
    info: FilmInfo
    picture: PictureFormat
    encoder: str
    window: TimeRange
    frames: int
    start_s: float
    deinterlaced: bool
    chapters: Sequence[Any] = ()
    damaged: Mapping[int, int] = field(default_factory=dict)
    frame_side_data: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Differences:
    """errors: unacceptable; warnings: losses that the user should know of; notes: intended changes without a loss."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    source: Path
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def error(self, sentence: str) -> None:
        self.errors.append(f"{self.source}: {sentence}")

    def warn(self, sentence: str) -> None:
        self.warnings.append(f"{self.source}: {sentence}")

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def compare(source: Path, before: Account, after: Account, expected: Expected) -> Differences:
    """Every difference between the account of the film `source` and that of its result."""
    found = _Found(source)
    _pictures(found, before, after, expected)
    _side_data(found, before, after, expected)
    _streams(found, before, after, expected)
    _chapters(found, after, expected)
    _tags(found, before, after)
    _programmes(found, before)
    return Differences(tuple(found.errors), tuple(found.warnings), tuple(found.notes))


def _pictures(found: _Found, before: Account, after: Account, expected: Expected) -> None:
    packets = after.pictures.packets
    if packets != expected.frames:
        found.error(f"{expected.frames} frames were encoded, and the result has {packets}; please report it")
    if (before.width, before.height, before.sar) != (after.width, after.height, after.sar):
        found.warn(
            f"the picture is {after.width}x{after.height} with pixels of {after.sar}; "
            f"the source's is {before.width}x{before.height} with {before.sar}"
        )
    if before.alpha and not after.alpha:
        found.warn("its alpha channel is left out: the codec has none; --codec prores and ffv1 keep it")
    if before.depth > after.depth:
        found.warn(
            f"its {before.depth} bits a sample became {after.depth}, the most that the codec has; --codec ffv1 keeps them"
        )
    odd = expected.info.width % 2 or expected.info.height % 2
    if odd and expected.picture.sampling != "420" and expected.encoder in ("libx264", "libx265"):
        sampling = ":".join(expected.picture.sampling)
        found.warn(
            f"its size, {after.width}x{after.height}, is odd, so the result's chroma is {sampling}, which some players do not show; "
            "--codec ffv1, prores and av1 have no such need"
        )
    for name in ("primaries", "transfer"):
        if before.color[name] != after.color[name] and before.color[name] not in _UNSPECIFIED:
            found.warn(f"the tag of its colour {name} ({before.color[name]} in H.273) became {after.color[name]}")
    if before.color["matrix"] in _UNSPECIFIED:
        found.note(f"the source does not say its matrix; the result says that of {expected.info.matrix}")
    elif before.color["matrix"] != after.color["matrix"]:
        found.warn(f"the tag of its matrix ({before.color['matrix']} in H.273) became {after.color['matrix']}")
    if before.color["full_range"] != after.color["full_range"]:
        found.warn("the tag of its range is lost: the codec has none")


def _side_data(found: _Found, before: Account, after: Account, expected: Expected) -> None:
    for name, words in before.side_data.items():
        if name == "field order" and expected.deinterlaced:
            found.note("fields were made whole pictures")
        elif name == "display matrix" and after.side_data.get(name) is not None:
            if _turn(words) != _turn(after.side_data[name]):
                found.warn(f"its display matrix became {after.side_data[name]}; it was {words}")
        elif name in _READ_OTHERWISE and "mp4" in after.container and name in after.side_data:
            pass
        elif after.side_data.get(name) != words:
            became = after.side_data.get(name)
            found.warn(f"its {name} ({words}) is left out" if became is None else f"its {name} ({words}) became {became}")
    for name, count in expected.frame_side_data.items():
        words = _SIDE_DATA_WORDS.get(name, f"side data ({name.lower().replace('_', ' ')})")
        if name not in KEPT_SIDE_DATA.get(expected.encoder, ()):
            found.warn(f"{count} of its frames have {words}, which the encoder {expected.encoder} leaves out")
    timecode = before.timecode
    if timecode is not None:
        wanted = {timecode, *(later(timecode, rate, expected.window.start) for rate in _rates(expected))}
        if after.timecode not in wanted:
            found.warn(
                f"its timecode {timecode} is left out" if after.timecode is None else f"its timecode became {after.timecode}"
            )


# FFmpeg 8 writes Google's boxes (st3d, sv3d) and Apple's (vexu), and reads the latter, which say less.
_READ_OTHERWISE = {"stereo 3D", "spherical mapping"}


def _rates(expected: Expected) -> Iterator[Fraction]:
    if expected.info.rate:
        yield expected.info.rate


def _turn(matrix: str) -> tuple[int, ...]:
    """Signs of the part that turns and mirrors; Matroska keeps no more of a display matrix."""
    a, b, _, c, d, *_ = (int(number) for number in matrix.split())
    return tuple((value > 0) - (value < 0) for value in (a, b, c, d))


def _streams(found: _Found, before: Account, after: Account, expected: Expected) -> None:
    written = [stream for stream in after.streams if stream.index != after.picture and stream.kind != "data"]
    tracks = [stream for stream in written if stream.kind != "attachment" and not stream.is_cover]
    data = [stream for stream in after.streams if stream.kind == "data"]
    rest = [stream for stream in written if stream not in tracks]
    for plan in expected.plan.streams:
        stream = before.stream(plan.index)
        if plan.action is StreamAction.ATTACHED or (plan.action is StreamAction.COPIED and plan.cover):
            _attachment(found, stream, rest)
        elif plan.action in (StreamAction.COPIED, StreamAction.REWRAPPED, StreamAction.DECODED):
            places = data if stream.kind == "data" else tracks
            match = next((each for each in places if each.kind == stream.kind), None)
            if match is None or (not stream.packets and not match.packets and match.codec != stream.codec):
                if stream.packets and expected.window.whole:
                    found.error(f"{_named(stream)} is missing in the result, {stream.packets} packets in all; please report it")
                elif stream.packets == 0:
                    found.note(f"{_named(stream)} has no packets, and no place in the result")
                continue
            places.remove(match)
            _track(found, stream, match, plan, before, after, expected)


def _track(
    found: _Found,
    stream: StreamAccount,
    match: StreamAccount,
    plan: PlannedStream,
    before: Account,
    after: Account,
    expected: Expected,
) -> None:
    if plan.action is StreamAction.REWRAPPED:
        found.note(f"{_named(stream)} was unpacked to {match.codec}, sample by sample")
    wanted = (stream.packets or 0) - expected.damaged.get(stream.index, 0)
    regrouped = stream.codec in _REGROUPED and match.bytes == stream.bytes
    if regrouped and match.packets != wanted:
        found.note(f"{_named(stream)}: its segments lie together, one packet for each picture")
    elif expected.window.whole and plan.action is StreamAction.COPIED and match.packets != wanted:
        found.warn(f"{_named(stream)} has {wanted} packets, and the result {match.packets}")
    if not same_language(stream.language, match.language):
        found.warn(f"the language of {_named(stream)} became {match.language or 'unknown'}")
    lost = set(stream.dispositions) - set(match.dispositions) - {"default"}
    if lost:
        found.warn(f"{_named(stream)} is no longer marked as {', '.join(sorted(lost)).replace('_', ' ')}")
    if stream.tags.get("title") != match.tags.get("title"):
        found.warn(f"the title of {_named(stream)} is left out")
    offset = _offset(stream, expected.start_s)
    moved = _offset(match, after.pictures.start_s)
    comparable = expected.window.whole and not regrouped and stream.steady and before.pictures.steady
    if comparable and offset is not None and moved is not None and abs(offset - moved) > _CLOCK_S:
        found.warn(f"{_named(stream)} begins {1000 * (moved - offset):+.0f} ms from where it did, beside the picture")


def _offset(stream: StreamAccount, picture_s: float | None) -> float | None:
    return None if stream.start_s is None or picture_s is None else stream.start_s - picture_s


def _attachment(found: _Found, stream: StreamAccount, rest: list[StreamAccount]) -> None:
    match = next((each for each in rest if each.bytes == stream.bytes), None)
    if match is None:
        found.error(f"{_named(stream)} is missing in the result; please report it")
    else:
        rest.remove(match)


def _named(stream: StreamAccount) -> str:
    return f"{stream.kind} stream {stream.index} ({stream.name or stream.codec})"


def _chapters(found: _Found, after: Account, expected: Expected) -> None:
    wanted = [
        ChapterAccount(
            float(each["start"] * each["time_base"]), float(each["end"] * each["time_base"]), each["metadata"].get("title", "")
        )
        for each in expected.chapters
    ]
    same = len(wanted) == len(after.chapters) and all(
        abs(one.start_s - other.start_s) < _CLOCK_S and one.title == other.title
        for one, other in zip(wanted, after.chapters, strict=True)
    )
    if not same:
        found.warn(
            f"it has {len(wanted)} chapters, of which the result's {len(after.chapters)} differ in number, times or titles"
        )


def _tags(found: _Found, before: Account, after: Account) -> None:
    remaining = {name.lower(): value for name, value in after.tags.items()}
    lost = [name for name, value in before.tags.items() if name.lower() != "timecode" and remaining.get(name.lower()) != value]
    if lost:
        found.warn(f"its tags {', '.join(lost)} are left out or changed; an .mkv result keeps any")


def _programmes(found: _Found, before: Account) -> None:
    if len(before.programmes) > 1:
        names = ", ".join(programme.name or "one without a name" for programme in before.programmes)
        found.warn(
            f"it holds {len(before.programmes)} programmes ({names}); the result has the streams of all of them as one film"
        )
