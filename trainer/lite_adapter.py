"""Training lite: an ImageNet encoder of several sizes, which may be frozen in part, and hints that older weights lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from batchcolor.errors import UsageError
from batchcolor.generators import Generator
from batchcolor.generators.lite import ENCODERS, LiteGenerator

from .adapter import Adapter
from .options import setting
from .pretrained import load_imagenet_encoder

_HINTS = "hinted."


@dataclass(frozen=True, slots=True)
class LiteOptions:
    encoder: str = setting("lite2", "lite: its EfficientNet encoder.", choices=ENCODERS)
    widths: str = setting("", "lite: channels of its decoder at 1/32, 1/16, 1/8 and 1/4, such as 256,192,128,96.")

    def configuration(self, hints: bool) -> dict[str, Any]:
        """Raises `UsageError` for widths that are not four numbers."""
        built: dict[str, Any] = {"encoder": self.encoder} | ({"hints": True} if hints else {})
        if self.widths:
            try:
                built["widths"] = [int(width) for width in self.widths.split(",")]
            except ValueError as exc:
                raise UsageError(f"--widths {self.widths}: give four numbers, such as 256,192,128,96") from exc
        return built


class LiteAdapter(Adapter):
    Options: ClassVar[type[Any]] = LiteOptions
    synchronizes_norms: ClassVar[bool] = True

    def load_imagenet(self, generator: Generator) -> None:
        load_imagenet_encoder(cast(LiteGenerator, generator))

    def completed(self, generator: Generator, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        if any(name.startswith(_HINTS) for name in tensors):
            return tensors
        # Weights that never saw hints begin with those parts at zero, where they change nothing.
        return {**{name: t for name, t in generator.state_dict().items() if name.startswith(_HINTS)}, **tensors}

    def encoder_stages(self, generator: Generator) -> list[nn.Module]:
        encoder = cast(LiteGenerator, generator).encoder
        return [encoder.stem, *encoder.stages]

    def pretrained_norms(self, generator: Generator) -> Iterable[nn.Module]:
        return [cast(LiteGenerator, generator).encoder]
