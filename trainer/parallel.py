"""Several processes on one batch, as `torchrun` starts them: each works on its part; `backward` averages gradients over all of them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from batchcolor.errors import DeviceError, UsageError


@dataclass(frozen=True, slots=True)
class Processes:
    """rank: this one's number, 0 for the one that saves, judges and talks. world: how many there are."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
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

    def agree(self, value: float) -> float:
        """The value that process 0 has."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0)
        return float(shared)


def gradients_shared(network: nn.Module | None, now: bool) -> AbstractContextManager[None]:
    """Around forward and backward: whether gradients are averaged now or only added up, for a later `backward` to average."""
    if now or not isinstance(network, DistributedDataParallel):
        return nullcontext()
    return network.no_sync()


def join(device: torch.device) -> Processes:
    """This process among those that torchrun started; alone where it did not. nccl for GPUs, gloo for CPUs (and for what `agree`s)."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Processes()
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return Processes(dist.get_rank(), world)


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
