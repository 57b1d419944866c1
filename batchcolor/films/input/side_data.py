"""Side data of a picture stream: how it is turned, mastered, packed in stereo, projected, and which field comes first.

FFmpeg hands a stream's side data on with its decoded frames, as C structures of libavutil whose layout is part of its stable interface.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type

from .filter_chain import FilterChain

FieldOrder = Literal["progressive", "tff", "bff"]
_IDENTITY = (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)

# Of single frames, and useless once they are encoded again, or the encoder's own.
_OF_THE_CODING = {
    "MOTION_VECTORS",
    "VIDEO_ENC_PARAMS",
    "VIDEO_HINT",
    "REGIONS_OF_INTEREST",
    "PANSCAN",
    "GOP_TIMECODE",
    "FILM_GRAIN_PARAMS",  # the decoder has laid the grain over the picture
}
_OF_THE_STREAM = {"DISPLAYMATRIX", "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "STEREO3D", "SPHERICAL"}
# SEI messages in which x264 and x265 name themselves and their settings (the first 16 bytes of each).
_ENCODERS = {bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"), bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e")}


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """SMPTE ST 2086. primaries: (x, y) of red, green, blue; white: (x, y); all CIE 1931. luminance: least, greatest, in cd/m2."""

    primaries: tuple[tuple[Fraction, Fraction], ...] | None
    white: tuple[Fraction, Fraction] | None
    luminance: tuple[Fraction, Fraction] | None


@dataclass(frozen=True, slots=True)
class Stereo:
    """How the views of a stereo film lie in its frames. packing: number of libavutil's AVStereo3DType. right_first: views are swapped."""

    packing: int
    right_first: bool


@dataclass(frozen=True, slots=True)
class Spherical:
    """Projection of a 360-degree film: number of libavutil's AVSphericalProjection. yaw, pitch, roll: degrees. bounds: of a tiled
    equirectangular one, shares of 2^32 from left, top, right, bottom. padding: of a cube map, in pixels."""

    projection: int
    yaw: Fraction
    pitch: Fraction
    roll: Fraction
    bounds: tuple[int, int, int, int] = (0, 0, 0, 0)
    padding: int = 0


@dataclass(frozen=True, slots=True)
class SideData:
    """Side data of a whole picture stream.

    display_matrix: nine numbers in 16.16 and 2.30 fixed point, row by row (ISO/IEC 14496-12, 6.2.2); None: shown as stored.
    content_light: MaxCLL, MaxFALL, in cd/m2 (CTA-861.3). others: names of what else there is; nothing here can carry it.
    """

    display_matrix: tuple[int, ...] | None = None
    mastering: MasteringDisplay | None = None
    content_light: tuple[int, int] | None = None
    stereo: Stereo | None = None
    spherical: Spherical | None = None
    field_order: FieldOrder = "progressive"
    others: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, str]:
        """Descriptions of what is present, by FFmpeg's names."""
        found = {
            "display matrix": None if self.display_matrix is None else " ".join(map(str, self.display_matrix)),
            "mastering display": None if self.mastering is None else _words(self.mastering),
            "content light level": None if self.content_light is None else "MaxCLL {}, MaxFALL {}".format(*self.content_light),
            "stereo 3D": None if self.stereo is None else _stereo_words(self.stereo),
            "spherical mapping": None if self.spherical is None else _spherical_words(self.spherical),
            "field order": None if self.field_order == "progressive" else self.field_order,
            **dict.fromkeys(self.others, "present"),
        }
        return {name: words for name, words in found.items() if words is not None}


def _known_side_data(frame: av.VideoFrame) -> list[Any] | None:
    """None where PyAV gives none of it, because one kind (the EXIF of MJPEG, say) is newer than its enumeration.

    `frame.side_data` would be held by the frame, and hold it: the picture would stay in memory until Python next looks for such circles.
    """
    try:
        return list(SideDataContainer(frame))  # type: ignore[call-arg]  # the stubs lack its argument
    except ValueError:
        return None


def stream_side_data(frame: av.VideoFrame) -> SideData:
    """The side data of the stream whose first frame this is."""
    known = _known_side_data(frame)
    if known is None:
        return SideData(field_order=field_order(frame), others=("side data of a kind that PyAV does not know",))
    found: dict[str, bytes] = {_name(data): bytes(data) for data in known}
    values = {
        field: read(found[name])
        for name, (field, read) in _READERS.items()
        if name in found and len(found[name]) >= _LEAST_BYTES[name]
    }
    others = sorted(_readable(name) for name in found if name in _UNCARRIED)
    return SideData(
        **{key: value for key, value in values.items() if value is not None},
        field_order=field_order(frame),
        others=tuple(others),
    )


# Of a whole stream, and not written by any encoder or muxer used here.
_UNCARRIED = {"DOVI_RPU_BUFFER", "DOVI_METADATA", "DYNAMIC_HDR_VIVID", "AMBIENT_VIEWING_ENVIRONMENT", "ICC_PROFILE"}


