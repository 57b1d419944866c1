"""Commands start quickly, stop quickly, and leave nothing unfinished."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import pyvips

from batchcolor.cli import COMMANDS, cli
from batchcolor.errors import ExitCode
from batchcolor.runtime.atomic_write import PREFIX
from tests.films.made import Made, make_film
from tests.support import commands_of, gradient, results

pty = pytest.importorskip("pty", reason="terminals and signals of POSIX")

HEAVY = {"torch", "openvino", "cv2", "pyvips", "av", "numpy", "skimage", "safetensors", "httpx"}
STOPS_WITHIN_S = 10.0
PHOTOS = 600
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor movements


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in commands_of(group):
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_help_of_a_command_imports_nothing_heavy(path: tuple[str, ...]) -> None:
    """`-X importtime` names every import of the process, whatever becomes of it."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "batchcolor", *path, "--help"], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}
    assert "batchcolor.cli" in imported
    assert imported & HEAVY == set()
    assert ran.stdout.startswith("Usage: batchcolor")


def test_the_list_of_commands_matches_their_own_help() -> None:
    assert {name: command.get_short_help_str(200) for name, command in commands_of(cli)} == COMMANDS


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with more photos than can be done before anybody stops it: one file, many names."""
    folder = tmp_path_factory.mktemp("photos")
    pixels = pyvips.Image.new_from_array(gradient(600, 800)).copy(interpretation="b-w")
    pixels.write_to_file(str(folder / "photo-000.png"))
    for n in range(1, PHOTOS):
        (folder / f"photo-{n:03}.png").hardlink_to(folder / "photo-000.png")
    return folder


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of a pan over noise, which no encoder is quick with."""
    noise = np.random.default_rng(0).integers(0, 256, (240, 640), np.uint8)
    made = Made(
        width=320,
        height=240,
        codec="mpeg4",
        pts=tuple(range(0, 30_000, 40)),
        picture=lambda n, height, width: noise[:height, n % 300 : n % 300 + width],
    )
    return make_film(tmp_path_factory.mktemp("film") / "reel.mkv", made)


class Running:
    """batchcolor in a process of its own, seen through its stderr: a pipe, or a terminal."""

    def __init__(self, arguments: tuple[object, ...], *, on_terminal: bool) -> None:
        reader, writer = pty.openpty() if on_terminal else os.pipe()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150"}
        command = [sys.executable, "-m", "batchcolor", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer, env=environment)
        os.close(writer)
        self.said = ""
        self._reader = reader

    def wait_for(self, pattern: str) -> None:
        """Read until the process has said it; fails where it ends before."""
        while not re.search(pattern, self.said):
            assert self._read(), f"ended without saying {pattern!r}, but: {self.said[-500:]}"

    def stop_by(self, *signals: signal.Signals) -> float:
        """Send them one after the other and wait for the end; returns how many seconds that took."""
        begun = time.monotonic()
        for number in signals:
            self.process.send_signal(number)
        while self._read():
            pass
        self.process.wait(60)
        return time.monotonic() - begun

    def _read(self) -> bool:
        try:
            data = os.read(self._reader, 1 << 16)
        except OSError:  # a terminal whose other side is closed
            data = b""
        self.said += _ANSI.sub("", data.decode(errors="replace"))
        return bool(data)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._reader)


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*arguments: object, on_terminal: bool = False) -> Running:
        started.append(Running(arguments, on_terminal=on_terminal))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def colorizing(running: Callable[..., Running], weights: Path) -> Callable[..., Running]:
    return functools.partial(running, "colorize", "--weights", weights, "--device", "cpu", "--jobs", 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_run_over_photos_ends_with_130_and_whole_files(
    colorizing: Callable[..., Running], photos: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = colorizing(photos, "--output", tmp_path / "out")
    run.wait_for(r"\[5/600\]")
    seconds = run.stop_by(number)
    assert run.process.returncode == ExitCode.INTERRUPTED
    assert seconds < STOPS_WITHIN_S
    assert "Traceback" not in run.said
    done = [tmp_path / "out" / name for name in results(tmp_path / "out")]
    assert 5 <= len(done) < PHOTOS
    assert [path.name for path in done if path.name.startswith(PREFIX)] == []
    for path in done:
        picture = pyvips.Image.new_from_file(str(path), fail_on="truncated")
        assert (picture.height, picture.width, picture.bands) == (600, 800, 3)
        picture.avg()  # decodes it to its end
    (counted,) = re.findall(r"(\d+) done, 0 failed, (\d+) left in", run.said)
    assert [int(n) for n in counted] == [len(done), PHOTOS - len(done)]
    assert len(list(photos.iterdir())) == PHOTOS


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGINT,), pytest.param((signal.SIGTERM,), marks=pytest.mark.slow), (signal.SIGINT, signal.SIGINT)],
    ids=["Ctrl-C", "SIGTERM", "twice"],
)
def test_a_film_stopped_in_the_middle_leaves_no_result(
    colorizing: Callable[..., Running], film: Path, tmp_path: Path, signals: tuple[signal.Signals, ...]
) -> None:
    run = colorizing(film, "--output", tmp_path / "out", on_terminal=True)
    run.wait_for(r"reel\.mkv.*[1-9]\d\d/750 +frames")
    assert any(path.name.startswith(PREFIX) for path in (tmp_path / "out").iterdir())  # it is under way
    seconds = run.stop_by(*signals)
    assert run.process.returncode == ExitCode.INTERRUPTED
    assert seconds < STOPS_WITHIN_S
    assert "Traceback" not in run.said
    assert results(tmp_path / "out") == []


def test_other_commands_end_with_130_as_well(running: Callable[..., Running], weights: Path, tmp_path: Path) -> None:
    run = running("demo", "--output", tmp_path / "demo", "--weights", weights)
    run.wait_for("Making black-and-white input")
    assert run.stop_by(signal.SIGTERM) < STOPS_WITHIN_S
    assert run.process.returncode == ExitCode.INTERRUPTED
    assert run.said.endswith("Interrupted.\n")
    assert [path for path in (tmp_path / "demo").rglob("*") if path.name.startswith(PREFIX)] == []
