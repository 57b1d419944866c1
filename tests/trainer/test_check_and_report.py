"""Looking at data before a run and at figures after it."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.conftest import encoded, shard, write
from tests.trainer.test_runs import command, run_arguments, trainer
from trainer.report import Table, read_rows


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with good, gray, broken and pictures too small, and a shard cut off in the middle."""
    data = tmp_path / "data"
    for n in range(4):
        write(data / "good" / f"{n}.jpg", n)
    write(data / "gray" / "a.jpg", 5, gray=True)
    write(data / "good" / "small.png", 6, side=20)
    (data / "good" / "broken.jpg").write_bytes(b"not a picture")
    whole = shard(tmp_path / "whole.tar", {f"{n}.jpg": encoded(n) for n in range(6)}).read_bytes()
    (data / "cut-000.tar").write_bytes(whole[: len(whole) // 2])
    return data


def test_check_counts_what_is_usable(mixed: Path) -> None:
    ran = trainer("data", "check", mixed, "--crop", 64, "--json")
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    by_key = {row["key"]: row for row in rows[:-1]}
    good = next(row for key, row in by_key.items() if key.endswith("good"))
    assert (good["pictures"], good["usable"], good["broken"], good["small"]) == (6, 5, 1, 1)
    assert good["broken_names"] == ["broken.jpg"]
    assert next(row for key, row in by_key.items() if key.endswith("gray"))["gray"] == 1
    assert 0 < by_key["cut"]["usable"] < 6
    assert rows[-1]["total"]["broken"] == 1
    assert "damaged shard" in ran.stderr


def test_check_is_a_table_for_people(mixed: Path) -> None:
    ran = trainer("data", "check", mixed, "--source-weight", "cut:2.5")
    assert ran.returncode == 0
    assert "cannot be decoded: broken.jpg" in ran.stdout
    assert "2.5" in next(line for line in ran.stdout.splitlines() if line.startswith("cut"))


def test_what_counts_as_gray_or_pale_is_an_option(mixed: Path) -> None:
    ran = trainer("data", "check", mixed / "good", "--gray-below", 0, "--pale-below", 256, "--json")
    assert ran.returncode == 0, ran.stderr
    row = json.loads(ran.stdout.splitlines()[0])
    assert (row["gray"], row["pale"]) == (0, 5)
    ran = trainer("data", "check", mixed / "good", "--gray-below", 256)
    assert ran.returncode == 3


def test_nothing_to_learn_from_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "gray" / "a.jpg", 1, gray=True)
    ran = trainer("data", "check", tmp_path / "gray")
    assert ran.returncode == 3
    assert "no picture with colour" in ran.stderr


@pytest.mark.slow
def test_a_run_leaves_events_and_a_plot(photos: Path, tmp_path: Path) -> None:
    ran = trainer(*run_arguments(photos, tmp_path / "run", "--validation", photos))
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "run" / "events").glob("events.out.tfevents.*"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudoterminals, and the bar shows on terminals only")
def test_the_bar_shows_pictures_a_second(photos: Path, tmp_path: Path) -> None:
    import termios  # Windows has none

    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 200))  # on a terminal without rows tqdm shows nothing
    arguments = run_arguments(photos, tmp_path / "run")
    arguments[arguments.index("--steps") + 1] = 20
    seen = b""
    with subprocess.Popen(command(*arguments), stderr=theirs) as run:
        os.close(theirs)
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError:  # EIO is how Linux says that the other end is closed
            pass
        assert run.wait(60) == 0, seen.decode()
    os.close(ours)
    assert b"pictures_s=" in seen
    with (tmp_path / "run" / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["pictures_s"]) > 0


def test_evaluate_writes_every_pictures_figures(photos: Path, tmp_path: Path) -> None:
    ran = trainer("evaluate", photos, "--weights", "lite", "--csv", tmp_path / "pictures.csv", "--json")
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "pictures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    mean = sum(float(row["gain_db"]) for row in rows) / len(rows)
    assert mean == pytest.approx(json.loads(ran.stdout)["gain_mean"], abs=1e-3)
    assert all(float(row["psnr_db"]) == pytest.approx(10 * math.log10(255**2 / float(row["mse"]))) for row in rows)


def test_a_table_is_read_when_it_is_opened_and_not_for_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(tmp_path / "log.csv")
    table.append({"step": 20, "ab": 9.5})
    monkeypatch.setattr("trainer.report.read_rows", lambda _path: pytest.fail("the whole table was read again"))
    for step in (40, 60):
        table.append({"step": step, "ab": 9.0})
    monkeypatch.undo()
    table.append({"step": 80, "ab": 8.5, "gan": 1.0})  # the joint stage has begun
    resumed = Table(tmp_path / "log.csv")
    resumed.append({"step": 100, "ab": 8.0, "gan": 0.9})
    rows = read_rows(tmp_path / "log.csv")
    assert [row["step"] for row in rows] == ["20", "40", "60", "80", "100"]
    assert [row["gan"] for row in rows] == ["", "", "", "1.0", "0.9"]
