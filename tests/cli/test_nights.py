"""Run after run over one tree: only new work, one run at a time, and nothing lost when a run is killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import pyvips

from batchcolor.runtime.atomic_write import PREFIX
from tests.support import gradient


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    for n in range(6):
        photo(folder / f"{n}.png", 40 + n)
    return folder


def photo(path: Path, height: int, width: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(gradient(height, width)).copy(interpretation="b-w").write_to_file(str(path))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "batchcolor", "colorize", *map(str, arguments), "--device", "cpu"]


def night(scans: Path, weights: Path, *options: object) -> tuple[int, dict[str, int], str]:
    """Exit code, the summary's counts, and stderr."""
    ran = subprocess.run(
        command(scans, "-o", scans.parent / "colour", "--weights", weights, "--json", *options),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    return ran.returncode, rows[-1].get("summary", {}) if rows else {}, ran.stderr


def counts(summary: dict[str, int]) -> tuple[int, int, int, int]:
    return summary["done"], summary["failed"], summary["up_to_date"], summary["left"]


def test_the_second_run_processes_only_what_is_new_or_changed(scans: Path, weights: Path) -> None:
    assert counts(night(scans, weights)[1]) == (6, 0, 0, 0)
    code, summary, _ = night(scans, weights)
    assert (code, counts(summary)) == (0, (0, 0, 6, 0))
    photo(scans / "new.png", 50)
    photo(scans / "0.png", 33)
    (scans.parent / "colour" / "1.png").unlink()
    assert counts(night(scans, weights)[1]) == (3, 0, 4, 0)
    assert counts(night(scans, weights, "--saturation", 0.5)[1]) == (7, 0, 0, 0)
    assert counts(night(scans, weights, "--saturation", 0.5, "--force")[1]) == (7, 0, 0, 0)


@pytest.mark.slow
def test_failures_are_tried_again_and_damaged_results_found(scans: Path, weights: Path) -> None:
    whole = (scans / "2.png").read_bytes()
    (scans / "2.png").write_bytes(whole[: len(whole) // 2])
    code, summary, _ = night(scans, weights)
    assert (code, counts(summary)) == (1, (5, 1, 0, 0))
    (scans / "2.png").write_bytes(whole)
    assert counts(night(scans, weights)[1]) == (1, 0, 5, 0)
    result = scans.parent / "colour" / "3.png"
    times = result.stat()
    content = bytearray(result.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    result.write_bytes(content)
    os.utime(result, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert counts(night(scans, weights)[1]) == (0, 0, 6, 0)
    assert counts(night(scans, weights, "--verify")[1]) == (1, 0, 5, 0)


def test_a_dry_run_lists_items_and_reasons_and_writes_nothing(scans: Path, weights: Path) -> None:
    ran = subprocess.run(
        command(scans, "-o", scans.parent / "colour", "--weights", weights, "--dry-run"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len([line for line in ran.stdout.splitlines() if line.endswith("(new)")]) == 6
    assert not (scans.parent / "colour").exists()


def test_a_finished_tree_is_looked_over_without_a_network(scans: Path, weights: Path) -> None:
    night(scans, weights)
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *command(scans, "-o", scans.parent / "colour", "--weights", weights)[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}
    assert "6 up to date" in ran.stderr
    assert imported & {"torch", "openvino", "pyvips", "av", "cv2"} == set()


def test_a_second_run_exits_75_and_names_the_first(scans: Path, weights: Path) -> None:
    from batchcolor.runtime.file_lock import file_lock

    state = scans.parent / "colour" / ".batchcolor"
    state.mkdir(parents=True)
    with file_lock(state, of=state.parent):
        code, _, said = night(scans, weights)
    assert code == 75
    assert f"process {os.getpid()}" in said
    assert night(scans, weights)[0] == 0


def test_the_lock_of_a_dead_run_is_free(scans: Path, weights: Path) -> None:
    state = scans.parent / "colour" / ".batchcolor"
    state.mkdir(parents=True)
    script = (
        "import sys, time; from pathlib import Path; from batchcolor.runtime.file_lock import file_lock\n"
        "with file_lock(Path(sys.argv[1]), of=Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(state)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert night(scans, weights)[0] == 75
        holder.kill()
    assert night(scans, weights)[0] == 0


def test_a_run_that_ends_in_time_exits_with_0_and_the_next_one_continues(scans: Path, weights: Path) -> None:
    code, summary, said = night(scans, weights, "--max-runtime", "0.001", "--jobs", 1)
    assert code == 0
    assert summary["left"] == 6
    assert "6 left" in said
    assert counts(night(scans, weights, "--max-runtime", "1h")[1]) == (6, 0, 0, 0)


@pytest.mark.parametrize("text", ["soon", "-5", "6 hours", ""])
def test_a_time_that_is_none_is_usage(scans: Path, weights: Path, text: str) -> None:
    assert night(scans, weights, f"--max-runtime={text}")[0] == 2


def test_the_log_has_a_line_for_everything(scans: Path, weights: Path) -> None:
    (scans / "bad.jpg").write_bytes(b"no")
    log = scans.parent / "logs" / "night.log"
    night(scans, weights, "--log-file", log, "--quiet")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if " done " in line and "->" in line]) == 6
    assert len([line for line in lines if "Error: " in line and "bad.jpg" in line]) == 1
    night(scans, weights, "--log-file", log)
    assert len(log.read_text(encoding="utf-8").splitlines()) > len(lines)


def kill_at_random(scans: Path, weights: Path, times: int) -> None:
    """Kill runs at random moments of their work; then one that is left alone finishes. Nothing half-written in between, ever."""
    output = scans.parent / "colour"
    for n in range(40):
        photo(scans / f"more-{n}.jpg", 700, 900)
    rng = random.Random(4)
    kept: set[str] = set()
    for _ in range(times):
        with subprocess.Popen(
            command(scans, "-o", output, "--weights", weights), stderr=subprocess.PIPE, text=True, bufsize=1
        ) as run:
            assert run.stderr is not None
            for line in run.stderr:  # as soon as it works on something
                if line.startswith("[") or "up to date" in line:
                    break
            time.sleep(rng.uniform(0, 0.4))
            run.send_signal(signal.SIGKILL)
        results = {path.name for path in output.glob("*.*") if not path.name.startswith(".")}
        assert kept <= results
        kept = results
        for name in results:
            assert pyvips.Image.new_from_file(str(output / name), fail_on="truncated").avg() > 0
    code, summary, _ = night(scans, weights)
    assert code == 0
    assert summary["done"] + summary["up_to_date"] == 46
    assert not [path for path in output.rglob("*") if path.name.startswith(PREFIX)]
    whole = {path.name: path.read_bytes() for path in output.glob("*.*") if not path.name.startswith(".")}
    shutil.rmtree(output)
    night(scans, weights)
    assert whole == {path.name: path.read_bytes() for path in output.glob("*.*") if not path.name.startswith(".")}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_runs_lose_only_the_items_in_progress(scans: Path, weights: Path) -> None:
    kill_at_random(scans, weights, 3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_twenty_kills_lose_only_the_items_in_progress(scans: Path, weights: Path) -> None:
    kill_at_random(scans, weights, 20)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_twice_ends_at_once_whatever_a_decoder_does(scans: Path, weights: Path, tmp_path: Path) -> None:
    """A photo hangs; the first Ctrl-C waits for it, the second does not: nothing half-written stays, and no process."""
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, sys, time\n"
        "def hook(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('3.png') and str(arguments[1]).startswith('r'):\n"
        f"        pathlib.Path({str(tmp_path / 'hangs')!r}).touch()\n"
        "        time.sleep(3600)\n"
        "sys.addaudithook(hook)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    output = scans.parent / "colour"
    with subprocess.Popen(
        command(scans, "-o", output, "--weights", weights), stderr=subprocess.PIPE, text=True, env=environment
    ) as run:
        deadline = time.monotonic() + 110
        while not (tmp_path / "hangs").exists():
            assert time.monotonic() < deadline
            assert run.poll() is None
            time.sleep(0.05)
        workers = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGINT)
        time.sleep(0.2)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=100)
    assert run.returncode == 130, said
    assert "abandoned" not in said  # it did not take the eight seconds
    assert not [path for path in output.rglob("*") if path.name.startswith(PREFIX)]
    assert not psutil.wait_procs(workers, timeout=60)[1]
