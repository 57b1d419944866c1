"""Between decoded frames and arrays: luma planes as they are, small lightness for the network, chroma laid beside luma."""

from __future__ import annotations

import re
import zlib
from collections import Counter

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation

from ...color.conversion import YCbCr
from ...engines.colorizer import Colorizer
from ..picture_format import PictureFormat
from .filter_chain import FilterChain
from .lightness import lightness
from .probe import FilmInfo
from .side_data import frame_side_data

# Formats whose first plane is luma and nothing else; of these, those whose codes lie in the upper bits of 16.
_LUMA_FIRST = re.compile(r"(yuv[ja]?\d{3}p|gray(?!f|32)|nv\d\d|p[024]\d\d)(?!.*msb)")
_HIGH_BITS = re.compile(r"p[024]\d\d")
_PLANAR = {8: "yuv444p", 9: "yuv444p9le", 10: "yuv444p10le", 12: "yuv444p12le", 14: "yuv444p14le", 16: "yuv444p16le"}
_GRAY = {8: "gray", 9: "gray9le", 10: "gray10le", 12: "gray12le", 14: "gray14le", 16: "gray16le"}
SWSCALE_MATRIX = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020"}
_ACCURATE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


def to_picture_format(frame: av.VideoFrame, info: FilmInfo, picture: PictureFormat) -> av.VideoFrame:
    """A frame whose first plane is the luma in the picture's depth and size: the frame itself where that holds already.

    Luma of another depth is scaled exactly, in whole codes; packed formats are unpacked first; RGB is coded with the film's own matrix
    and range. Chroma is of no use in the result; see `in_picture_format`. Alpha is there where the picture has it.
    """
    if picture.alpha:
        return in_picture_format(frame, info, picture)
    depth, size = picture.coding.depth, (info.width, info.height)
    if not has_luma_plane(frame.format):
        # Packed Y'CbCr keeps its depth here; RGB becomes Y'CbCr at the depth that is wanted.
        whole = depth if is_rgb(frame.format) else _bits(frame.format)
        frame = _converted(frame, info, _PLANAR.get(whole, _PLANAR[16]), (frame.width, frame.height), picture.coding.full)
    native = not frame.format.is_big_endian and not _HIGH_BITS.match(frame.format.name)
    codes, bits = _codes(frame), _bits(frame.format)
    stray = 8 < bits < 16 and int(codes.max()) >= 1 << bits  # 16 bits hold more, and decoders of damaged films leave it there
    if native and bits == depth and not stray and (frame.width, frame.height) == size:
        return frame
    luma = scaled_luma(np.minimum(codes, (1 << bits) - 1) if stray else codes, bits, picture.coding)
    if luma.shape[::-1] != size:
        smaller = size[0] * size[1] < luma.size
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    made = frame.reformat(*size, _GRAY[depth])  # for a frame with the same side data; its samples are replaced
    _view(made.planes[0], *size, depth)[:] = luma
    made.pts, made.time_base, made.duration = frame.pts, frame.time_base, frame.duration
    return made


def in_picture_format(frame: av.VideoFrame, info: FilmInfo, picture: PictureFormat) -> av.VideoFrame:
    """The frame with its own chroma in the picture's format: the frame itself where it is in that already, else converted."""
    same = frame.format.name.replace("yuvj", "yuv") == picture.name  # alpha included
    size = info.width, info.height
    return (
        frame
        if same and (frame.width, frame.height) == size
        else _converted(frame, info, picture.name, size, picture.coding.full)
    )


def has_luma_plane(pixel_format: av.VideoFormat) -> bool:
    """Whether the first plane of a format is luma and nothing else."""
    return _LUMA_FIRST.match(pixel_format.name) is not None


def is_rgb(pixel_format: av.VideoFormat) -> bool:
    """Whether a format holds red, green and blue, or something that is turned into them."""
    return pixel_format.is_rgb or pixel_format.has_palette or pixel_format.name.startswith("xyz")


def scaled_luma(luma: np.ndarray, bits: int, coding: YCbCr) -> np.ndarray:
    """Luma codes of `bits` bits as codes of `coding`, rounded: limited range by powers of two, full range from peak to peak."""
    if bits == coding.depth:
        return luma
    if coding.full:
        scale = (2**coding.depth - 1) / (2**bits - 1)
        scaled = np.rint(luma * np.float32(scale))
    elif bits < coding.depth:
        scaled = luma.astype(np.uint16) << (coding.depth - bits)
    else:
        less = bits - coding.depth
        scaled = np.minimum((luma.astype(np.uint32) + (1 << (less - 1))) >> less, 2**coding.depth - 1)
    return scaled.astype(np.uint16 if coding.depth > 8 else np.uint8)


def _converted(frame: av.VideoFrame, info: FilmInfo, name: str, size: tuple[int, int], full: bool) -> av.VideoFrame:
    """By swscale. Matrix and range must be set on both sides: swscale guesses missing ones, and then changes luma."""
    matrix = SWSCALE_MATRIX[info.matrix]
    converted = frame.reformat(
        *size,
        name,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range="JPEG" if info.full_range or is_rgb(frame.format) else "MPEG",
        dst_color_range="JPEG" if full else "MPEG",
        interpolation=_ACCURATE,
    )
    converted.pts, converted.time_base, converted.duration = frame.pts, frame.time_base, frame.duration
    return converted


