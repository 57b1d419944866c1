"""Training siggraph17: its classes are an output of their own."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from batchcolor.generators import Generator
from batchcolor.generators.base import Hints
from batchcolor.generators.siggraph17 import SIGGRAPHGenerator

from .adapter import Adapter


class Siggraph17Adapter(Adapter):
    def auxiliary(self, generator: Generator) -> nn.Module | None:
        return cast(SIGGRAPHGenerator, generator).model_class

    def predict_with_classes(self, generator: Generator, L: Tensor, hints: Hints | None) -> tuple[Tensor, Tensor | None]:
        ab, logits = cast(SIGGRAPHGenerator, generator).predict_with_classes(L, hints)
        return ab.float(), logits
