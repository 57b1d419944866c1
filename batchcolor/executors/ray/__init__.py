"""Jobs on Ray: on this machine, or on the machines of a cluster. Nothing of Ray is imported before `ray_executor` is entered."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import ClusterError
from ..base import Executor
from .options import Preparation, RayOptions

__all__ = ["Preparation", "RayOptions", "ray_executor"]


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
