"""Sources that go away while a run is under way are outcomes with their names, and the next run does what came back."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from batchcolor.app import Events, run_archive
from batchcolor.archive.item_settings import ItemSettings
from batchcolor.archive.outcome import Outcome, Status
from batchcolor.errors import BusyError
from batchcolor.settings import ModelSettings, RunOptions, Settings
from tests.films.made import Made, make_film
from tests.support import gradient, results


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        pyvips.Image.new_from_array(gradient(40, 50)).copy(interpretation="b-w").pngsave(str(tmp_path / "in" / name))
    make_film(tmp_path / "in" / "reel.mkv", Made(pts=range(0, 200, 40)))
    return tmp_path


def settings(weights: Path) -> ItemSettings:
    return ItemSettings(Settings(model=ModelSettings(weights=str(weights), device="cpu")))


class Outcomes(Events):
    """Remembers outcomes; `begun` is called once the plan is made."""

    def __init__(self, begun: object = None) -> None:
        self.found: dict[str, Outcome] = {}
        self._begun = begun

    def started(self, items: int) -> None:
        if callable(self._begun):
            self._begun()

    def finished(self, outcome: Outcome) -> None:
        self.found[outcome.source.name] = outcome


def test_sources_that_go_away_are_named_and_the_others_done(archive: Path, weights: Path) -> None:
    gone = {name: (archive / "in" / name).read_bytes() for name in ("b.png", "reel.mkv")}

    def remove() -> None:
        for name in gone:
            (archive / "in" / name).unlink()

    seen = Outcomes(remove)
    options = RunOptions(jobs=1, report=archive / "report.html", measure=True, content_hash=True, verify=True)
    run_archive([archive / "in"], archive / "out", settings(weights), options, events=seen)
    assert {name: outcome.status for name, outcome in seen.found.items()} == {
        "a.png": Status.DONE, "b.png": Status.FAILED, "reel.mkv": Status.FAILED,
    }  # fmt: skip
    for name, content in gone.items():
        assert str(archive / "in" / name) in (seen.found[name].error or "")
        (archive / "in" / name).write_bytes(content)
    assert results(archive / "out") == ["a.png"]
    assert (archive / "report.html").read_text("utf-8").count('"status":') == 3

    again = Outcomes()
    summary = run_archive([archive / "in"], archive / "out", settings(weights), options, events=again)
    assert (summary.exit_code, summary.up_to_date, set(again.found)) == (0, 1, set(gone))
    assert results(archive / "out") == ["a.png", "b.png", "reel.mkv"]


def test_two_runs_at_once_in_one_output_do_not_mix(archive: Path, weights: Path) -> None:
    def second() -> None:
        with pytest.raises(BusyError):
            run_archive([archive / "in"], archive / "out", settings(weights), RunOptions(jobs=1))

    summary = run_archive([archive / "in"], archive / "out", settings(weights), RunOptions(jobs=1), events=Outcomes(second))
    assert (summary.exit_code, summary.counts[Status.DONE]) == (0, 3)
