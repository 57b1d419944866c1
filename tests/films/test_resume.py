"""An interrupted film resumes, and the result equals that of an uninterrupted run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from batchcolor.errors import BusyError, SourceError
from batchcolor.executors import Executor, ProcessExecutor, SerialExecutor
from batchcolor.films import FilmResult, FilmStopped, colorize_film
from batchcolor.films.chunks.segments import work_folder
from batchcolor.settings import ColorSettings, FilmSettings, Settings
from tests.films.made import Made, make_film
from tests.support import formula_colorizer

SETTINGS = Settings(film=FilmSettings(preset="ultrafast"))
FRAMES = 1200


@cache
def scene(shot: int, height: int, width: int) -> np.ndarray:
    """uint8 `(height, 2 width)`: blots of several sizes, other ones for every shot."""
    rng = np.random.default_rng(shot)
    sizes = [(rng.uniform(0, 255, (n, 2 * n)).astype(np.float32), (2 * width, height)) for n in (3, 6, 16)]
    return np.mean([cv2.resize(*size, interpolation=cv2.INTER_CUBIC) for size in sizes], axis=0).clip(0, 255).astype(np.uint8)


def shots(n: int, height: int, width: int) -> np.ndarray:
    """A cut at 260, 520 and 545; from there on one long shot, which is split."""
    whole = scene(sum(n >= cut for cut in (260, 520, 545)), height, width)
    left = round(width / 2 * (1 + 0.9 * np.sin(n / 90)))  # the camera sways
    return np.ascontiguousarray(whole[:, left : left + width])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1200 frames with B-frames, sound, and key frames that are not at the cuts."""
    made = Made(picture=shots, sound=True, pts=tuple(range(80, 80 + 40 * FRAMES, 40)))
    return make_film(tmp_path_factory.mktemp("film") / "reel.mkv", made)


