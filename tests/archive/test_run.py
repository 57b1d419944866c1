"""A run and its executors: which jobs they get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.output_tree import STATE_FOLDER, Redo, open_tree
from batchcolor.archive.photo_jobs import PhotoWork
from batchcolor.archive.plan import Item, Plan
from batchcolor.archive.run import run
from batchcolor.archive.walk import Kind
from batchcolor.engines.engine_info import EngineInfo
from batchcolor.errors import ClusterError, DeviceError, WorkerLost
from batchcolor.executors import Executors, JobOutcome
from batchcolor.runtime.atomic_write import PREFIX
from batchcolor.settings import ModelSettings


class Noting:
    """An executor on a machine of its own: says what the network runs on there, and ends jobs as `end` has it."""

    def __init__(self, engine_info: EngineInfo, end: Callable[[Any], JobOutcome[Any, Any]]) -> None:
        self.engine_info, self.end = engine_info, end
        self.works: list[Any] = []
        self.jobs: list[Any] = []

    def map(self, work: Any, jobs: Iterable[Any], should_stop: Any, on_message: Any = None) -> Iterator[JobOutcome[Any, Any]]:
        if not isinstance(work, PhotoWork):
            yield from (JobOutcome(job, result=self.engine_info) for job in jobs)
            return
        self.works.append(work)
        for job in jobs:
            self.jobs.append(job)
            ended = self.end(job)
            for number, outcome in enumerate(ended.result or []):
                on_message(job, (number, outcome))
            yield ended


GPU, CPU = EngineInfo("torch", "float16", "cuda"), EngineInfo("openvino", "bfloat16", "cpu")
PHOTOS = Plan(tuple(Item(Path(f"{n}.jpg"), Path(f"out/{n}.jpg"), Kind.PHOTO) for n in range(50)), ())


def nothing(job: Any) -> JobOutcome[Any, Any]:
    return JobOutcome(job, result=[])


@pytest.mark.parametrize(("engine_info", "batch_size", "sizes"), [(CPU, 16, {8}), (GPU, 16, {16}), (GPU, 4, {8})], ids=str)
def test_a_gpu_gets_jobs_that_fill_its_batches(engine_info: EngineInfo, batch_size: int, sizes: set[int]) -> None:
    there = Noting(engine_info, nothing)
    list(run(PHOTOS, ModelSettings(batch_size=batch_size), Executors(there, there), should_stop=lambda: False))
    assert {len(job.items) for job in there.jobs[:-1]} == sizes
    assert [item for job in there.jobs for item in job.items] == list(PHOTOS.items)


def test_all_workers_use_the_precision_that_the_first_one_chose() -> None:
    there, told = Noting(GPU, nothing), []
    list(run(PHOTOS, ModelSettings(), Executors(there, there), should_stop=lambda: False, on_engine=told.append))
    (work,) = there.works
    assert (work.model.engine, work.model.precision, work.model.device) == (
        "torch",
        "float16",
        "cuda",
    )
    assert told == [GPU]


def test_a_job_whose_workers_died_names_each_of_its_photos() -> None:
    there = Noting(CPU, lambda job: JobOutcome(job, error=WorkerLost("its worker process died 3 times")))
    outcomes = list(run(PHOTOS, ModelSettings(), Executors(there, there), should_stop=lambda: False))
    assert [outcome.error for outcome in outcomes] == [f"{n}.jpg: its worker process died 3 times" for n in range(50)]
    assert {outcome.status for outcome in outcomes} == {Status.FAILED}


def test_files_of_a_lost_worker_are_removed_at_the_end(tmp_path: Path) -> None:
    def written_by_the_second(job: Any) -> JobOutcome[Any, Any]:
        (tmp_path / f"{PREFIX}of-the-first.jpg").write_bytes(b"half")
        return JobOutcome(job, result=[Outcome(i.source, i.target, i.kind, Status.DONE) for i in job.items], lost=1)

    there = Noting(CPU, written_by_the_second)
    with open_tree(tmp_path, "lite") as tree:
        tree.select(PHOTOS.items, Redo())
        for outcome in run(PHOTOS, ModelSettings(), Executors(there, there), should_stop=lambda: False):
            tree.record(outcome)
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FOLDER]


def test_without_a_network_no_job_is_tried() -> None:
    class Without(Noting):
        def map(self, work: Any, jobs: Any, should_stop: Any, on_message: Any = None) -> Iterator[JobOutcome[Any, Any]]:
            yield from (JobOutcome(job, error=DeviceError("device cuda is not available here")) for job in jobs)

    there = Without(CPU, nothing)
    with pytest.raises(DeviceError):
        list(run(PHOTOS, ModelSettings(), Executors(there, there), should_stop=lambda: False))


def test_a_cluster_that_is_gone_ends_the_run_and_fails_no_film(tmp_path: Path) -> None:
    class Gone(Noting):
        def map(self, work: Any, jobs: Any, should_stop: Any, on_message: Any = None) -> Iterator[JobOutcome[Any, Any]]:
            raise ClusterError("the Ray cluster is gone")
            yield

    from tests.films.made import Made, make_film

    source = make_film(tmp_path / "reel.mkv", Made())
    plan = Plan((Item(source, tmp_path / "out.mkv", Kind.FILM),), ())
    with pytest.raises(ClusterError):
        list(run(plan, ModelSettings(), Executors(Noting(CPU, nothing), Gone(CPU, nothing)), should_stop=lambda: False))