def frame_side_data(frame: av.VideoFrame) -> set[str]:
    """Names (libavutil's, without AV_FRAME_DATA_) of side data that is this frame's own and says something to people or devices."""
    names: set[str] = set()
    for data in _known_side_data(frame) or ():
        name = _name(data)
        if name in _OF_THE_CODING or name in _OF_THE_STREAM or name in _UNCARRIED:
            continue
        if name == "SEI_UNREGISTERED" and bytes(data)[:16] in _ENCODERS:
            continue
        names.add(name)
    return names


def _name(data: Any) -> str:
    try:
        return Type(data.type).name
    except ValueError:
        return "UNKNOWN"


def _readable(name: str) -> str:
    return name.replace("_", " ").lower()


def field_order(frame: av.VideoFrame) -> FieldOrder:
    """Which field of the frame is shown first, as its decoder has marked it.

    PyAV tells whether a frame is interlaced and not which field comes first. FFmpeg's `separatefields` goes by that mark, so a copy of
    the frame with black upper and white lower lines shows it.
    """
    if not frame.interlaced_frame or frame.height < 2:
        return "progressive"
    copy = next(iter(FilterChain(frame, ("null", "")).through(frame)))
    copy.make_writable()
    plane = copy.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    rows[0::2], rows[1::2] = 0, 255
    chain = FilterChain(copy, ("separatefields", ""))
    fields = [*chain.through(copy), *chain.rest()]
    return "tff" if np.frombuffer(fields[0].planes[0], np.uint8)[0] == 0 else "bff"


def _matrix(data: bytes) -> tuple[int, ...] | None:
    matrix = struct.unpack("=9i", data[:36])
    return None if matrix == _IDENTITY else matrix


def _mastering(data: bytes) -> MasteringDisplay | None:
    numbers = struct.unpack("=22i", data[:88])  # AVMasteringDisplayMetadata: ten AVRational, then two flags
    values = [Fraction(n, d) if d else Fraction(0) for n, d in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
    has_primaries, has_luminance = numbers[20:]
    if not has_primaries and not has_luminance:
        return None
    return MasteringDisplay(
        primaries=tuple((values[n], values[n + 1]) for n in (0, 2, 4)) if has_primaries else None,
        white=(values[6], values[7]) if has_primaries else None,
        luminance=(values[8], values[9]) if has_luminance else None,
    )


def _light(data: bytes) -> tuple[int, int] | None:
    most, mean = struct.unpack("=2I", data[:8])
    return (most, mean) if most or mean else None


def _stereo(data: bytes) -> Stereo | None:
    packing, flags = struct.unpack("=2i", data[:8])
    return Stereo(packing, bool(flags & 1)) if packing else None


def _spherical(data: bytes) -> Spherical:
    projection, yaw, pitch, roll, left, top, right, bottom, padding = struct.unpack("=4i5I", data[:36])
    yaw, pitch, roll = (Fraction(angle, 65536) for angle in (yaw, pitch, roll))
    return Spherical(projection, yaw, pitch, roll, (left, top, right, bottom), padding)


_READERS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "DISPLAYMATRIX": ("display_matrix", _matrix),
    "MASTERING_DISPLAY_METADATA": ("mastering", _mastering),
    "CONTENT_LIGHT_LEVEL": ("content_light", _light),
    "STEREO3D": ("stereo", _stereo),
    "SPHERICAL": ("spherical", _spherical),
}
_LEAST_BYTES = {
    "DISPLAYMATRIX": 36,
    "MASTERING_DISPLAY_METADATA": 88,
    "CONTENT_LIGHT_LEVEL": 8,
    "STEREO3D": 8,
    "SPHERICAL": 36,
}


def _words(display: MasteringDisplay) -> str:
    parts = []
    if display.primaries is not None and display.white is not None:
        points = zip(("R", "G", "B", "W"), (*display.primaries, display.white), strict=True)
        parts += [f"{name} {float(x):.4f},{float(y):.4f}" for name, (x, y) in points]
    if display.luminance is not None:
        parts.append("{:.4f}..{:.0f} cd/m2".format(*map(float, display.luminance)))
    return " ".join(parts)


_PACKINGS = (
    "2D",
    "side by side",
    "top and bottom",
    "frame alternate",
    "checkerboard",
    "side by side (quincunx)",
    "lines",
    "columns",
)
_PROJECTIONS = ("equirectangular", "cubemap", "tiled equirectangular", "half equirectangular", "rectilinear", "fisheye")


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"type {number}"


def _stereo_words(stereo: Stereo) -> str:
    return _named(_PACKINGS, stereo.packing) + (", right view first" if stereo.right_first else "")


def _spherical_words(spherical: Spherical) -> str:
    turned = " ".join(f"{float(angle):g}" for angle in (spherical.yaw, spherical.pitch, spherical.roll))
    return f"{_named(_PROJECTIONS, spherical.projection)} {turned}"
