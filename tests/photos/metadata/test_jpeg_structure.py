"""Markers of JPEGs are found wherever they are."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from batchcolor.photos.metadata.jpeg_structure import next_marker

_BYTES = st.lists(st.sampled_from([0x00, 0x01, 0x41, 0xD0, 0xD7, 0xD8, 0xD9, 0xFE, 0xFF, 0xFF]), max_size=12).map(bytes)


@given(before=st.integers(0, 150), near=_BYTES, between=st.integers(0, 150), far=_BYTES, at=st.integers(0, 160))
def test_the_next_marker_is_the_first_that_is_no_stuffing_and_no_restart(
    before: int, near: bytes, between: int, far: bytes, at: int
) -> None:
    content = bytes(before) + near + bytes(between) + far
    expected = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])").search(content, at)
    assert next_marker(content, at) == (None if expected is None else (expected[1][0], expected.end()))
