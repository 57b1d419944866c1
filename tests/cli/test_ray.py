"""Runs on Ray: the same pictures, lines and codes as locally, whoever dies, leaves or joins meanwhile.

    python -m pytest -s -m slow tests/cli/test_ray.py

prints what the larger ones saw.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import psutil
import pytest
import pyvips

from batchcolor.runtime.atomic_write import PREFIX
from tests.clusters import add, cluster
from tests.films.made import Made, make_film
from tests.support import gradient, needs_ray, results

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = needs_ray

CHUNK = 250  # frames between cuts: a chunk each


def make_photos(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for n in range(count):
        pixels = np.roll(gradient(240, 320), (n, 3 * n), (0, 1))
        pyvips.Image.new_from_array(pixels).copy(interpretation="b-w").write_to_file(str(folder / f"photo-{n:03}.png"))


def make_reel(path: Path, chunks: int) -> None:
    """A pan over noise in each shot, and a cut to another one for each chunk."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 80, 400), np.uint8)

    def picture(n: int, height: int, width: int) -> np.ndarray:
        left = n % CHUNK
        return (noise[n // CHUNK % 2, :height, left : left + width] // (1 + n // CHUNK % 2)).astype(np.uint8)

    frames = chunks * CHUNK
    make_film(path, Made(codec="mpeg4", pts=tuple(range(0, frames * 40, 40)), picture=picture))


def pixels_of(path: Path) -> str:
    """SHA-256 of what it decodes to."""
    digest = hashlib.sha256()
    if path.suffix == ".png":
        digest.update(pyvips.Image.new_from_file(str(path), fail_on="error").numpy().tobytes())
    else:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                digest.update(repr(frame.pts).encode() + frame.to_ndarray().tobytes())
    return digest.hexdigest()


def digests(output: Path) -> dict[str, str]:
    return {name: pixels_of(output / name) for name in results(output)}


class Run:
    """A run in a process of its own, seen through its `--json` lines."""

    def __init__(self, scans: Path, output: Path, weights: Path, *more: object) -> None:
        command = ["colorize", scans, "--output", output, "--weights", weights, "--device", "cpu", "--json", *more]
        self._said = output.parent / f"said-{time.monotonic_ns()}"
        self._lines = self._said.with_suffix(".json")
        self._output = output
        with self._said.open("w") as said, self._lines.open("w") as lines:
            self.process = subprocess.Popen([sys.executable, "-m", "batchcolor", *map(str, command)], stdout=lines, stderr=said)

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its lines; of a killed run the last one may be cut off."""
        return [json.loads(line) for line in self._lines.read_text().splitlines(keepends=True) if line.endswith("\n")]

    @property
    def items(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if "source" in row]

    @property
    def segments(self) -> int:
        return sum(1 for _ in self._output.glob(f"{PREFIX}work-*/*.json"))

    def wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 300
        while not true():
            assert self.process.poll() is None or true(), self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def finish(self) -> int:
        return self.process.wait(600)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few") / "scans"
    make_photos(folder, 12)
    (folder / "broken.png").write_bytes(b"no picture")
    make_reel(folder / "reel.mkv", 1)
    return folder


def without_times(rows: list[dict[str, Any]], output: Path) -> list[str]:
    """Lines of a run, sorted, as far as they must be the same for every run."""
    for row in rows:
        row.get("summary", row).pop("seconds")
        row.get("film", {}).pop("frames_per_second", None)
    return sorted(json.dumps(row).replace(str(output), "OUTPUT") for row in rows)


@pytest.mark.slow
def test_results_lines_and_code_are_as_locally(
    scans: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = Run(scans, tmp_path / "local", weights)
    assert local.finish() == 1
    config = tmp_path / "ray.toml"
    config.write_text('executor = "ray"\njob_cpus = 1\n')
    monkeypatch.setenv("BATCHCOLOR_COLORIZE_RAY_ADDRESS", "local")
    there = Run(scans, tmp_path / "ray", weights, "--config", config, "--jobs", 2)
    assert there.finish() == 1, there.said
    assert digests(tmp_path / "ray") == digests(tmp_path / "local")
    assert without_times(there.rows, tmp_path / "ray") == without_times(local.rows, tmp_path / "local")
    left = [path.name for path in (tmp_path / "ray").iterdir() if path.name.startswith(PREFIX)]
    assert left == []


def test_a_dry_run_and_one_with_nothing_to_do_need_no_cluster(scans: Path, tmp_path: Path, weights: Path) -> None:
    nowhere = ("--executor", "ray", "--ray-address", "127.0.0.1:1")
    assert Run(scans, tmp_path / "out", weights, *nowhere, "--dry-run").finish() == 0
    run = Run(scans, tmp_path / "out", weights, *nowhere)
    assert run.finish() == 7
    assert "Traceback" not in run.said
    (scans / "broken.png").rename(tmp_path / "broken.png")
    try:
        assert Run(scans, tmp_path / "out", weights).finish() == 0
        assert Run(scans, tmp_path / "out", weights, *nowhere).finish() == 0
    finally:
        (tmp_path / "broken.png").rename(scans / "broken.png")


def test_local_runs_import_nothing_of_ray(scans: Path, tmp_path: Path, weights: Path) -> None:
    arguments = ["colorize", str(scans / "photo-000.png"), "-o", str(tmp_path), "--weights", str(weights), "--device", "cpu"]
    run = f"from batchcolor.cli import cli; cli.main({arguments!r}, standalone_mode=False)"
    script = f"import sys; {run}; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert results(tmp_path) == ["photo-000.png"]


@pytest.mark.slow
def test_a_stopped_run_exits_with_130_and_the_next_one_resumes(scans: Path, tmp_path: Path, weights: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for n in range(160):
        (many / f"{n:03}.png").hardlink_to(scans / "photo-000.png")
    run = Run(many, tmp_path / "out", weights, "--executor", "ray", "--jobs", 2)
    run.wait_until(lambda: len(run.items) > 8)
    run.process.terminate()
    assert run.finish() == 130, run.said
    done = results(tmp_path / "out")
    assert sorted(Path(row["target"]).name for row in run.items) == done
    assert len(done) < 160
    again = Run(many, tmp_path / "out", weights, "--executor", "ray", "--jobs", 2, "--max-runtime", "1000")
    assert again.finish() == 0, again.said
    assert again.rows[-1]["summary"]["up_to_date"] == len(done)
    assert len(results(tmp_path / "out")) == 160


# What takes minutes: an archive of five hundred photos and a film of sixty chunks.

PHOTOS, CHUNKS = 500, 60


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "scans"
    make_photos(folder, PHOTOS)
    make_reel(folder / "reel.mkv", CHUNKS)
    return folder


@pytest.fixture(scope="module")
def truth(archive: Path, weights: Path) -> dict[str, str]:
    """What a local run makes of the archive."""
    output = archive.parent / "local"
    assert Run(archive, output, weights, "--jobs", 2).finish() == 0
    found = digests(output)
    assert len(found) == PHOTOS + 1
    return found


@pytest.fixture
def one_machine() -> Iterator[Cluster]:
    with cluster(num_cpus=1) as made:
        yield made


def whole(run: Run, output: Path) -> None:
    """Every result is there, every item is in the manifest once, nothing is left over."""
    assert len(results(output)) == PHOTOS + 1
    with closing(sqlite3.connect(output / ".batchcolor" / "manifest.sqlite")) as rows:
        assert rows.execute("SELECT count(*), count(DISTINCT target), min(status), max(status) FROM items").fetchone() == (
            PHOTOS + 1,
            PHOTOS + 1,
            "done",
            "done",
        )
    assert [path for path in output.rglob("*") if path.name.startswith(PREFIX)] == []
    assert "Traceback" not in run.said


@pytest.mark.slow
def test_machines_that_leave_and_join_change_nothing(
    one_machine: Cluster, archive: Path, truth: dict[str, str], tmp_path: Path, weights: Path
) -> None:
    second = add(one_machine, num_cpus=1)
    run = Run(archive, tmp_path / "out", weights, "--executor", "ray", "--ray-address", one_machine.address)
    run.wait_until(lambda: len(run.items) > PHOTOS // 3)
    one_machine.remove_node(second)
    run.wait_until(lambda: len(run.items) > PHOTOS // 2)
    third = add(one_machine, num_cpus=1)
    run.wait_until(lambda: run.segments > CHUNKS // 4)
    fourth = add(one_machine, num_cpus=1)
    run.wait_until(lambda: run.segments > CHUNKS // 2)
    one_machine.remove_node(third, allow_graceful=False)
    assert run.finish() == 0, run.said
    assert len(run.items) == PHOTOS + 1, "each once"
    whole(run, tmp_path / "out")
    assert digests(tmp_path / "out") == truth
    assert fourth is not None
    print(
        f"\n  two machines, two left, two came: {PHOTOS} photos and a film of {CHUNKS} chunks are the local run's, bit for bit"
    )


def workers() -> list[psutil.Process]:
    """Processes of this machine that do jobs for Ray."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] and process.info["cmdline"][0].startswith("ray::Worker"):
            found.append(process)
    return found


@pytest.mark.slow
def test_killed_workers_lose_nothing(
    one_machine: Cluster, archive: Path, truth: dict[str, str], tmp_path: Path, weights: Path
) -> None:
    add(one_machine, num_cpus=1)
    choice, killed = random.Random(0), 0
    run = Run(archive, tmp_path / "out", weights, "--executor", "ray", "--ray-address", one_machine.address)

    def kill_one() -> None:
        nonlocal killed
        run.wait_until(lambda: bool(workers()))
        choice.choice(workers()).kill()
        killed += 1

    for n in range(1, 6):
        run.wait_until(lambda n=n: len(run.items) > PHOTOS * n // 6)
        kill_one()
    for n in range(1, 6):
        run.wait_until(lambda n=n: run.segments > CHUNKS * n // 6)
        kill_one()
    assert run.finish() == 0, run.said
    assert len({row["source"] for row in run.items}) == len(run.items) == PHOTOS + 1, "each once"
    whole(run, tmp_path / "out")
    assert digests(tmp_path / "out") == truth
    print(f"\n  {killed} workers killed in one run: {len(run.items)} items, each once, all as locally")


@pytest.mark.slow
def test_a_killed_driver_loses_nothing(
    one_machine: Cluster, archive: Path, truth: dict[str, str], tmp_path: Path, weights: Path
) -> None:
    add(one_machine, num_cpus=1)
    started, reported = 0, []

    def start() -> Run:
        nonlocal started
        started += 1
        return Run(archive, tmp_path / "out", weights, "--executor", "ray", "--ray-address", one_machine.address)

    for _ in range(3):
        run = start()
        run.wait_until(lambda run=run: len(run.items) > PHOTOS // 5)
        run.process.kill()
        run.process.wait()
        reported += run.items
    for n in (1, 2):
        run = start()
        run.wait_until(lambda run=run, n=n: run.segments > CHUNKS * n // 3)
        run.process.kill()
        run.process.wait()
        reported += run.items
    run = start()
    assert run.finish() == 0, run.said
    reported += run.items
    whole(run, tmp_path / "out")
    assert pixels_of(tmp_path / "out" / "reel.mkv") == truth["reel.mkv"]
    local = archive.parent / "local"
    # Photos that were left over went through the network in smaller batches, which round differently.
    for name in results(local):
        if name != "reel.mkv" and pixels_of(tmp_path / "out" / name) != truth[name]:
            ours, theirs = (
                pyvips.Image.new_from_file(str(root / name)).numpy().astype(int) for root in (tmp_path / "out", local)
            )
            assert np.abs(ours - theirs).max() <= 1
    again = len(reported) - len({row["source"] for row in reported})
    assert len({row["source"] for row in reported}) == PHOTOS + 1
    print(f"\n  the driver killed {started - 1} times: all there, as locally; {again} photos done again")
