"""Photos: read, colorize in batches, merge at full size, write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..colorizer import Colorizer
from ..errors import BatchcolorError
from ..settings import PhotoSettings
from ..upscale import UPSCALERS, ChromaMap, refined
from .merge import as_stored, merge
from .read import PhotoInfo, PhotoRows, probe, small_lightness
from .write import ENCODERS, result_depth, write

__all__ = ["ENCODERS", "PhotoInfo", "colorize_photos", "probe"]


def colorize_photos(
    pairs: Sequence[tuple[Path, Path]], colorizer: Colorizer, settings: PhotoSettings, *, saturation: float = 1.0
) -> Iterator[BatchcolorError | None]:
    """Colorize each (source, target); yields, in order, None for a photo that was written or the error that kept it from being so.

    The network sees all of them at once; full-size pixels are held for one photo at a time. Raises only what concerns all
    (`DeviceError`).
    """
    small: dict[int, np.ndarray] = {}
    failed: dict[int, BatchcolorError] = {}
    for index, (source, _) in enumerate(pairs):
        try:
            small[index] = small_lightness(source, colorizer.network_shape(*probe(source).upright_size))
        except BatchcolorError as exc:
            failed[index] = exc
    chroma = dict(zip(small, colorizer.ab(list(small.values())), strict=True))
    for index, (source, target) in enumerate(pairs):
        if index in small:
            try:
                upscaled = UPSCALERS[settings.upscaling](small[index], chroma[index] * np.float32(saturation))
                _write_colored(source, target, upscaled, settings)
            except BatchcolorError as exc:
                failed[index] = exc
        yield failed.get(index)


def _write_colored(source: Path, target: Path, chroma: ChromaMap, settings: PhotoSettings) -> None:
    rows = PhotoRows(source)
    depth = result_depth(rows.info, target.suffix)
    size = (rows.info.height, rows.info.width)
    stored = refined(as_stored(chroma, rows.info.orientation), *size)
    merged = merge(rows, stored, rows.info.height, depth)
    write(merged, size, rows.image, target, quality=settings.quality)
