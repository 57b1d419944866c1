"""Rows streamed to libvips arrive unchanged, and errors in them are raised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import pyvips

from batchcolor.errors import SourceError
from batchcolor.photos import stream


def strips(pixels: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    for top in range(0, len(pixels), rows):
        yield pixels[top : top + rows]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("limit", [0, 1 << 30], ids=["streamed", "in memory"])
def test_rows_arrive_as_they_are(dtype: type, bands: int, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_IN_MEMORY_BYTES", limit)
    pixels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (301, 207, bands), dtype=dtype, endpoint=True)
    whole = stream.RowImage(strips(pixels, 32), (301, 207))
    np.testing.assert_array_equal(whole.image.numpy(), pixels)
    whole.reraise()


@pytest.mark.parametrize("limit", [0, 1 << 30], ids=["streamed", "in memory"])
def test_an_error_in_the_rows_is_raised_not_swallowed(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_IN_MEMORY_BYTES", limit)

    def broken() -> Iterator[np.ndarray]:
        yield np.zeros((10, 50, 3), np.uint8)
        raise SourceError("cut off")

    def read() -> None:
        whole = stream.RowImage(broken(), (400, 50))
        try:
            whole.image.avg()
        except pyvips.Error:
            whole.reraise()
            raise
        whole.reraise()

    with pytest.raises(SourceError, match="cut off"):
        read()
