"""Connects to a Ray cluster or starts one, and lists its machines. Translates Ray's errors to `ClusterError`."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray

from ...errors import ClusterError
from ...runtime.thread_budget import cores
from .options import RayOptions

_PATIENCE_S = 10.0  # for a cluster's head to answer
_OBJECT_STORE_BYTES = 100_000_000  # jobs and results are a few kB each; Ray would take a third of the memory


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster. name: of the host, or its address; cpus, gpus: its total resources, used or not."""

    id: str
    name: str
    cpus: float
    gpus: float


def nodes() -> dict[str, Node]:
    """The machines that are there now, by id. Raises `ClusterError` where the cluster itself is gone."""
    try:
        rows = ray.nodes()
    except Exception as exc:
        raise ClusterError(f"the Ray cluster is gone ({' '.join(str(exc).split())}); start it and run again") from exc
    return {
        row["NodeID"]: Node(
            row["NodeID"],
            f"{row['NodeManagerHostname']} ({row['NodeManagerAddress']})",
            row["Resources"].get("CPU", 0.0),
            row["Resources"].get("GPU", 0.0),
        )
        for row in rows
        if row["Alive"]
    }


@contextmanager
def connected(options: RayOptions) -> Iterator[None]:
    """Belong to the cluster. Raises `ClusterError` where it is not there, or runs other versions of Ray or Python."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing uses the network unless the user requests it
    handler = signal.getsignal(signal.SIGTERM)
    try:
        _check_reachable(options.address)
        ray.init(logging_level="ERROR", log_to_driver=False, **_arguments(options))
    except Exception as exc:  # of a dozen kinds, and gRPC's own
        raise ClusterError(_sentence(options.address, exc)) from exc
    finally:
        # Ray ends the process at SIGTERM; the command line stops more gently.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Check that something listens at the address; Ray itself would retry for a quarter of an hour. Raises `OSError`, `ValueError`."""
    if address == "local":
        return
    if address == "auto":
        last = Path(tempfile.gettempdir(), "ray", "ray_current_cluster")  # where `ray start` leaves it
        address = os.environ.get("RAY_ADDRESS") or (last.read_text(encoding="ascii").strip() if last.exists() else "")
        if not address:
            return  # Ray knows other ways to find one, and says so where there is none
    url = urlsplit(address if "://" in address else f"//{address}")
    if url.hostname is None or url.port is None:
        raise ValueError("an address is HOST:PORT or ray://HOST:PORT")
    socket.create_connection((url.hostname, url.port), timeout=_PATIENCE_S).close()


def _arguments(options: RayOptions) -> dict[str, Any]:
    if options.address != "local":
        return {"address": options.address}
    # Nobody else has any business with our workers, so Ray wants a token; one that it makes itself would be left in the user's home.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    return {
        "address": "local",
        "num_cpus": cores() if options.workers is None else options.workers * options.cpus,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "include_dashboard": False,
    }


def _sentence(address: str, error: Exception) -> str:
    words = " ".join(str(error).split())
    if address == "local":
        return f"Ray could not be started on this machine ({words}); use --executor local"
    if "version mismatch" in words.lower():
        return f"{address}: {words}; install the same versions of Ray and Python on all machines"
    return f"{address}: no Ray cluster answers there ({words}); start one with `ray start`, or correct --ray-address"
