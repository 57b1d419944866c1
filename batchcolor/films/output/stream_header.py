"""Side data for the header of a result's picture stream.

PyAV has no setter for a stream's side data, except for its display matrix, but copies all of it from a stream that was read. So a film
without pictures is made in memory, in Matroska (RFC 9559), whose header says what the result's must say; FFmpeg reads it, and its muxers
then write it as MP4, MOV or Matroska want it.
"""

from __future__ import annotations

import io
import struct

import av
from av.bitstream import BitStreamFilterContext

from ..input.side_data import MasteringDisplay, SideData, Spherical, Stereo

# Matroska's names of codecs; by them FFmpeg knows what it reads. dnxhd has none, and is found by its FourCC.
_CODEC_IDS = {
    "h264": b"V_MPEG4/ISO/AVC",
    "hevc": b"V_MPEGH/ISO/HEVC",
    "av1": b"V_AV1",
    "prores": b"V_PRORES",
    "ffv1": b"V_FFV1",
}
# (AVStereo3DType, right view first) -> StereoMode, RFC 9559, section 5.1.4.1.28.3.
_STEREO_MODES = {
    (1, False): 1,
    (1, True): 11,
    (2, True): 2,
    (2, False): 3,
    (4, True): 4,
    (4, False): 5,
    (6, True): 6,
    (6, False): 7,
    (7, True): 8,
    (7, False): 9,
    (3, False): 13,
    (3, True): 14,
}


def give_side_data(stream: av.VideoStream, side_data: SideData, codec: str) -> None:
    """Give `stream`, which is still to be opened, the side data; anything else of it has to be set after this."""
    video = _video(side_data)
    if video and codec in _CODEC_IDS:
        with av.open(io.BytesIO(_film(_CODEC_IDS[codec], video)), format="matroska") as header:
            BitStreamFilterContext("null", in_stream=header.streams.video[0], out_stream=stream)
    if side_data.display_matrix is not None:
        stream.set_display_matrix(side_data.display_matrix)


def _video(side_data: SideData) -> bytes:
    """Children of the Video element."""
    made = b""
    if side_data.stereo is not None:
        made += _stereo(side_data.stereo)
    if side_data.spherical is not None:
        made += _projection(side_data.spherical)
    color = b""
    if side_data.content_light is not None:
        color += _unsigned("55BC", side_data.content_light[0]) + _unsigned("55BD", side_data.content_light[1])
    if side_data.mastering is not None:
        color += _mastering(side_data.mastering)
    return made + (_element("55B0", color) if color else b"")


def _stereo(stereo: Stereo) -> bytes:
    mode = _STEREO_MODES.get((stereo.packing, stereo.right_first))
    return b"" if mode is None else _unsigned("53B8", mode)


def _projection(spherical: Spherical) -> bytes:
    kinds = {0: 1, 2: 1, 1: 2}  # equirectangular, tiled or not; cube map
    if spherical.projection not in kinds:
        return b""
    private = b""
    left, top, right, bottom = spherical.bounds
    if spherical.projection == 2:
        private = _element("7672", struct.pack(">5I", 0, top, bottom, left, right))
    elif spherical.projection == 1:
        private = _element("7672", struct.pack(">3I", 0, 0, spherical.padding))
    angles = (("7673", spherical.yaw), ("7674", spherical.pitch), ("7675", spherical.roll))
    turned = b"".join(_float(number, float(angle)) for number, angle in angles)
    return _element("7670", _unsigned("7671", kinds[spherical.projection]) + private + turned)


def _mastering(display: MasteringDisplay) -> bytes:
    made = b""
    if display.primaries is not None and display.white is not None:
        values = [value for point in (*display.primaries, display.white) for value in point]
        made += b"".join(_float(f"55D{n}", float(value)) for n, value in enumerate(values, 1))
    if display.luminance is not None:
        least, greatest = display.luminance
        made += _float("55D9", float(greatest)) + _float("55DA", float(least))
    return _element("55D0", made)


def _film(codec_id: bytes, video: bytes) -> bytes:
    """A Matroska file with one picture track, and one empty picture, so that it counts as a film."""
    size = _unsigned("B0", 64) + _unsigned("BA", 64)
    track = (
        _unsigned("D7", 1) + _unsigned("73C5", 1) + _unsigned("83", 1) + _element("86", codec_id) + _element("E0", size + video)
    )
    info = _unsigned("2AD7B1", 1_000_000) + _element("4D80", b"-") + _element("5741", b"-")
    cluster = _unsigned("E7", 0) + _element("A3", b"\x81\0\0\x80\0")
    ebml = _element("4282", b"matroska") + _unsigned("4287", 4) + _unsigned("4285", 2)
    segment = _element("1549A966", info) + _element("1654AE6B", _element("AE", track)) + _element("1F43B675", cluster)
    return _element("1A45DFA3", ebml) + _element("18538067", segment)


def _element(number: str, data: bytes) -> bytes:
    """An EBML element (RFC 8794); its size takes eight bytes."""
    return bytes.fromhex(number) + (1 << 56 | len(data)).to_bytes(8, "big") + data


def _unsigned(number: str, value: int) -> bytes:
    return _element(number, value.to_bytes(8, "big"))


def _float(number: str, value: float) -> bytes:
    return _element(number, struct.pack(">d", value))
