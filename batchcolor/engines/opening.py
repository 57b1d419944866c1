"""Opening the colorizer that settings name, once for each process."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..settings import ModelSettings
from ..weights import open_checkpoint
from . import open_cpu_fallback, open_engine
from .colorizer import Colorizer
from .devices import is_shared, mention_unused_gpu
from .engine_info import EngineInfo

_opened: dict[ModelSettings, Colorizer] = {}
_opening = threading.Lock()


def cached_colorizer(model: ModelSettings) -> Colorizer:
    """As `open_colorizer`, once a process for the same settings; "auto" and what it resolved to are the same settings."""
    with _opening:
        if model not in _opened:
            colorizer = open_colorizer(model)
            _opened.clear()  # one network at a time is enough to hold
            _opened[model] = _opened[EngineInfo.of(colorizer.engine).resolve_auto(model)] = colorizer
        return _opened[model]


def release_networks() -> None:
    """Give back the memory of opened networks that compute on the CPU, once nobody uses them; they are opened again when needed."""
    with _opening:
        for model in [model for model, colorizer in _opened.items() if colorizer.engine.device == "cpu"]:
            del _opened[model]


@dataclass(frozen=True, slots=True)
class ColorizerFactory:
    """Opens the colorizer of these settings where it is called, once a process; may be sent to other processes."""

    model: ModelSettings

    def __call__(self) -> Colorizer:
        return cached_colorizer(self.model)


def open_colorizer(model: ModelSettings) -> Colorizer:
    """The colorizer that the settings name, ready to run. Raises `ModelError` for the weights, `DeviceError` for the device."""
    if is_shared(model.device):
        from .gpu_client import SharedColorizer

        return SharedColorizer(model.device)
    checkpoint = open_checkpoint(model.weights)
    if (model.engine, model.device) == ("auto", "auto"):
        mention_unused_gpu()
    engine = open_engine(
        checkpoint, engine=model.engine, device=model.device, precision=model.precision, compile_=model.compile
    )
    return Colorizer.of_checkpoint(
        checkpoint,
        engine,
        network_size=model.network_size,
        batch_size=model.batch_size,
        fallback=None if engine.device == "cpu" else lambda: open_cpu_fallback(checkpoint, engine.precision),
    )
