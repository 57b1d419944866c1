"""The examples for cron and systemd work, run as those programs would run them."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import pyvips

from tests.support import gradient, results

NIGHT = Path(__file__).parents[2] / "examples" / "night"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="cron and systemd are for POSIX systems")


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A home with the configuration, scans, and `batchcolor` on the path."""
    (tmp_path / "scans").mkdir()
    pyvips.Image.new_from_array(gradient(40, 50)).copy(interpretation="b-w").pngsave(str(tmp_path / "scans" / "a.png"))
    shutil.copy(NIGHT / "batchcolor.toml", tmp_path)
    program = tmp_path / "bin" / "batchcolor"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m batchcolor "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {
        "HOME": str(tmp_path),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(NIGHT.parents[1]),
        "BATCHCOLOR_CACHE": os.environ["BATCHCOLOR_CACHE"],
        "SCANS": str(tmp_path / "scans"),
        "COLOUR": str(tmp_path / "colour"),
    }


def run(line: str, machine: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", "-c", line], env=machine, capture_output=True, text=True, check=False, timeout=120)


def test_the_crontab_line_colorizes_in_silence_and_is_quiet_about_another_run(machine: dict[str, str]) -> None:
    lines = [line for line in (NIGHT / "crontab").read_text().splitlines() if line and not line.startswith("#")]
    assert [line.split("=")[0] for line in lines[:2]] == ["SCANS", "COLOUR"]
    schedule = re.fullmatch(r"(\S+ \S+ \S+ \S+ \S+) (.*)", lines[2])
    assert schedule is not None
    assert schedule[1] == "0 22 * * *"
    ran = run(schedule[2], machine)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert results(Path(machine["COLOUR"])) == ["a.png", "night.log"]
    assert "1 done" in (Path(machine["COLOUR"]) / "night.log").read_text()
    program = Path(machine["HOME"]) / "bin" / "batchcolor"
    for code, wanted in ((75, 0), (5, 1)):  # another run is at work; the output cannot be written
        program.write_text(f"#!/bin/sh\nexit {code}\n")
        assert run(schedule[2], machine).returncode == wanted


def test_the_service_colorizes(machine: dict[str, str]) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(NIGHT / "batchcolor.service")
    line = unit["Service"]["ExecStart"].replace("/usr/local/bin/", "").replace("/etc/batchcolor.toml", "$HOME/batchcolor.toml")
    ran = run(line, machine)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "a.png" in results(Path(machine["COLOUR"]))
    assert unit["Service"]["SuccessExitStatus"] == "75"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed; the units are run line by line above")
    text = (NIGHT / "batchcolor.service").read_text().replace("/usr/local/bin/batchcolor", sys.executable)
    (tmp_path / "batchcolor.service").write_text(text)
    shutil.copy(NIGHT / "batchcolor.timer", tmp_path)
    for unit in ("batchcolor.service", "batchcolor.timer"):
        ran = subprocess.run([analyze, "verify", str(tmp_path / unit)], capture_output=True, text=True, check=False, timeout=60)
        complaints = [line for line in ran.stderr.splitlines() if "batchcolor" in line]
        assert complaints == []
