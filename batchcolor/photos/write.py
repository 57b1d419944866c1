"""Writing photos with libvips: same format, depth, resolution and metadata as the source, under a temporary name first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyvips

from ..aside import written_aside
from ..errors import OutputError
from .read import PhotoInfo
from .stream import RowImage

_KEPT_FIELDS = ("exif-data", "xmp-data", "iptc-data", "orientation", "resolution-unit")


def _jpeg(image: pyvips.Image, path: str, quality: int) -> None:
    image.jpegsave(path, Q=quality, optimize_coding=True, subsample_mode="off" if quality >= 90 else "auto")


def _png(image: pyvips.Image, path: str, _quality: int) -> None:
    image.pngsave(path)


def _tiff(image: pyvips.Image, path: str, _quality: int) -> None:
    large = image.width * image.height * image.bands * (2 if image.format == "ushort" else 1) > 2**32 - 2**24
    image.tiffsave(path, compression="deflate", predictor="horizontal", bigtiff=large)


def _webp(image: pyvips.Image, path: str, quality: int) -> None:
    image.webpsave(path, Q=quality)


# To add a format, add its suffixes here and in `suffixes.PHOTO_SUFFIXES`.
ENCODERS: dict[str, Callable[[pyvips.Image, str, int], None]] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), _jpeg),
    **dict.fromkeys((".tif", ".tiff"), _tiff),
    ".png": _png,
    ".webp": _webp,
}
_EIGHT_BIT_ONLY = {_jpeg, _webp}


def result_depth(info: PhotoInfo, suffix: str) -> int:
    """Bits a sample of the result: the source's, where the format can hold them. Raises `OutputError` for an unknown suffix."""
    if suffix.lower() not in ENCODERS:
        raise OutputError(f"{suffix}: not a format that photos are written in; use {', '.join(sorted(ENCODERS))}")
    return 8 if ENCODERS[suffix.lower()] in _EIGHT_BIT_ONLY else info.depth


def write(rows: Iterable[np.ndarray], size: tuple[int, int], like: pyvips.Image, target: Path, *, quality: int) -> None:
    """Encode `rows` (uint8 or uint16 `(n, W, 3 or 4)`, together `size` = (height, width)) to `target`, in the format of its suffix.

    like: the source, whose resolution, EXIF, XMP and IPTC are kept; a profile becomes sRGB's. Raises `OutputError`; errors of `rows`
    pass through; either way nothing stays under the final name, nor beside it.
    """
    with written_aside(target) as aside:
        whole = RowImage(rows, size)
        try:
            ENCODERS[target.suffix.lower()](_with_metadata(whole.image, like), str(aside), quality)
        except pyvips.Error as exc:
            whole.reraise()
            reason = (str(exc).strip().splitlines() or ["unknown"])[-1]
            raise OutputError(
                f"{target}: cannot be written ({reason}); check the folder, its permissions and free space"
            ) from exc
        whole.reraise()


def _with_metadata(image: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    image = image.copy(interpretation="rgb16" if image.format == "ushort" else "srgb", xres=like.xres, yres=like.yres)
    present = set(like.get_fields())
    for name in _KEPT_FIELDS:
        if name in present:
            image.set_type(like.get_typeof(name), name, like.get(name))
    if "icc-profile-data" in present:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", pyvips.Operation.call("profile_load", "srgb"))
    return image
