"""JPEG pixels by the shortest way: decoded in one call, encoded from the planes that the format holds.

libvips, in strips and by way of RGB, takes two to three times as long for both; it stays for large photos, profiles, CMYK and damage.
"""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg

from .planes import Planes

_ICC = b"ICC_PROFILE\0\x01\x01"  # one of one (ICC.1, annex B.4)


def decode(content: bytes) -> np.ndarray | None:
    """Samples uint8 `(1 or 3, H, W)` of a JPEG file, gray or sRGB; None where libvips has to: other kinds of JPEG, and damage."""
    try:
        *_, space, _ = simplejpeg.decode_jpeg_header(content)
        if space == "Gray":
            return simplejpeg.decode_jpeg(content, "GRAY").transpose(2, 0, 1)
        if space not in ("YCbCr", "RGB"):
            return None
        rgb = simplejpeg.decode_jpeg(content, "RGB")
    except (ValueError, KeyError, RuntimeError):  # KeyError: chroma halved downwards twice or in other rare ways
        return None
    planes = np.empty((3, *rgb.shape[:2]), np.uint8)
    cv2.split(rgb, list(planes))
    return planes


def is_complete(content: bytes) -> bool:
    """Whether a file can be decoded without a single warning."""
    try:
        *_, space, _ = simplejpeg.decode_jpeg_header(content)
        simplejpeg.decode_jpeg(content, {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(space, "RGB"))
    except (ValueError, KeyError, RuntimeError):
        return False
    return True


def encode(planes: Planes, quality: int, profile: bytes | None) -> bytes:
    """A JPEG file. quality: 1..100. profile: ICC, of less than 64 KB. Raises `ValueError` for more than 65,500 pixels a side."""
    if planes.cb.shape != planes.luma.shape:
        planes = planes._replace(luma=_view_of_even_padding(planes.luma))
    # Up to 95 libjpeg-turbo takes its quick DCT, which costs 0.1 to 0.5 dB at 92, but up to 2 at 95: there, one more makes up for it.
    made: bytes = simplejpeg.encode_jpeg_yuv_planes(*planes, quality=96 if quality == 95 else quality)
    if profile is None:
        return made
    return made[:2] + b"\xff\xe2" + (2 + len(_ICC) + len(profile)).to_bytes(2, "big") + _ICC + profile + made[2:]


def _view_of_even_padding(luma: np.ndarray) -> np.ndarray:
    """The same samples, as a view of a plane whose sides are even.

    Where chroma is halved, libjpeg-turbo reads PAD(H, 2) rows of PAD(W, 2) luma samples (`tj3CompressFromYUVPlanes8`), whatever size
    the picture has: of an odd one, it would read behind the plane.
    """
    height, width = luma.shape
    even = cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return even[:height, :width]
