"""What a run was told is remembered, and some of its items can be redone alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from batchcolor.app import Events, redo_archive, run_archive
from batchcolor.archive.item_settings import ItemSettings, Override
from batchcolor.archive.last_run import LastRun
from batchcolor.archive.outcome import Outcome
from batchcolor.errors import UsageError
from batchcolor.settings import ColorSettings, FilmSettings, ModelSettings, PhotoSettings, RunOptions, Settings
from tests.support import gradient

SETTINGS = ItemSettings(
    Settings(
        model=ModelSettings(network_size=128),
        color=ColorSettings(saturation=0.5),
        photo=PhotoSettings(provenance=False),
        film=FilmSettings(shots=Path("lists").absolute(), duration=90.0),
    ),
    (Override.parse("a/**", {"quality": 80}),),
)


def test_what_was_told_comes_back_as_it_was() -> None:
    last = LastRun((Path("/scans"), Path("/reel.mkv")), SETTINGS)
    assert LastRun.from_json(last.to_json()) == last
    assert LastRun.from_json(LastRun((), ItemSettings()).to_json()) == LastRun((), ItemSettings())


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"sources": [], "options": {"crf": 99}, "overrides": []}'])
def test_what_cannot_be_read_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="run `batchcolor colorize` once more"):
        LastRun.from_json(text)


def test_chosen_items_are_redone_with_the_settings_of_the_run_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        pyvips.Image.new_from_array(gradient(40, 60)).copy(interpretation="b-w").jpegsave(str(tmp_path / "in" / f"{name}.jpg"))
    output = tmp_path / "out"
    settings = ItemSettings(Settings(color=ColorSettings(saturation=0.0)))
    assert run_archive([tmp_path / "in"], output, settings, RunOptions(jobs=1)).failed == 0
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in output.glob("*.jpg")}

    class Heard(Events):
        def __init__(self) -> None:
            self.names: list[str] = []

        def finished(self, outcome: Outcome) -> None:
            self.names.append(outcome.source.name)

    heard = Heard()
    summary = redo_archive(output, {output / "b.jpg"}, events=heard)
    assert (heard.names, summary.failed, summary.left) == (["b.jpg"], 0, 0)
    after = {path.name: (path.stat().st_ino, path.read_bytes()) for path in output.glob("*.jpg")}
    assert [name for name in sorted(after) if after[name][0] != before[name][0]] == ["b.jpg"]
    assert {name: content for name, (_, content) in after.items()} == {name: content for name, (_, content) in before.items()}


def test_a_tree_of_no_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say how it was made"):
        redo_archive(tmp_path, {tmp_path / "a.jpg"})
