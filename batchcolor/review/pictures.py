"""Pictures for the page: thumbnails and screen-size copies of photos, and frames of films, upright and in sRGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import SourceError
from ..runtime.libvips import pyvips

SCREEN = 1400  # pixels of the longer side of a picture on the page
_THUMBNAIL_QUALITY, _SCREEN_QUALITY = 60, 88


def photo_pixels(path: Path, side: int, page: int = 1) -> np.ndarray:
    """A page of a photo, uint8 sRGB `(h, w, 3)`, in a box of `side` pixels. Raises `SourceError`."""
    try:
        name = f"{path}[page={page - 1}]" if page > 1 else str(path)
        image = pyvips.Image.thumbnail(name, side, height=side, size="down", export_profile="srgb")
        if image.hasalpha():
            image = image.flatten(background=[128])
        image = image.colourspace("srgb").cast("uchar")
        pixels: np.ndarray = image.numpy()
    except (pyvips.Error, UnicodeEncodeError) as exc:
        reason = (str(exc).strip().splitlines() or ["unknown"])[-1]
        raise SourceError(f"{path}: cannot be shown ({reason})") from exc
    return np.ascontiguousarray(pixels if pixels.shape[-1] == 3 else np.repeat(pixels[..., :1], 3, 2))


def film_pixels(path: Path, seconds: float, side: int) -> np.ndarray:
    """The frame of a film that is shown at a time, uint8 sRGB `(h, w, 3)`, upright, in a box of `side` pixels. Raises `SourceError`."""
    import av

    from ..films.input.probe import picture_stream, reading

    with reading(path) as container:
        stream = picture_stream(path, container)
        begins = container.start_time or 0
        container.seek(begins + int(seconds * av.time_base), backward=True)
        chosen = None
        for frame in container.decode(stream):
            if chosen is not None and frame.time is not None and frame.time - begins / av.time_base > seconds + 1e-6:
                break
            chosen = frame
        if chosen is None:
            raise SourceError(f"{path}: there is no frame at {seconds:g} s")
        pixels = chosen.to_ndarray(format="rgb24")
        turns = round(chosen.rotation / 90) % 4
        sar = float(stream.sample_aspect_ratio or 1)
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")
    if abs(sar - 1) > 1e-3:
        image = image.resize(sar, vscale=1)
    image = image.thumbnail_image(side, height=side, size="down")
    return np.ascontiguousarray(np.rot90(image.numpy(), turns))


def encoded(pixels: np.ndarray, *, thumbnail: bool = False) -> bytes:
    """uint8 sRGB `(h, w, 3)` as WebP (thumbnails) or JPEG."""
    image = pyvips.Image.new_from_memory(pixels.data, pixels.shape[1], pixels.shape[0], 3, "uchar").copy(interpretation="srgb")
    data: bytes = image.webpsave_buffer(Q=_THUMBNAIL_QUALITY) if thumbnail else image.jpegsave_buffer(Q=_SCREEN_QUALITY)
    return data
