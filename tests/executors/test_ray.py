"""Jobs on a cluster whose machines join, leave and fail their preflight. The contract is in tests/contracts."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchcolor.errors import ClusterError, OutputError
from batchcolor.executors import JobContext, RayOptions, ray_executor
from tests.clusters import add, cluster
from tests.support import needs_ray

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = needs_ray

MACHINE = "TEST_MACHINE"  # an environment variable with the name of the machine


@pytest.fixture(scope="module")
def two_machines() -> Iterator[Cluster]:
    """`head` with a core, `other` with a core and, as it says, a GPU."""
    with cluster(num_cpus=1, env_vars={MACHINE: "head"}) as made:
        add(made, num_cpus=1, num_gpus=1, env_vars={MACHINE: "other"})
        yield made


def never() -> bool:
    return False


def machine(_n: int, _desk: JobContext) -> str:
    return os.environ[MACHINE]


def environment(name: str, _desk: JobContext) -> str | None:
    return os.environ.get(name)


def after_a_moment(_n: int, _desk: JobContext) -> str:
    time.sleep(0.05)  # the work itself
    return os.environ[MACHINE]


def lacking(names: tuple[str, ...]) -> None:
    if os.environ[MACHINE] in names:
        raise OutputError("/archive/colour: is not the same folder there")


def test_every_machine_gets_jobs(two_machines: Cluster) -> None:
    with ray_executor(RayOptions(two_machines.address)) as executor:
        found = [outcome.result for outcome in executor.map(after_a_moment, range(40), never)]
    assert len(found) == 40
    assert set(found) == {"head", "other"}


def test_a_machine_that_fails_its_preflight_is_named_once_and_gets_no_jobs(
    two_machines: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "batchcolor"),
        ray_executor(RayOptions(two_machines.address), partial(lacking, ("other",))) as executor,
    ):
        found = [outcome.result for outcome in executor.map(after_a_moment, range(40), never)]
    assert found == ["head"] * 40
    (sentence,) = [record.getMessage() for record in caplog.records]
    assert "/archive/colour: is not the same folder there; it gets no jobs" in sentence


def test_a_run_without_a_usable_machine_ends_with_the_reason(two_machines: Cluster) -> None:
    with (
        ray_executor(RayOptions(two_machines.address), partial(lacking, ("head", "other"))) as executor,
        pytest.raises(ClusterError, match=r"/archive/colour: is not the same folder there .*1 more"),
    ):
        list(executor.map(machine, range(4), never))


def test_machines_with_another_version_get_no_jobs(two_machines: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchcolor.executors.ray.pool.__version__", "99.0")
    with (
        ray_executor(RayOptions(two_machines.address)) as executor,
        pytest.raises(ClusterError, match=r"this machine has 99\.0; install the same version"),
    ):
        list(executor.map(machine, range(4), never))


def test_missing_and_unusable_gpus_are_reported(two_machines: Cluster) -> None:
    with (
        ray_executor(RayOptions(two_machines.address, gpus=2)) as executor,
        pytest.raises(ClusterError, match=r"has the 1 CPU and 2 GPU .*--job-gpus"),
    ):
        list(executor.map(machine, range(4), never))
    with (
        ray_executor(RayOptions(two_machines.address, gpus=1)) as executor,
        pytest.raises(ClusterError, match="PyTorch finds none there"),
    ):
        list(executor.map(machine, range(4), never))


def test_machines_may_join_late_and_leave(two_machines: Cluster) -> None:
    """Each job once, whoever it was given to, and however often."""
    outcomes, late = [], None
    with ray_executor(RayOptions(two_machines.address)) as executor:
        running = executor.map(after_a_moment, range(100_000), lambda: len(outcomes) > 400)
        for outcome in running:
            outcomes.append(outcome)
            if len(outcomes) == 20:
                late = add(two_machines, num_cpus=1, env_vars={MACHINE: "late"})
            by_late = sum(outcome.result == "late" for outcome in outcomes)
            if late is not None and by_late == 20:
                two_machines.remove_node(late)
                late = None
    assert [outcome.error for outcome in outcomes if outcome.error is not None] == []
    assert sorted(outcome.job for outcome in outcomes) == list(range(len(outcomes)))
    assert {outcome.result for outcome in outcomes} == {"head", "other", "late"}
    assert late is None, "it left in the middle"


def test_workers_are_no_more_than_asked_for_and_stay_from_map_to_map(two_machines: Cluster, tmp_path: Path) -> None:
    with ray_executor(RayOptions(two_machines.address, workers=1)) as executor:
        pids = {outcome.result for _ in range(2) for outcome in executor.map(pid, range(10), never)}
    assert len(pids) == 1


def pid(_n: int, _desk: JobContext) -> int:
    return os.getpid()


def test_relative_paths_mean_the_same_everywhere(
    two_machines: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def current_folder(
        _n: int, _desk: JobContext
    ) -> Path:  # travels whole: these tests are no module for a worker that sits elsewhere
        return Path.cwd()

    monkeypatch.chdir(tmp_path)
    with ray_executor(RayOptions(two_machines.address)) as executor:
        (found,) = executor.map(current_folder, [0], never)
    assert found.result == tmp_path


def unpicklable(_n: int, _desk: JobContext) -> object:
    return (n for n in range(3))


def test_a_result_that_cannot_travel_is_its_jobs_error(two_machines: Cluster) -> None:
    with ray_executor(RayOptions(two_machines.address)) as executor:
        outcomes = list(executor.map(unpicklable, range(3), never))
    assert len(outcomes) == 3
    assert all("pickle" in str(outcome.error) for outcome in outcomes)


def test_ray_tells_its_makers_nothing() -> None:
    with ray_executor(RayOptions(workers=1)) as executor:
        (outcome,) = executor.map(environment, ["RAY_USAGE_STATS_ENABLED"], never)
    assert outcome.result == "0"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere.invalid:6379", "nonsense"])
def test_no_cluster_at_the_address(address: str) -> None:
    with (
        pytest.raises(ClusterError, match=f"{address}: no Ray cluster answers there .*--ray-address"),
        ray_executor(RayOptions(address)),
    ):
        pass


def test_without_ray_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ClusterError, match=r"pip install 'batchcolor\[ray\]'"), ray_executor(RayOptions()):
        pass
