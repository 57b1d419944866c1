"""Settings take what their schema says, whoever makes them, and equal results have equal digests."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchcolor.errors import UsageError
from batchcolor.settings import ColorSettings, FilmSettings, ModelSettings, PhotoSettings, RunOptions, Settings
from batchcolor.settings.option_types import option_fields, parse_duration

KINDS = (ModelSettings, ColorSettings, PhotoSettings, FilmSettings, RunOptions)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_values_of_their_own_schema(kind: type) -> None:
    made = kind()
    for field in option_fields(kind):
        assert field.parse(getattr(made, field.name)) == field.default
        assert field.about.help[0].isupper() or field.about.help.startswith("local:")
        assert field.about.help.endswith(".")


@given(value=st.one_of(st.floats(), st.integers(), st.text(max_size=5), st.none(), st.booleans()))
def test_saturation_is_a_finite_number_in_its_range_or_refused(value: object) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 3
    if good:
        assert ColorSettings(saturation=value).saturation == value  # type: ignore[arg-type]
    else:
        with pytest.raises(UsageError, match="saturation: "):
            ColorSettings(saturation=value)  # type: ignore[arg-type]


def test_a_wrong_setting_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="quality: 101 is not between 1 and 100"):
        PhotoSettings(quality=101)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("45m", 2700), ("1h30m", 5400), ("2d", 172800), ("1.5s", 1.5), (7, 7), (0.25, 0.25)]
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "1x", "-5", "1h-2m", "nan", "inf", "9" * 5000, "1" * 400 + "d", None, [1], True])
def test_invalid_durations_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_duration(text)


def test_digests_follow_what_shapes_a_result_and_nothing_else() -> None:
    plain = Settings()
    photos = {
        replace(plain, photo=PhotoSettings(quality=80)),
        replace(plain, color=ColorSettings(saturation=0.5)),
        replace(plain, model=ModelSettings(network_size=320)),
    }
    assert len({each.photo_digest() for each in photos} | {plain.photo_digest()}) == 4
    films = {
        replace(plain, film=FilmSettings(crf=20)),
        replace(plain, film=FilmSettings(cuts=(1.0, 2.0))),
        replace(plain, color=ColorSettings(upscaling="bicubic")),
    }
    assert len({each.film_digest() for each in films} | {plain.film_digest()}) == 4
    for same in (
        replace(plain, model=ModelSettings(batch_size=2, device="cpu", engine="torch")),
        replace(plain, film=FilmSettings(shots=Path("lists"))),
    ):
        assert (same.photo_digest(), same.film_digest()) == (plain.photo_digest(), plain.film_digest())
    assert replace(plain, film=FilmSettings(crf=20)).photo_digest() == plain.photo_digest()
