"""Several processes on one batch, as `torchrun` starts them: each works on its part; gradients are averaged between backward and step.

Generator and discriminator take turns, one of them frozen at a time: averaging by hand is simpler to follow than wrapping each in
DistributedDataParallel, and gives the same gradients.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

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

    def average(self, gradients: Iterable[Tensor | None]) -> None:
        """Replace every gradient by its mean over all processes, in one exchange."""
        present = [g for g in gradients if g is not None]
        if self.world == 1 or not present:
            return
        flat = torch.cat([g.reshape(-1) for g in present])
        dist.all_reduce(flat)
        flat /= self.world
        for g, mean in zip(present, torch.split(flat, [g.numel() for g in present]), strict=True):
            g.copy_(mean.view_as(g))

    def average_of(self, module: nn.Module) -> None:
        self.average(p.grad for p in module.parameters())

    def agree(self, value: float) -> float:
        """The value that process 0 has."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0)
        return float(shared)


ALONE = Processes()


def join(device: torch.device) -> Processes:
    """This process among those that torchrun started; alone where it did not. nccl for GPUs, gloo for CPUs (and for what `agree`s)."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return ALONE
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
