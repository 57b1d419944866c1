"""Several processes on one batch, as `torchrun` starts them: each works on its part; `backward` averages gradients over all of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from batchcolor.errors import DeviceError, UsageError

_STEP_TIMEOUT = timedelta(minutes=10)  # for gradients; a process that takes longer has died or hangs


@dataclass(frozen=True, slots=True)
class Processes:
    """rank: this one's number, 0 for the main one, which saves, validates and reports. world: how many there are. control: the group
    in which the others wait while the main process validates."""

    rank: int = 0
    world: int = 1
    control: dist.ProcessGroup | None = None

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def part_of(self, batch_size: int) -> int:
        """Pictures of a batch that each process works on. Raises `UsageError` where it cannot be shared out evenly."""
        if batch_size % self.world:
            raise UsageError(
                f"--batch-size {batch_size} cannot be shared by {self.world} processes; take a multiple of {self.world}"
            )
        return batch_size // self.world

    def shared(self, network: nn.Module) -> nn.Module:
        """`network`, its gradients averaged over all processes while `backward` computes them. Every parameter that learns must have
        a part in its output."""
        return network if self.world == 1 else DistributedDataParallel(network)

    def broadcast(self, value: float) -> float:
        """The value that the main process has; waits for it while that process validates."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0, group=self.control)
        return float(shared)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of all processes' `values`, which are of one shape and on their devices."""
        if self.world == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total / self.world


def gradients_shared(network: nn.Module | None, now: bool) -> AbstractContextManager[None]:
    """Around forward and backward: whether gradients are averaged now or only added up, for a later `backward` to average."""
    if now or not isinstance(network, DistributedDataParallel):
        return nullcontext()
    return network.no_sync()


@contextlib.contextmanager
def joined(device: torch.device, validation_timeout: timedelta = timedelta(hours=2)) -> Iterator[Processes]:
    """This process among those that torchrun started; alone where it did not. NCCL between GPUs, Gloo between CPUs and for `agree`.

    validation_timeout: how long the others wait for the main process to validate.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else every process would also hold memory on the first GPU
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    if device.type == "cuda":
        dist.init_process_group("cpu:gloo,cuda:nccl", timeout=_STEP_TIMEOUT, device_id=device)
    else:
        dist.init_process_group("gloo", timeout=_STEP_TIMEOUT)
    try:
        yield Processes(dist.get_rank(), world, dist.new_group(backend="gloo", timeout=validation_timeout))
    finally:
        dist.destroy_process_group()


def training_device(name: str) -> torch.device:
    """auto: this process's own GPU where there is one, else the CPU. Raises `DeviceError` for a GPU that is not there."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if name == "auto":
        return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise UsageError(f"no device is called {name!r}; use auto, cpu, cuda or cuda:N") from exc
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(
            f"{name}: there is no such GPU; {torch.cuda.device_count()} can be seen, and --device cpu always works"
        )
    return torch.device("cuda", local) if name == "cuda" else device
