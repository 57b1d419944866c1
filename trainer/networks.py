"""The networks of a run before their first step: where weights come from, what learns, in which memory layout."""

from __future__ import annotations

import functools
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from batchcolor.generators import Generator, build
from batchcolor.generators.base import Hints
from batchcolor.generators.checkpoint import load_weights

from .adapters import adapter_of
from .discriminator import NLayerDiscriminator
from .export import named_checkpoint
from .settings import IMAGENET, SCRATCH, Gan, TrainSettings

Module = TypeVar("Module", bound=nn.Module)


def initial_generator(settings: TrainSettings) -> Generator:
    """The generator with the weights that `settings.init` names. Raises `ModelError`."""
    generator = build(settings.architecture, settings.configuration)
    adapter = adapter_of(settings.architecture)
    if settings.init == IMAGENET:
        adapter.load_imagenet(generator)
    elif settings.init != SCRATCH:
        load_weights(generator, adapter.completed(generator, named_checkpoint(settings.init).tensors))
    return prepared(generator)


def unloaded_generator(settings: TrainSettings) -> Generator:
    """The generator for a training state to be loaded into; what `settings.init` names is not needed any more."""
    return prepared(build(settings.architecture, settings.configuration))


def prepared(generator: Generator) -> Generator:
    """In the fastest memory layout, its last convolution in float32."""
    float32_output(generator)
    return channels_last(generator)


def float32_output(generator: Generator) -> None:
    """Have the last convolution compute in float32 under autocast, and with it the tanh and the scaling behind it.

    bfloat16 has 8 bits of precision: at ab 100 it would round colours, and the loss's gradient, to steps of half a unit and more.
    """
    layer = cast(nn.Conv2d, generator.get_submodule(generator.output_layer))
    layer.forward = functools.partial(_in_float32, layer)  # type: ignore[method-assign]  # keeps the names in its state


def _in_float32(layer: nn.Conv2d, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return nn.Conv2d.forward(layer, x.float())


class Predictor(nn.Module):
    """A generator as a training step calls it: ab, and with `classes` the logits of its ab bins, else None.

    One forward gives everything that losses are computed from, so that DistributedDataParallel can wrap it. Without `classes` the
    part that only they would teach is frozen.
    """

    def __init__(self, generator: Generator, classes: bool) -> None:
        super().__init__()
        self.generator = generator
        self._adapter = adapter_of(generator.architecture)
        auxiliary = self._adapter.auxiliary(generator)
        self._classes = classes and auxiliary is not None
        if auxiliary is not None:
            auxiliary.requires_grad_(self._classes)

    def forward(self, L: Tensor, hints: Hints | None) -> tuple[Tensor, Tensor | None]:
        if self._classes:
            return self._adapter.predict_with_classes(self.generator, L, hints)
        return self.generator(L, hints), None


def initial_discriminator(gan: Gan, seed: int) -> NLayerDiscriminator:
    """A discriminator from scratch; the generator's random numbers are the same with it and without it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return channels_last(NLayerDiscriminator(gan.channels, gan.norm))


def channels_last(module: Module) -> Module:
    """`module`, its convolutions' weights in the memory layout that is fastest on CPUs and tensor cores alike."""
    # mypy: Module.to has no overload for memory_format alone
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def freeze(generator: Generator, stages: int | None) -> None:
    """Freeze a pretrained encoder's first `stages` stages and its stem, and let its others learn; 0: all learn; None: none does."""
    for number, part in enumerate(adapter_of(generator.architecture).encoder_stages(generator)):
        part.requires_grad_(stages is not None and (stages == 0 or number > stages))


def train_mode(generator: Generator, pretrained: bool = True) -> None:
    """Training mode. pretrained: norms keep the statistics that came with their weights, an ImageNet encoder's or all of siggraph17's.

    A batch of a few crops would only disturb those, and every process would disturb them differently. A network from scratch has none
    worth keeping.
    """
    generator.train()
    if pretrained:
        for part in adapter_of(generator.architecture).pretrained_norms(generator):
            part.eval()


def on_device(generator: Generator, device: torch.device, world: int) -> Generator:
    """`generator` on its device; norms that learn their statistics then see the batches of all processes (on GPUs: torch has that for
    no other device)."""
    if world > 1 and device.type == "cuda" and adapter_of(generator.architecture).synchronizes_norms:
        generator = cast(Generator, nn.SyncBatchNorm.convert_sync_batchnorm(generator))  # type: ignore[no-untyped-call]
    return generator.to(device)
