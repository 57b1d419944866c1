"""What a user sees during a run, on a terminal and in a log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.plan import Item
from batchcolor.archive.walk import Kind
from batchcolor.cli.display import Display, Displays, Live, Plain, Quiet, display_for
from batchcolor.errors import ExitCode
from batchcolor.films import FilmProgress

# Brackets are markup to rich, and quite usual in names of files.
ODD_NAMES = ["scan [old].jpg", "a[/b].jpg", "[red]rose.jpg", "plain.jpg"]


def outcome(name: str, *, error: str | None = None, frames: int | None = None, warnings: tuple[str, ...] = ()) -> Outcome:
    kind = Kind.FILM if frames is not None else Kind.PHOTO
    status, code = (Status.FAILED, ExitCode.NOTHING_READABLE) if error else (Status.DONE, ExitCode.OK)
    return Outcome(Path("in") / name, Path("out") / name, kind, status, 1.5, frames, warnings, error, code)


def film(name: str) -> Item:
    return Item(Path("in") / name, Path("out") / name, Kind.FILM)


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)


def shown(terminal: Console) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_terminal_shows_names_as_they_are(terminal: Console, name: str) -> None:
    with Live(terminal) as display:
        display.note(f"note of {name}")
        display.film_progress(film(f"film {name}"), FilmProgress(3, 10))
        display.finished(outcome(name, error=f"in/{name}: cannot be decoded", warnings=(f"warning of {name}",)))
    for text in (
        f"note of {name}",
        Path(f"film {name}").name,
        f"Error: in/{name}: cannot be decoded",
        f"Warning: warning of {name}",
    ):
        assert text in shown(terminal)


def test_a_terminal_counts_items_and_frames(terminal: Console) -> None:
    with Live(terminal) as display:
        display.started(2)
        display.film_progress(film("reel.mkv"), FilmProgress(7, 90))
        display._progress.refresh()
        display.finished(outcome("reel.mkv", frames=90))
    assert "7/90 frames" in " ".join(shown(terminal).split())
    assert "fps" in shown(terminal)
    assert "1/2 items" in " ".join(shown(terminal).split())


def test_a_film_of_unknown_length_is_shown_as_well(terminal: Console) -> None:
    with Live(terminal) as display:
        display.film_progress(film("reel.mkv"), FilmProgress(7, None))
        display._progress.refresh()
    assert "7/?" in "".join(shown(terminal).split())


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_log_gets_one_line_an_item(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with Plain() as display:
        display.started(3)
        display.finished(outcome(name))
        display.finished(outcome(name, error=f"in/{name}: is empty"))
        display.finished(outcome(name, frames=48, warnings=("a stream is left out",)))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"[1/3] {Path('out') / name} (1.50 s)",
        f"Error: in/{name}: is empty",
        "Warning: a stream is left out",
        f"[3/3] {Path('out') / name} (1.50 s, 48 frames)",
    ]


def test_a_log_gets_a_line_every_ten_seconds_of_a_film(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("batchcolor.cli.display.time.monotonic", lambda: float(next(clock)))
    display = Plain()  # at 0 s
    for frames in range(1, 8):
        display.film_progress(film("reel.mkv"), FilmProgress(frames * 10, 500 if frames < 5 else None))  # at 4, 8, ... 28 s
    assert capsys.readouterr().err.splitlines() == ["reel.mkv: frame 30 of about 500", "reel.mkv: frame 60"]


def test_quiet_shows_errors_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Quiet() as display:
        display.note("note")
        display.film_progress(film("reel.mkv"), FilmProgress(1, 2))
        display.finished(outcome("a.jpg", warnings=("a warning",)))
        display.finished(outcome("b.jpg", error="in/b.jpg: is empty"))
    assert capsys.readouterr() == ("", "Error: in/b.jpg: is empty\n")


def test_the_display_fits_where_stderr_goes() -> None:
    def shown_by(display: Display) -> list[type]:
        assert isinstance(display, Displays)
        return [type(each) for each in display.displays]

    assert shown_by(display_for(quiet=True)) == [Quiet]
    assert shown_by(display_for()) == [Plain]  # pytest's stderr is not a terminal
