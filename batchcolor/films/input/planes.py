"""Between decoded frames and arrays: luma planes as they are, small lightness for the network, chroma laid beside luma."""

from __future__ import annotations

import re
import zlib

import av
import cv2
import numpy as np

from ...engines.colorizer import Colorizer
from ..output.encode import PictureFormat
from .lightness import lightness
from .probe import FilmInfo

_LUMA_FIRST = re.compile(r"yuv[ja]?\d{3}p|gray|nv\d\d")  # formats whose first plane is luma and nothing else
_SWSCALE_MATRIX = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020"}


def to_picture_format(frame: av.VideoFrame, info: FilmInfo, picture: PictureFormat) -> av.VideoFrame:
    """The frame itself where its luma plane can be handed on; else converted by swscale (RGB, packed and deeper formats)."""
    depth = max(component.bits for component in frame.format.components)
    if (
        _LUMA_FIRST.match(frame.format.name)
        and depth == picture.coding.depth
        and (frame.width, frame.height) == (info.width, info.height)
    ):
        return frame
    converted = frame.reformat(
        info.width,
        info.height,
        picture.name,
        dst_colorspace=_SWSCALE_MATRIX[info.matrix],
        dst_color_range="JPEG" if picture.coding.full else "MPEG",
    )
    converted.pts, converted.time_base, converted.duration = frame.pts, frame.time_base, frame.duration
    return converted


def luma_plane(frame: av.VideoFrame) -> np.ndarray:
    """The luma code values, uint8 or uint16 `(H, W)`; a view, without the padding that decoders put behind each row."""
    return _view(frame.planes[0], frame.width, frame.height, frame.format.components[0].bits)


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

    Where an encoder still holds on to the last picture, it keeps that, and the next one gets memory of its own.
    """

    def __init__(self, width: int, height: int, picture: PictureFormat) -> None:
        self._frame, self._depth = av.VideoFrame(width, height, picture.name), picture.coding.depth
        self._range = 2 if picture.coding.full else 1

    def compose(self, origin: av.VideoFrame, luma: np.ndarray, chroma: np.ndarray) -> av.VideoFrame:
        """The luma as it is, Cb and Cr `(2, rows, columns)`, time and colour tags of `origin`; good until the next call."""
        made = self._frame
        made.make_writable()
        for plane, values in zip(made.planes, (luma, *chroma), strict=True):
            _view(plane, values.shape[1], values.shape[0], self._depth)[:] = values
        made.pts, made.time_base = origin.pts, origin.time_base
        made.pict_type = av.video.frame.PictureType.NONE
        made.colorspace, made.color_range = origin.colorspace, self._range
        made.color_primaries, made.color_trc = origin.color_primaries, origin.color_trc
        return made
