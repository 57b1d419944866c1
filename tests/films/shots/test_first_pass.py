"""How many frames a part of a film has, as far as headers tell; exact lightness of luma."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from batchcolor.color.conversion import KR_KB, YCbCr, gray_of_luma, lightness_of_gray
from batchcolor.films.input.lightness import lightness
from batchcolor.films.input.probe import FilmInfo
from batchcolor.films.input.time_range import TimeRange

INFO = FilmInfo(
    container="matroska", codec="h264", width=64, height=48, pixel_format="yuv420p", depth=8, rate=Fraction(25), frames=1000,
    duration_s=40.0, sar=Fraction(1), matrix="bt601", full_range=False, rotation=0, other_streams=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [(0, None, 1000), (30, None, 250), (10, 14, 100), (30, 90, 250), (50, None, 0), (0, 4, 100)],
)
def test_a_part_has_its_share_of_the_frames(start: int, end: int | None, frames: int) -> None:
    assert TimeRange(Fraction(start), None if end is None else Fraction(end)).frames(INFO) == frames


def test_an_unknown_length_is_not_guessed() -> None:
    assert TimeRange(Fraction(5)).frames(replace(INFO, frames=None)) is None
    assert TimeRange(Fraction(5)).frames(replace(INFO, duration_s=None)) == 1000  # at the most


@pytest.mark.parametrize("depth", [8, 10])
def test_lightness_is_that_of_a_gray_picture(depth: int) -> None:
    coding = YCbCr(*KR_KB["bt709"], depth=depth)
    luma = np.arange(2**depth).reshape(16, -1).astype(np.uint8 if depth == 8 else np.uint16)
    exact = lightness_of_gray(gray_of_luma(luma.astype(np.float32), coding))
    np.testing.assert_allclose(lightness(luma, coding), exact, atol=1e-4)
    np.testing.assert_array_equal(lightness(luma[::2, ::2], coding), lightness(luma, coding)[::2, ::2])
