"""Files of chosen colours: what they hold, and what is said about wrong ones."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchcolor.colours import ColoursFolder, ItemColours, Point, read_item, write_item
from batchcolor.colours.files import SUFFIX, read_palette, read_rules
from batchcolor.colours.values import Colour, Span, of_hex
from batchcolor.errors import UsageError

WHOLE = """
version = 1

[[point]]
at = [0.42, 0.31]
colour = "#7a1f2b"
note = "museum inv. 1977-12"

[[point]]
time = "00:01:12.480"
at = [0.6, 0.5]
colour = "garnet"
through = "2s"
size = 0.05

[[reference]]
picture = "harbour-001799.png"
frame = 1799

[[mask]]
picture = "sky.png"

[[shot]]
time = "00:03:00"
saturation = 0.7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("harbour-001799.png", "sky.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "palette.toml").write_text('garnet = { colour = "#7a1f2b", source = "plate 4" }\n')
    return tmp_path


def test_a_file_is_read_as_it_is_meant(folder: Path) -> None:
    (folder / "harbour.mkv.colours.toml").write_text(WHOLE)
    found = ColoursFolder.open(folder).of(PurePath("harbour.mkv"))
    assert found is not None
    coat, garnet = found.points
    assert coat == Point((0.42, 0.31), of_hex("#7a1f2b"), note="museum inv. 1977-12")
    assert (garnet.time, garnet.colour, garnet.through) == (72.48, of_hex("#7a1f2b"), Span("duration", 2.0))
    assert found.references[0].frame == 1799
    assert found.masks[0].colour.ab == (0, 0)
    assert (found.shots[0].time, found.shots[0].saturation) == (180, 0.7)


def test_the_colour_of_a_code_is_that_of_the_standard() -> None:
    red = of_hex("#ff0000")
    assert (red.a, red.b) == pytest.approx((80.11, 67.22), abs=0.02)  # the matrix of IEC 61966-2-1 with four digits


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[point]]", "begin it with: version = 1"),
        ("version = 2", "begin it with: version = 1"),
        ("version = 1\nponit = 1", "did you mean point"),
        ("version = 1\n[point]\nat = [0, 0]", r"write it as \[\[point\]\]"),
        ("version = 1\n[[point]]\nat = [0.5, 0.5]", "point 1 has no colour"),
        ('version = 1\n[[point]]\nat = [1.5, 0.5]\ncolour = "#000000"', "outside the picture; give x and y"),
        ('version = 1\n[[point]]\nat = [0.5]\ncolour = "#000000"', "give x and y"),
        ('version = 1\n[[point]]\nat = [0.5, 0.5]\ncolour = "azur"', "unknown colour name"),
        ('version = 1\n[[point]]\nat = [0.5, 0.5]\ncolour = "gray"\nsize = 0', "over 0"),
        ('version = 1\n[[point]]\nat = [0.5, 0.5]\ncolour = "gray"\ncolor = "gray"', "did you mean colour"),
        ('version = 1\n[[point]]\nat = [0.5, 0.5]\ncolour = "gray"\ntime = 1\nframe = 1', "give one of them"),
        ('version = 1\n[[point]]\nat = [0.5, 0.5]\ncolour = "gray"\ntime = "noon"', "give a time"),
        ('version = 1\n[[point]]\nat = [0.5, 0.5]\ncolour = "gray"\nthrough = "film"', 'give "shot"'),
        ('version = 1\n[[reference]]\npicture = "gone.png"', "there is no file"),
        ("version = 1\n[[shot]]\ntime = 1\nsaturation = -1", "from 0 to 10"),
        ("version = 1\n[[point", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_file_and_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "a.jpg.colours.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=sentence) as raised:
        read_item(path)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[rule]]\nchroma = [5, 45]", "rule 1 has no then"),
        ("[[rule]]\nchroma = [45, 5]\nthen = { chroma = 0.5 }", "the smaller first"),
        ("[[rule]]\nthen = {}", "give chroma, hue or colour"),
        ('[[rule]]\nthen = { hue = "20" }', "with its sign"),
        ("[[rule]]\nhue = [0, 400]\nthen = { chroma = 0.5 }", "from 0 to 360"),
    ],
)
def test_a_wrong_rule_says_so(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(UsageError, match=sentence):
        read_rules(tmp_path / "rules.toml")


def test_rules_hold_for_the_items_that_their_glob_names(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        "[[rule]]\nitems = 'portraits/**'\nthen = { chroma = 0.5 }\n[[rule]]\nitems = '*.jpg'\nthen = { hue = '+10' }\n"
    )
    folder = ColoursFolder.open(tmp_path)
    assert [rule.then.chroma for rule in folder.rules_of(PurePath("portraits/1910/a.jpg"))] == [0.5]
    assert [rule.then.hue for rule in folder.rules_of(PurePath("a.jpg"))] == [10]
    assert folder.rules_of(PurePath("other/a.png")) == ()


def test_a_palette_says_where_its_colours_are_from(folder: Path) -> None:
    assert read_palette(folder / "palette.toml").colours["garnet"].source == "plate 4"


def digest(folder: Path, item: PurePath) -> str:
    chosen = ColoursFolder.open(folder).chosen(item)
    assert chosen is not None
    return chosen.digest


@pytest.mark.parametrize("change", ["point", "palette", "picture", "rule"])
def test_the_digest_follows_everything_that_shapes_the_colours(folder: Path, change: str) -> None:
    path = folder / "harbour.mkv.colours.toml"
    path.write_text(WHOLE)
    item, other = PurePath("harbour.mkv"), PurePath("other.jpg")
    before = digest(folder, item)
    path.write_text(WHOLE + "# a remark changes nothing\n")
    assert digest(folder, item) == before
    if change == "point":
        path.write_text(WHOLE.replace("0.42", "0.43"))
    elif change == "palette":
        (folder / "palette.toml").write_text('garnet = { colour = "#7a1f2c" }\n')
    elif change == "picture":
        cv2.imwrite(str(folder / "sky.png"), np.ones((8, 8, 3), np.uint8))
    else:
        (folder / "rules.toml").write_text("[[rule]]\nitems = '*.mkv'\nthen = { chroma = 0.5 }\n")
    assert digest(folder, item) != before
    assert ColoursFolder.open(folder).chosen(other) is None


@given(
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    size=st.floats(1e-4, 1),
    page=st.integers(1, 500),
    note=st.text(st.characters(codec="utf-8"), max_size=40),
    rgb=st.integers(0, 0xFFFFFF),
    seconds=st.floats(0.001, 9999),
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, size: float, page: int, note: str, rgb: int, seconds: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "roundtrip.colours.toml"
    point = Point((x, y), of_hex(f"#{rgb:06x}"), size, page, note=note, time=seconds, through=Span("frame"))
    gray = Point((y, x), Colour(0.0, 0.0, "gray"))
    write_item(path, ItemColours(points=(point, gray)))
    assert read_item(path).points == (point, gray)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_files_count_as_chosen_colours(tmp_path: Path) -> None:
    (tmp_path / f"a.jpg{SUFFIX}").write_text("version = 1\n")
    os.mkfifo(tmp_path / f"b.jpg{SUFFIX}")
    os.mkfifo(tmp_path / "palette.toml")
    assert list(ColoursFolder.open(tmp_path).files()) == [tmp_path / f"a.jpg{SUFFIX}"]