@pytest.fixture(scope="module")
def undisturbed(film: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("undisturbed") / "reel.mkv"
    result = colorize(film, target)
    assert result.frames == FRAMES
    assert result.shots == 4
    assert result.warnings == ()
    return decoded(target)


def colorize(film: Path, target: Path, executor: Executor | None = None, settings: Settings = SETTINGS) -> FilmResult:
    return colorize_film(film, target, settings, colorizer=formula_colorizer, executor=executor)


def decoded(path: Path) -> str:
    """SHA-256 of all decoded planes and their times."""
    digest = sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            digest.update(str(frame.pts * frame.time_base).encode())
            for plane in frame.planes:
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                digest.update(rows[: plane.height, : plane.width].tobytes())
    return digest.hexdigest()


def stopped_after(frames: int) -> tuple[Callable[..., None], Callable[[], bool]]:
    """Callbacks that stop a run once so many frames are finished."""
    seen = [0]
    return (lambda progress: seen.__setitem__(0, progress.frames)), (lambda: seen[0] >= frames)


def stop_in_the_middle(film: Path, target: Path, frames: int = 300, settings: Settings = SETTINGS) -> None:
    on_progress, should_stop = stopped_after(frames)
    with pytest.raises(FilmStopped):
        colorize_film(film, target, settings, colorizer=formula_colorizer, on_progress=on_progress, should_stop=should_stop)


def work_of(target: Path) -> Path:
    (found,) = target.parent.glob(".batchcolor-work-*")
    return found


def test_processes_give_the_same_film_as_one_thread(film: Path, undisturbed: str, tmp_path: Path) -> None:
    result = colorize(film, tmp_path / "reel.mkv", ProcessExecutor(2))
    assert decoded(tmp_path / "reel.mkv") == undisturbed
    assert result.frames == FRAMES
    assert [path.name for path in tmp_path.iterdir()] == ["reel.mkv"]


def test_a_stopped_film_resumes_from_its_finished_chunks(film: Path, undisturbed: str, tmp_path: Path) -> None:
    target = tmp_path / "reel.mkv"
    stop_in_the_middle(film, target)
    assert not target.exists()
    finished = list(work_of(target).glob("*.nut"))
    assert 1 <= len(finished) <= 3
    before = [path.stat().st_mtime_ns for path in finished]
    result = colorize(film, target)
    assert result.resumed >= 260
    assert decoded(target) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["reel.mkv"]
    assert before  # they were read, not written: a finished segment keeps its time until it is removed


@pytest.mark.parametrize(
    "spoil", ["cut off", *(pytest.param(how, marks=pytest.mark.slow) for how in ("gone", "no facts", "rubbish facts"))]
)
def test_an_incomplete_segment_is_encoded_again(film: Path, undisturbed: str, tmp_path: Path, spoil: str) -> None:
    target = tmp_path / "reel.mkv"
    stop_in_the_middle(film, target)
    segment = sorted(work_of(target).glob("*.nut"))[0]
    if spoil == "cut off":
        segment.write_bytes(segment.read_bytes()[: segment.stat().st_size // 2])
    elif spoil == "gone":
        segment.unlink()
    elif spoil == "no facts":
        segment.with_suffix(".json").unlink()
    else:
        segment.with_suffix(".json").write_text("{")
    assert colorize(film, target).frames == FRAMES
    assert decoded(target) == undisturbed


def test_other_settings_begin_anew(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "reel.mkv"
    stop_in_the_middle(film, target)
    result = colorize(film, target, settings=replace(SETTINGS, color=ColorSettings(saturation=0.5)))
    assert result.resumed == 0


@pytest.mark.slow
def test_another_source_or_weights_start_over(film: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out" / "reel.mkv"
    source.write_bytes(film.read_bytes())
    stop_in_the_middle(source, target)
    os.utime(source, (1, 1))
    assert colorize(source, target).resumed == 0
    stop_in_the_middle(source, target)
    assert colorize_film(source, target, SETTINGS, colorizer=formula_colorizer, weights="other").resumed == 0


def test_an_edited_list_of_shots_repeats_only_the_chunks_that_it_changes(film: Path, tmp_path: Path) -> None:
    def with_cuts(*cuts: float) -> Settings:
        return replace(SETTINGS, film=replace(SETTINGS.film, cuts=cuts))

    assert colorize(film, tmp_path / "a.mkv", settings=with_cuts(0.08, 20.08, 21.88)).shots == 3


def test_a_second_run_over_the_same_film_is_refused(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "reel.mkv"
    with work_folder(target, "h264", "recipe"), pytest.raises(BusyError, match=r"reel\.mkv"):
        colorize(film, target)


def test_a_film_that_cannot_be_read_to_its_end_leaves_no_work(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "in.mkv", Made(codec="ffv1", pts=tuple(range(0, 40 * 300, 40)))).read_bytes()
    spoiled = bytearray(whole)
    for at in range(len(whole) // 2, len(whole), 50):
        spoiled[at] ^= 0xFF
    (tmp_path / "in.mkv").write_bytes(spoiled)
    with contextlib.suppress(SourceError):
        colorize(tmp_path / "in.mkv", tmp_path / "out" / "reel.mkv")
    assert not list((tmp_path / "out").glob(".batchcolor*"))


_SCRIPT = """
import sys
from pathlib import Path
from tests.films.test_resume import SETTINGS, ProcessExecutor, colorize_film, formula_colorizer
if __name__ == "__main__":
    colorize_film(Path(sys.argv[1]), Path(sys.argv[2]), SETTINGS, colorizer=formula_colorizer, executor=ProcessExecutor(2))
"""


def killed_again_and_again(film: Path, target: Path, kills: int, seed: int) -> int:
    """Run until it ends by itself, killing it at `kills` random moments of its work; returns how often segments were there."""
    script = target.parent / "run.py"
    script.write_text(_SCRIPT)
    rng = random.Random(seed)
    effective = 0
    for n in range(kills + 1):
        command = [sys.executable, script, film, target]
        before = set(target.parent.glob(".batchcolor-work-*/*"))
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as run:
            if n == kills:
                assert run.wait(120) == 0
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                while run.poll() is None and not set(target.parent.glob(".batchcolor-work-*/*")) - before:
                    time.sleep(0.005)  # it is starting; before it writes anything there is nothing to leave half done
                run.wait(rng.uniform(0, 2))
            if run.poll() is not None:  # it was quicker; the film is whole and the next kill begins anew
                assert run.returncode == 0
                target.unlink()
                continue
            run.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        effective += bool(list(target.parent.glob(".batchcolor-work-*/*.nut")))
        time.sleep(0.1)  # its workers notice
    return effective


def test_a_killed_run_ends_as_an_undisturbed_one(film: Path, undisturbed: str, tmp_path: Path) -> None:
    target = tmp_path / "reel.mkv"
    killed_again_and_again(film, target, kills=2, seed=1)
    assert decoded(target) == undisturbed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reel.mkv", "run.py"]


@pytest.mark.slow
def test_twenty_kills(film: Path, undisturbed: str, tmp_path: Path) -> None:
    target, effective = tmp_path / "reel.mkv", 0
    for seed in range(5):
        effective += killed_again_and_again(film, target, kills=4, seed=seed)
        assert decoded(target) == undisturbed
        target.unlink()
    assert effective >= 5


def killed_while_joining(film: Path, target: Path, after_s: float) -> bool:
    """Run, and kill it so long after it began to join the film, unless it is over by then; returns whether it was killed at that."""
    script = target.parent / "run.py"
    script.write_text(_SCRIPT)
    command = [sys.executable, script, film, target]
    before = joining(target)  # what the last run left
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as run:
        while run.poll() is None and not joining(target) - before:
            time.sleep(0.002)
        time.sleep(after_s)
        run.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    time.sleep(0.1)  # its workers notice
    left = joining(target)
    assert not before & left  # the run has removed it
    return bool(left)


def joining(target: Path) -> set[Path]:
    return set(target.parent.glob(f".batchcolor-work-*/.batchcolor-*{target.suffix}"))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_ten_kills_while_it_is_joined(film: Path, undisturbed: str, tmp_path: Path, suffix: str) -> None:
    """The film has its name once it is whole, and the next run makes no chunk again."""
    target = tmp_path / f"reel{suffix}"
    rng = random.Random(7)
    killed = 0
    for _ in range(10):
        killed += killed_while_joining(film, target, rng.uniform(0, 0.15))
        if target.exists():
            assert decoded(target) == undisturbed
            target.unlink()
    assert killed >= 5
    result = colorize(film, target)
    assert decoded(target) == undisturbed
    assert result.frames == FRAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == [target.name, "run.py"]


def test_the_default_executor_is_serial(film: Path, undisturbed: str, tmp_path: Path) -> None:
    colorize(film, tmp_path / "reel.mkv", SerialExecutor())
    assert decoded(tmp_path / "reel.mkv") == undisturbed


def test_the_same_film_in_every_container_has_the_same_pictures(film: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mov"):
        colorize(film, tmp_path / name)
    assert decoded(tmp_path / "a.mp4") == decoded(tmp_path / "a.mov")
