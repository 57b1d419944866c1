"""Settings of single items: patterns of names, and lists of shots."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor.archive.item_settings import ItemSettings, Override, per_item_options
from batchcolor.archive.plan import plan
from batchcolor.archive.walk import Found, Kind
from batchcolor.errors import UsageError
from batchcolor.settings import FilmSettings, Settings


def found(name: str) -> Found:
    return Found(Path("in") / name, Path(name), Kind.FILM if name.endswith(".mkv") else Kind.PHOTO)


def test_a_pattern_changes_the_items_that_it_matches_and_later_ones_win() -> None:
    settings = ItemSettings(
        overrides=(
            Override.parse("reels/**", {"crf": 30, "saturation": 0.5}),
            Override.parse("reels/1923/*", {"crf": 12}),
            Override.parse("*.tif", {"color-pages": "recolor"}),
        )
    )
    old, new = settings.for_item(found("reels/1923/a.mkv")), settings.for_item(found("reels/b.mkv"))
    assert (old.film.crf, old.color.saturation) == (12, 0.5)
    assert (new.film.crf, new.color.saturation) == (30, 0.5)
    assert settings.for_item(found("deep/down/x.tif")).photo.color_pages == "recolor"
    assert settings.for_item(found("other.jpg")) == Settings()


def test_items_with_equal_settings_share_them() -> None:
    settings = ItemSettings(overrides=(Override.parse("a/**", {"quality": 80}),))
    assert settings.for_item(found("a/1.jpg")) is settings.for_item(found("a/2.jpg"))


@pytest.mark.parametrize("name", ["weights", "jobs", "no-such-option", "device"])
def test_what_belongs_to_the_whole_run_cannot_differ_between_items(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is not an option that can differ"):
        Override.parse("a/**", {name: "x"})
    assert name not in per_item_options()


def test_a_folder_of_lists_gives_each_film_its_shots(tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    (lists / "reels").mkdir(parents=True)
    (lists / "reels" / "a.mkv.csv").write_text("shot,start_s,end_s,frames\n1,0,2,50\n2,2,4,50\n")
    settings = ItemSettings(Settings(film=FilmSettings(shots=lists)))
    assert settings.for_item(found("reels/a.mkv")).film.cuts == (0.0, 2.0)
    assert settings.for_item(found("reels/b.mkv")).film.cuts is None


def test_the_format_of_an_item_names_its_result(tmp_path: Path) -> None:
    for name in ("a.tif", "web/b.tif"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    settings = ItemSettings(overrides=(Override.parse("web/**", {"format": "jpg"}),))
    targets = [item.target for item in plan([tmp_path / "in"], tmp_path / "out", settings).items]
    assert targets == [tmp_path / "out" / "a.tif", tmp_path / "out" / "web" / "b.tif.jpg"]
