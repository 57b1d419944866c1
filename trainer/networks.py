"""The networks of a run before their first step: where weights come from, what learns, in which memory layout."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from batchcolor.errors import ModelError
from batchcolor.generators import Generator, build
from batchcolor.generators.base import Hints
from batchcolor.generators.checkpoint import load_weights
from batchcolor.generators.lite import LiteGenerator
from batchcolor.generators.siggraph17 import SIGGRAPHGenerator

from .discriminator import NLayerDiscriminator
from .export import named_checkpoint
from .pretrained import load_imagenet_encoder
from .settings import Adversary, TrainSettings

Module = TypeVar("Module", bound=nn.Module)


def initial_generator(settings: TrainSettings) -> Generator:
    """The generator with the weights that `settings.init` names. Raises `ModelError`."""
    generator = build(settings.architecture, settings.configuration)
    if settings.init == "imagenet":
        if not isinstance(generator, LiteGenerator):
            raise ModelError(f"{settings.architecture} has no ImageNet encoder; start from --init scratch or a checkpoint")
        load_imagenet_encoder(generator)
    elif settings.init != "scratch":
        tensors = named_checkpoint(settings.init).tensors
        unhinted = isinstance(generator, LiteGenerator) and not any(name.startswith("hinted.") for name in tensors)
        # Weights that never saw hints begin with those parts at zero, where they change nothing.
        load_weights(generator, {**_hinted(generator), **tensors} if unhinted else tensors)
    return channels_last(generator)


def _hinted(generator: Generator) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in generator.state_dict().items() if name.startswith("hinted.")}


class Predictor(nn.Module):
    """A generator as a training step calls it: ab, and with `classes` siggraph17's logits of the ab bins, else None.

    One forward gives all that losses are made of, so that DistributedDataParallel can wrap it. Without `classes` the part that only
    they would teach is frozen.
    """

    def __init__(self, generator: Generator, classes: bool) -> None:
        super().__init__()
        self.generator = generator
        self.classes = classes and isinstance(generator, SIGGRAPHGenerator)
        if isinstance(generator, SIGGRAPHGenerator):
            generator.model_class.requires_grad_(self.classes)

    def forward(self, L: Tensor, hints: Hints | None) -> tuple[Tensor, Tensor | None]:
        if self.classes:
            ab, logits = cast(SIGGRAPHGenerator, self.generator).predict_with_classes(L, hints)
            return ab.float(), logits
        return self.generator(L, hints), None


def initial_discriminator(adversary: Adversary, seed: int) -> NLayerDiscriminator:
    """A discriminator from scratch; the generator's random numbers are the same with it and without it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return channels_last(NLayerDiscriminator(adversary.planes, adversary.norm))


def channels_last(module: Module) -> Module:
    """`module`, its convolutions' weights in the memory layout that is fastest on CPUs and tensor cores alike."""
    # mypy: Module.to has no overload for memory_format alone
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def freeze(generator: Generator, stages: int) -> None:
    """Stop lite's encoder from learning in its stem and first `stages` stages; 0 leaves all of it free."""
    if isinstance(generator, LiteGenerator) and stages:
        for part in (generator.encoder.stem, *generator.encoder.stages[:stages]):
            part.requires_grad_(False)


def parameter_groups(generator: Generator, encoder_rate: float) -> list[dict[str, Any]]:
    """What learns, for the optimizer; the encoder's group has `scale` `encoder_rate`, the other 1."""
    learning = [(name, p) for name, p in generator.named_parameters() if p.requires_grad]
    encoder = [p for name, p in learning if name.startswith("encoder.")]
    rest = [p for name, p in learning if not name.startswith("encoder.")]
    groups: list[dict[str, Any]] = [{"params": rest, "scale": 1.0}, {"params": encoder, "scale": encoder_rate}]
    return [group for group in groups if group["params"]]


def train_mode(generator: Generator) -> None:
    """Training mode, with the statistics of norms that came with weights kept: an ImageNet encoder's, all of siggraph17's.

    A batch of a few crops would only disturb them, and every process would disturb them differently.
    """
    generator.train()
    if isinstance(generator, LiteGenerator):
        generator.encoder.eval()
    else:
        for module in generator.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def on_device(generator: Generator, device: torch.device, world: int) -> Generator:
    """`generator` on its device; lite's decoder norms then see the batches of all processes (torch has that for GPUs only)."""
    if world > 1 and device.type == "cuda" and isinstance(generator, LiteGenerator):
        generator = cast(Generator, nn.SyncBatchNorm.convert_sync_batchnorm(generator))  # type: ignore[no-untyped-call]
    return generator.to(device)