def _bits(pixel_format: av.VideoFormat) -> int:
    return max(component.bits for component in pixel_format.components)


def _codes(frame: av.VideoFrame) -> np.ndarray:
    """Luma codes of a frame that has a luma plane, in this machine's byte order and from bit 0 on."""
    bits = _bits(frame.format)
    codes = _view(frame.planes[0], frame.width, frame.height, bits)
    if frame.format.is_big_endian:
        codes = codes.byteswap()
    return codes >> (16 - bits) if _HIGH_BITS.match(frame.format.name) else codes


def luma_plane(frame: av.VideoFrame) -> np.ndarray:
    """The luma code values, uint8 or uint16 `(H, W)`; a view, without the padding that decoders put behind each row."""
    return _view(frame.planes[0], frame.width, frame.height, frame.format.components[0].bits)


def chroma_of(frame: av.VideoFrame, picture: PictureFormat) -> np.ndarray:
    """Cb and Cr code values `(2, rows, columns)` of a frame `in_picture_format`."""
    shape = picture.grid.columns.count, picture.grid.rows.count
    return np.stack([_view(plane, *shape, picture.coding.depth) for plane in frame.planes[1:3]])


def _view(plane: av.VideoPlane, width: int, height: int, bits: int) -> np.ndarray:
    dtype = np.uint16 if bits > 8 else np.uint8
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
    return rows[:height, :width]


def fingerprint(luma: np.ndarray) -> int:
    """Equal for equal luma `(H, W)`, nearly always different else; of every eighth sample, for speed."""
    return zlib.crc32(luma[::8, ::8].tobytes())


def small_lightness(frame: av.VideoFrame, info: FilmInfo, picture: PictureFormat, colorizer: Colorizer) -> np.ndarray:
    """L float32 `(h, w)`, 0..100, at the network's size for the film's displayed shape, laid as stored."""
    height, width = info.display_size
    turned = info.rotation % 180 != 0
    h, w = colorizer.network_shape(width, height)[::-1] if turned else colorizer.network_shape(height, width)
    luma = luma_plane(frame)
    while luma.shape[0] >= 2 * h and luma.shape[1] >= 2 * w:  # halving is quick, and leaves little to the slow last step
        luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_LINEAR)
    return lightness(cv2.resize(luma, (w, h), interpolation=cv2.INTER_AREA), picture.coding)


def copy_frame(frame: av.VideoFrame) -> av.VideoFrame:
    """The same picture once more, to be shown at another time."""
    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for plane, original in zip(made.planes, frame.planes, strict=True):
        rows = np.frombuffer(original, np.uint8).reshape(-1, original.line_size)
        length = min(original.line_size, plane.line_size)
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, :length] = rows[:, :length]
    made.pts, made.time_base, made.duration = frame.pts, frame.time_base, frame.duration
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    return made


class OutputFrame:
    """One frame that every result is drawn on: to get fresh memory for each costs more than to fill it.

    Where an encoder still holds on to the last picture, it keeps that, and the next one gets memory of its own. Frames with side data of
    their own (closed captions), and with `fields` all, are drawn on a copy of their origin, which alone has its side data and the marks
    of its fields.
    """

    def __init__(self, width: int, height: int, picture: PictureFormat, *, fields: bool = False) -> None:
        """fields: whether frames stay marked as interlaced where their origins are."""
        self._frame, self._depth, self._alpha = av.VideoFrame(width, height, picture.name), picture.coding.depth, picture.alpha
        self._range = 2 if picture.coding.full else 1
        self._name, self._fields = picture.name, fields
        self._copies: FilterChain | None = None
        self._copied_format = ""
        self.side_data: Counter[str] = Counter()

    def compose(self, origin: av.VideoFrame, luma: np.ndarray, chroma: np.ndarray) -> av.VideoFrame:
        """The luma as it is, Cb and Cr `(2, rows, columns)`, time, side data and colour tags of `origin`; good until the next call."""
        names = frame_side_data(origin)
        self.side_data.update(names)
        made = self._copy(origin) if names or self._fields else self._frame
        made.make_writable()
        alpha = (_view(origin.planes[3], origin.width, origin.height, self._depth),) if self._alpha else ()
        for plane, values in zip(made.planes, (luma, *chroma, *alpha), strict=True):
            _view(plane, values.shape[1], values.shape[0], self._depth)[:] = values
        made.pts, made.time_base = origin.pts, origin.time_base
        made.pict_type = av.video.frame.PictureType.NONE
        made.colorspace, made.color_range = origin.colorspace, self._range
        made.color_primaries, made.color_trc = origin.color_primaries, origin.color_trc
        return made

    def _copy(self, origin: av.VideoFrame) -> av.VideoFrame:
        """A frame in the picture's format with the origin's flags and side data; its samples may be the origin's own."""
        if self._copies is None or self._copied_format != origin.format.name:
            self._copies, self._copied_format = FilterChain(origin, ("format", f"pix_fmts={self._name}")), origin.format.name
        return next(iter(self._copies.through(origin)))
