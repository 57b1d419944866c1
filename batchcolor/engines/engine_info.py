"""What a network runs on, as the driver of a run hears it from a worker; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..settings import EngineName, ModelSettings, Precision
from .devices import is_shared

if TYPE_CHECKING:
    from .base import Engine


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What "auto" resolved to on a machine; sent to all processes of a run, so that they compute alike."""

    engine: EngineName
    precision: Precision
    device: str

    @classmethod
    def of(cls, engine: Engine) -> EngineInfo:
        return cls(engine.name, engine.precision, engine.device)

    def resolve_auto(self, model: ModelSettings) -> ModelSettings:
        """The settings that open the same engine without choosing again."""
        device = model.device if is_shared(model.device) else self.device
        return replace(model, engine=self.engine, device=device, precision=self.precision)
