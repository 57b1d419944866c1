"""Everything that a resumed run needs, in one file that is written atomically."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from batchcolor.errors import ModelError, OutputError
from batchcolor.runtime.atomic_write import atomic_write

STATE_FILE = "state.pt"
_RESUMED = {"generator", "optimizer", "ema_updates", "elapsed_s"}  # what only a resumed run needs, beside what an export does


class Ema:
    """An exponential moving average of a module's state (Polyak averaging), with a warm-up so that the start is forgotten.

    decay at update n: min(decay, (1 + n) / (10 + n)).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.tensors = {name: t.detach().clone() for name, t in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        state = module.state_dict()
        averaged = [name for name, t in state.items() if t.is_floating_point()]
        # all tensors in one kernel; a lite has 500
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        update([self.tensors[name] for name in averaged], [state[name] for name in averaged], 0)
        for name in state.keys() - set(averaged):
            self.tensors[name].copy_(state[name])


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write `state` (tensors and plain values) atomically. Raises `OutputError`; the old file stays in that case."""
    with atomic_write(path) as temporary:
        try:
            torch.save(state, temporary)
        except (OSError, RuntimeError) as exc:  # torch raises either where a disk is full
            raise OutputError(f"{path}: cannot be written ({exc}); the previous state is kept") from exc


def read_state(path: Path) -> dict[str, Any]:
    """A training state as it was saved; no code from the file can run. Raises `ModelError` where it is damaged or something else."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch raises whatever the damage brings about
        raise ModelError(f"{path}: not a training state, or damaged; start a new run in another folder") from exc
    if not isinstance(state, dict) or not {"architecture", "configuration", "ema", "step"} <= state.keys():
        raise ModelError(f"{path}: not a training state; start a new run in another folder")
    return state


def load_state(path: Path, architecture: str, configuration: dict[str, Any]) -> dict[str, Any]:
    """`read_state`, for resuming a run of this architecture and configuration. Raises `ModelError`."""
    state = read_state(path)
    found = state["architecture"], state["configuration"]
    if found != (architecture, configuration):
        raise ModelError(
            f"{path}: belongs to {found[0]} {found[1]}, not to {architecture} {configuration}; use another --output"
        )
    missing = sorted(_RESUMED - state.keys())
    if missing:
        raise ModelError(f"{path}: has no {', '.join(missing)} to go on from; use another --output")
    return state


@contextmanager
def fitting(path: Path, part: str, options: str) -> Iterator[None]:
    """Around loading the `part` of a state: that it does not fit what `options` made becomes a `ModelError`."""
    try:
        yield
    # what torch raises for tensors and for optimizers of another shape
    except (RuntimeError, ValueError, KeyError) as exc:
        raise ModelError(
            f"{path}: its {part} does not fit; give the same {options} as before, or use another --output"
        ) from exc
