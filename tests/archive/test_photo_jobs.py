"""A photo that its decoder does not survive, or never comes back from, is one photo: it is named, and its neighbours are done."""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pyvips

from batchcolor.archive.outcome import Outcome, Status, Thumbnail
from batchcolor.archive.photo_jobs import PhotoBatch, PhotoWork, photo_outcomes, photos_per_job
from batchcolor.archive.plan import Item
from batchcolor.archive.walk import Kind
from batchcolor.executors import JobContext, ProcessExecutor, SerialExecutor
from batchcolor.photos import Provenance
from batchcolor.settings import ModelSettings, PhotoSettings, Settings
from tests.support import formula_colorizer, gradient

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@dataclass(frozen=True)
class Sabotaged(PhotoWork):
    """Photos whose names begin with a signal's end the process that decodes them; `hang` never comes back. times: how often."""

    log: Path = Path()
    times: int = 99

    def prepare(self) -> None:
        return None

    def __call__(self, batch: PhotoBatch, context: JobContext) -> None:
        from batchcolor import photos
        from batchcolor.engines import opening

        really = photos.PhotoRows

        def sabotaged(path: Path, page: int = 0) -> photos.PhotoRows:
            with (self.log / path.name).open("a") as file:
                file.write("x")
            if (self.log / path.name).stat().st_size <= self.times:
                if path.name.startswith("SIG"):
                    os.kill(os.getpid(), signal.Signals[path.name.split("-")[0]])
                if path.name.startswith("hang"):
                    time.sleep(600)
                if path.name.startswith("bug"):
                    raise ZeroDivisionError("nobody thought of this")
            return really(path, page)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(photos, "PhotoRows", sabotaged)
            patch.setattr(opening, "cached_colorizer", lambda model: formula_colorizer())
            PhotoWork.__call__(self, batch, context)


@pytest.fixture(scope="module")
def executor() -> Iterator[ProcessExecutor]:
    with ProcessExecutor(2) as pool:
        yield pool


def colorized(executor: ProcessExecutor, folder: Path, names: list[str], **work: object) -> dict[str, Outcome]:
    """What became of twenty good photos and those named, in batches of eight, by name."""
    (folder / "log").mkdir()
    settings = Settings(photo=PhotoSettings(photo_timeout=8 if "hang-1.png" in names else 300))
    items = []
    for name in sorted([*(f"T{n:02}.png" for n in range(20)), *names]):  # the named ones stand before and behind
        pyvips.Image.new_from_array(gradient(40, 50)).copy(interpretation="b-w").pngsave(str(folder / name))
        items.append(Item(folder / name, folder / "out" / name, Kind.PHOTO, settings))
    sabotaged = Sabotaged(ModelSettings(), Provenance("lite", "00" * 32), log=folder / "log", **work)  # type: ignore[arg-type]
    outcomes = list(photo_outcomes(executor, sabotaged, items, 8, lambda: False))
    assert sorted(outcome.source.name for outcome in outcomes) == sorted(item.source.name for item in items)
    return {outcome.source.name: outcome for outcome in outcomes}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SIGSEGV-1.png", "the decoder crashed (SIGSEGV)"),
        ("SIGABRT-1.png", "the decoder crashed (SIGABRT)"),
        ("SIGKILL-1.png", "was killed twice (SIGKILL); there may be too little memory"),
        ("hang-1.png", "timed out after 8 s (8 s a megapixel)"),
    ],
)
def test_one_photo_is_lost_and_named_and_its_neighbours_are_done(
    executor: ProcessExecutor, tmp_path: Path, name: str, sentence: str
) -> None:
    outcomes = colorized(executor, tmp_path, [name])
    lost = outcomes.pop(name)
    assert lost.status is Status.FAILED
    assert sentence in str(lost.error)
    assert name in str(lost.error)
    assert {outcome.status for outcome in outcomes.values()} == {Status.DONE}
    assert all(outcome.target.exists() for outcome in outcomes.values())
    tries = len((tmp_path / "log" / name).read_text())
    assert tries == (1 if name.startswith("hang") else 2)


def test_workers_make_the_thumbnails(executor: ProcessExecutor, tmp_path: Path) -> None:
    outcomes = colorized(executor, tmp_path, ["bug-1.png"], thumbnail_side=16)
    assert outcomes.pop("bug-1.png").thumbnails == (None, None)
    for outcome in outcomes.values():
        sizes = [picture_in(each) for each in outcome.thumbnails or ()]
        assert sizes == [(16, 13), (16, 13)]


def picture_in(thumbnail: Thumbnail | None) -> tuple[int, int]:
    """Size of a thumbnail, decoded."""
    assert thumbnail is not None
    picture = pyvips.Image.new_from_buffer(base64.b64decode(thumbnail.address.removeprefix("data:image/webp;base64,")), "")
    return picture.width, picture.height


def test_every_one_of_several_in_a_batch_is_named(executor: ProcessExecutor, tmp_path: Path) -> None:
    names = ["SIGSEGV-1.png", "SIGSEGV-2.png", "SIGBUS-3.png"]
    outcomes = colorized(executor, tmp_path, names)
    assert sorted(name for name, outcome in outcomes.items() if outcome.status is Status.FAILED) == sorted(names)


def test_a_photo_at_which_a_worker_ended_once_is_done_the_second_time(executor: ProcessExecutor, tmp_path: Path) -> None:
    outcomes = colorized(executor, tmp_path, ["SIGKILL-1.png"], times=1)
    assert {outcome.status for outcome in outcomes.values()} == {Status.DONE}


def test_an_unexpected_error_brings_its_traceback_along(executor: ProcessExecutor, tmp_path: Path) -> None:
    failed = colorized(executor, tmp_path, ["bug-1.png"])["bug-1.png"]
    assert "internal error (ZeroDivisionError: nobody thought of this)" in str(failed.error)
    assert "in sabotaged" in str(failed.traceback)
    assert "ZeroDivisionError: nobody thought of this" in str(failed.traceback)


def test_jobs_have_something_to_do_for_every_worker() -> None:
    pool = ProcessExecutor(4)
    assert [photos_per_job(count, pool, 16, on_cpu=True) for count in (1, 4, 9, 32, 500)] == [1, 1, 3, 8, 8]
    assert photos_per_job(500, pool, 16, on_cpu=False) == 16
    assert photos_per_job(5, SerialExecutor(), 16, on_cpu=True) == 5
