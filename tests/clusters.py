"""Ray clusters of several nodes on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

_SMALL = {"object_store_memory": 80_000_000, "include_dashboard": False}


@contextmanager
def cluster(**head: Any) -> Iterator[Cluster]:
    """A cluster of a head; `add` gives it more machines. head: as `ray start` takes it (num_cpus=1)."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**_SMALL, **head})
    try:
        yield made
    finally:
        made.shutdown()


def add(made: Cluster, **machine: Any) -> Any:
    """One machine more; `Cluster.remove_node` takes it away."""
    return made.add_node(**{"object_store_memory": _SMALL["object_store_memory"], **machine})
