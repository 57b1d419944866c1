"""Jobs on Ray: on this machine, or on the machines of a cluster. Nothing of Ray is imported before `ray_executor` is entered."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import ClusterError
from ..base import Executor

# Called in every new worker before it gets jobs; what it raises, a `BatchcolorError`, keeps its machine from getting any.
Preparation = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Which cluster, and what of it.

    address: `local` starts Ray on this machine for as long as the run takes; `auto` joins the cluster that this machine belongs to;
    else HOST:PORT of a cluster's head, or ray://HOST:PORT from outside. workers: jobs at once, at most; None: as many as fit. cpus, gpus:
    what one job asks for; a fraction of a GPU lets jobs share it.
    """

    address: str = "local"
    workers: int | None = None
    cpus: int = 1
    gpus: float = 0.0


@contextmanager
def ray_executor(options: RayOptions, preparation: Preparation | None = None) -> Iterator[Executor]:
    """An executor whose workers stay, with what they have loaded, until the context ends. preparation: called in every new worker.

    Raises `ClusterError` where Ray or the cluster is missing, or where no machine of it can do the jobs.
    """
    if importlib.util.find_spec("ray") is None:
        raise ClusterError("Ray is not installed; type: pip install 'batchcolor[ray]' (it is made for Python 3.11 to 3.14)")
    from .cluster import connected
    from .executor import RayExecutor
    from .pool import Pool

    with connected(options), Pool(options, preparation) as pool:
        yield RayExecutor(pool)
