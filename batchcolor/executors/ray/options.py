"""Which cluster a run uses, and the resources of its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Called in every new worker before it gets jobs; what it raises, a `BatchcolorError`, keeps its machine from getting any.
Preparation = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Which cluster, and what of it.

    address: `local` starts Ray on this machine for as long as the run takes; `auto` joins the cluster that this machine belongs to;
    else HOST:PORT of a cluster's head, or ray://HOST:PORT from outside. workers: jobs at once, at most; None: as many as fit. cpus, gpus:
    resources of one job; a fraction of a GPU lets jobs share it.
    """

    address: str = "local"
    workers: int | None = None
    cpus: int = 1
    gpus: float = 0.0
