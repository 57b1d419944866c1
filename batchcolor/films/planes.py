"""Between decoded frames and arrays: luma planes as they are, small lightness for the network, chroma laid beside luma."""

from __future__ import annotations

import re

import av
import cv2
import numpy as np

from ..color import gray_of_luma, lightness_of_gray
from ..colorizer import Colorizer
from .encode import PictureFormat
from .probe import FilmInfo

_LUMA_FIRST = re.compile(r"yuv[ja]?\d{3}p|gray|nv\d\d")  # formats whose first plane is luma and nothing else
_SWSCALE_MATRIX = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020"}


def normalized(frame: av.VideoFrame, info: FilmInfo, picture: PictureFormat) -> av.VideoFrame:
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


def small_lightness(frame: av.VideoFrame, info: FilmInfo, picture: PictureFormat, colorizer: Colorizer) -> np.ndarray:
    """L float32 `(h, w)`, 0..100, at the network's size for the film's displayed shape, laid as stored."""
    height, width = info.display_size
    turned = info.rotation % 180 != 0
    h, w = colorizer.network_shape(width, height)[::-1] if turned else colorizer.network_shape(height, width)
    luma = cv2.resize(luma_plane(frame), (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    return lightness_of_gray(gray_of_luma(luma, picture.coding)).astype(np.float32)


def with_chroma(frame: av.VideoFrame, luma: np.ndarray, chroma: np.ndarray, picture: PictureFormat) -> av.VideoFrame:
    """A new frame of the result's format: the luma as it is, Cb and Cr `(2, rows, columns)`, the time and colour tags of `frame`."""
    made = av.VideoFrame(frame.width, frame.height, picture.name)
    for plane, values in zip(made.planes, (luma, *chroma), strict=True):
        _view(plane, values.shape[1], values.shape[0], picture.coding.depth)[:] = values
    made.pts, made.time_base = frame.pts, frame.time_base
    made.colorspace, made.color_range = frame.colorspace, 2 if picture.coding.full else 1
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    return made
