"""What training has to know of an architecture of generators: the default, which `adapters.py` lists the exceptions to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from batchcolor.errors import ModelError
from batchcolor.generators import Generator
from batchcolor.generators.base import Hints


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a generator that has none."""

    def configuration(self, hints: bool) -> dict[str, Any]:
        """What `generators.build` gets. hints: whether the generator shall learn to take hints."""
        return {}


class Adapter:
    """The default: no pretrained part, everything learns, ab is the only output."""

    Options: ClassVar[type[Any]] = NoOptions
    synchronizes_norms: ClassVar[bool] = False  # whether BatchNorms see the batches of all processes

    def load_imagenet(self, generator: Generator) -> None:
        """Fill the encoder with ImageNet weights. Raises `ModelError` where there is none, or none installed."""
        raise ModelError(f"{generator.architecture} has no ImageNet encoder; start from --init scratch or a checkpoint")

    def completed(self, generator: Generator, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Weights of an older kind, with what `generator` has beyond them."""
        return tensors

    def encoder_stages(self, generator: Generator) -> list[nn.Module]:
        """The parts of a pretrained encoder from the input on; [] without one."""
        return []

    def pretrained_norms(self, generator: Generator) -> Iterable[nn.Module]:
        """The parts whose norms keep the statistics that came with pretrained weights."""
        return (module for module in generator.modules() if isinstance(module, nn.BatchNorm2d))

    def auxiliary(self, generator: Generator) -> nn.Module | None:
        """The part that only predicts classes and learns only where a loss needs them."""
        return None

    def predict_with_classes(self, generator: Generator, L: Tensor, hints: Hints | None) -> tuple[Tensor, Tensor | None]:
        """ab, and the logits of ab bins where the generator has them."""
        return generator(L, hints), None
