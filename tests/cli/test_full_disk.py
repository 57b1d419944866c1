"""A full or read-only disk: exit code 5, one sentence, no partial file, the manifest unchanged."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvips

from batchcolor.runtime.atomic_write import PREFIX
from tests.support import results

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file size limits and small file systems are POSIX here")

_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails with EFBIG
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
from batchcolor.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Four photos, whose results need more than 150 kB each."""
    rng = np.random.default_rng(0)
    (tmp_path / "scans").mkdir()
    for n in range(4):
        noise = rng.integers(0, 255, (400, 500), dtype=np.uint8)
        pyvips.Image.new_from_array(noise).copy(interpretation="b-w").pngsave(str(tmp_path / "scans" / f"{n}.png"))
    return tmp_path / "scans"


def options(scans: Path, output: Path, weights: Path) -> list[str]:
    return ["colorize", str(scans), "-o", str(output), "--weights", str(weights), "--device", "cpu", "--jobs", "1"]


def run(scans: Path, output: Path, weights: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchcolor", *options(scans, output, weights)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def whole(output: Path) -> None:
    """No half file under any name, and a manifest that SQLite itself calls sound."""
    assert [path for path in output.rglob("*") if path.name.startswith(PREFIX)] == []
    for path in output.rglob("*.png"):
        assert pyvips.Image.new_from_file(str(path), fail_on="error").avg() > 0
    manifest = output / ".batchcolor" / "manifest.sqlite"
    if manifest.exists():
        with contextlib.closing(sqlite3.connect(manifest)) as rows:
            assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_write_that_fails_half_way_leaves_nothing(scans: Path, tmp_path: Path, weights: Path) -> None:
    output = tmp_path / "colour"
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED, *options(scans, output, weights)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 5, ran.stderr
    assert ran.stderr.count("cannot be written") == 4
    assert "Traceback" not in ran.stderr
    assert results(output) == []
    whole(output)
    again = run(scans, output, weights)
    assert again.returncode == 0, again.stderr
    assert len(results(output)) == 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes; where none may be mounted, `RLIMIT_FSIZE` above has to do."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up(scans: Path, small_disk: Path, weights: Path) -> None:
    output = small_disk / "colour"
    ran = run(scans, output, weights)
    done = results(output)
    assert 0 < len(done) < 4, ran.stderr  # a result has about 600 kB, and twice that while it is written
    assert ran.returncode == 1
    assert ran.stderr.count("cannot be written") == 4 - len(done)
    whole(output)
    shutil.rmtree(output)
    (small_disk / "ballast").write_bytes(bytes(1_950_000))
    ran = run(scans, output, weights)
    assert ran.returncode == 5, ran.stderr
    assert "Traceback" not in ran.stderr
    assert results(output) == []
    whole(output)


def test_an_output_without_write_permission(scans: Path, small_disk: Path, weights: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    ran = run(scans, small_disk / "colour", weights)
    assert ran.returncode == 5
    assert ran.stderr.count("\n") == 1
    assert list(small_disk.iterdir()) == []


def test_a_file_in_the_place_of_the_output(scans: Path, tmp_path: Path, weights: Path) -> None:
    (tmp_path / "colour").write_text("in the way")
    ran = run(scans, tmp_path / "colour", weights)
    assert ran.returncode == 5
    assert ran.stderr.count("\n") == 1
    assert (tmp_path / "colour").read_text() == "in the way"
