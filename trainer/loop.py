"""The training run, top to bottom: settings, data, network, optimizer, then one loop."""

from __future__ import annotations

import csv
import logging
import math
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from batchcolor.errors import ModelError, UsageError
from batchcolor.generators import Generator, build
from batchcolor.generators.checkpoint import load, load_weights
from batchcolor.generators.lite import LiteGenerator

from .data import Batches, Picture, Sampling, find_sources
from .degrade import Degrade
from .evaluate import evaluate
from .metrics import summarize
from .pretrained import load_imagenet_encoder
from .sheets import sheet, write_sheet
from .state import Ema, load_state, save_state
from .step import Objective, reconstruction_losses

log = logging.getLogger(__name__)

STATE_FILE = "state.pt"
LOG_FILE = "log.csv"
CURVE_FILE = "validation.csv"


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run. Rates are peak rates; the encoder learns at `encoder_rate` times the decoder's (its ImageNet features are worth
    keeping: at 0.4 it unlearns them within half an hour). frozen_stages: stages of lite's encoder, from the stem on, that do not
    learn at all; three of seven double the speed on a CPU, as no gradient goes through the large planes. Exactly one of `minutes`
    and `steps` ends the run.
    """

    architecture: str = "lite"
    configuration: dict[str, Any] = field(default_factory=dict)
    init: str = "imagenet"  # imagenet, scratch, or a checkpoint's path
    minutes: float | None = None
    steps: int | None = None
    batch_size: int = 32
    rate: float = 6e-4
    encoder_rate: float = 0.1
    frozen_stages: int = 3
    weight_decay: float = 0.01
    warmup_steps: int = 300
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    autocast: bool = True
    seed: int = 0
    sampling: Sampling = Sampling()
    objective: Objective = Objective()
    degrade: Degrade = Degrade()
    save_minutes: float = 3.0
    judge_minutes: float = 6.0
    judge_size: int = 256
    decode_threads: int = 1


def learning_rate_factor(step: int, progress: float, warmup_steps: int) -> float:
    """Linear warm-up over `warmup_steps`, then a half cosine to 1 % over the run; progress 0..1."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def initial_generator(settings: TrainSettings) -> Generator:
    """The generator with the weights that `settings.init` names. Raises `ModelError`."""
    generator = build(settings.architecture, settings.configuration)
    if settings.init == "imagenet":
        if not isinstance(generator, LiteGenerator):
            raise ModelError(f"{settings.architecture} has no ImageNet encoder; start from --init scratch or a checkpoint")
        load_imagenet_encoder(generator)
    elif settings.init != "scratch":
        load_weights(generator, load(settings.init).tensors)
    return generator


def freeze(generator: Generator, stages: int) -> None:
    """Stop lite's encoder from learning in its stem and first `stages` stages; 0 leaves all of it free."""
    if isinstance(generator, LiteGenerator) and stages:
        for part in (generator.encoder.stem, *generator.encoder.stages[:stages]):
            part.requires_grad_(False)


def train_mode(generator: Generator) -> None:
    """Training mode, with the statistics of an ImageNet encoder's norms kept as they are."""
    generator.train()
    if isinstance(generator, LiteGenerator):
        generator.encoder.eval()


def train(
    data: Sequence[Path], output: Path, settings: TrainSettings, judged: Sequence[Picture], shown: Sequence[Picture]
) -> None:
    """Train into the folder `output`, going on from its state file where there is one.

    judged: validation pictures for the curve; shown: pictures without truth for a second sheet. Writes the state, a CSV of losses, a
    CSV of validation figures, and sheets. Ends on the budget, on SIGTERM or on Ctrl-C, each time with the state saved.
    """
    if (settings.minutes is None) == (settings.steps is None):
        raise UsageError("give either --minutes or --steps")
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)

    sources = find_sources(data)
    batches = Batches(sources, settings.sampling, settings.batch_size, settings.seed, settings.decode_threads)
    log.info("%d pictures from %d sources", len(batches), len(sources))

    generator = initial_generator(settings).to(memory_format=torch.channels_last)
    freeze(generator, settings.frozen_stages)
    learning = [(name, p) for name, p in generator.named_parameters() if p.requires_grad]
    encoder = [p for name, p in learning if name.startswith("encoder.")]
    rest = [p for name, p in learning if not name.startswith("encoder.")]
    groups = [{"params": rest, "scale": 1.0}] + ([{"params": encoder, "scale": settings.encoder_rate}] if encoder else [])
    optimizer = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)
    ema = Ema(generator, settings.ema_decay)
    rng = torch.Generator().manual_seed(settings.seed)
    step, elapsed_s = 0, 0.0

    state_path = output / STATE_FILE
    if state_path.exists():
        state = load_state(state_path, settings.architecture, generator.configuration())
        generator.load_state_dict(state["generator"])
        optimizer.load_state_dict(state["optimizer"])
        ema.tensors, ema.updates = state["ema"], state["ema_updates"]
        rng.set_state(state["rng"])
        step, elapsed_s = state["step"], state["elapsed_s"]
        log.info("resumed at step %d", step)

    def save() -> None:
        save_state(
            {
                "architecture": settings.architecture,
                "configuration": generator.configuration(),
                "generator": generator.state_dict(),
                "optimizer": optimizer.state_dict(),
                "ema": ema.tensors,
                "ema_updates": ema.updates,
                "rng": rng.get_state(),
                "step": step,
                "elapsed_s": elapsed_s,
            },
            state_path,
        )

    def judge() -> None:
        averaged = build(settings.architecture, generator.configuration())
        averaged.load_state_dict(ema.tensors)
        averaged.eval()
        if judged:
            figures = summarize(list(evaluate(averaged, judged, settings.judge_size))).as_dict()
            _append(output / CURVE_FILE, {"step": step, "minutes": round(elapsed_s / 60, 2), **figures})
            log.info(
                "step %d: gain %.2f dB pooled, %.2f mean, %.2f median, colourfulness %.2f",
                step,
                *(figures[k] for k in ("gain_pooled", "gain_mean", "gain_median", "colourfulness_ratio")),
            )
            write_sheet(output / "sheet_true.png", sheet(averaged, judged[:24], settings.judge_size, 2, truth=True))
        if shown:
            write_sheet(output / "sheet_old.png", sheet(averaged, shown, settings.judge_size, 3, truth=False))

    stop = False

    def on_signal(*_: object) -> None:
        nonlocal stop
        stop = True

    previous = {s: signal.signal(s, on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
    started = time.monotonic() - elapsed_s
    saved = judged_at = elapsed_s
    stream = batches.from_step(step)
    bar = tqdm(initial=step, total=settings.steps, unit="step", disable=None)
    try:
        for rgb in stream:
            # where the run stands
            elapsed_s = time.monotonic() - started
            progress = step / settings.steps if settings.steps else elapsed_s / (60 * (settings.minutes or 1))
            if stop or progress >= 1:
                break
            factor = learning_rate_factor(step, progress, settings.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * group["scale"] * factor

            # forward, backward
            train_mode(generator)
            losses = reconstruction_losses(
                generator, torch.from_numpy(rgb), settings.degrade, settings.objective, rng, settings.autocast
            )
            total = losses["ab"]
            if not torch.isfinite(total):
                raise ModelError(f"{output}: the loss became {total.item()} at step {step}; the last good state is kept")
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            norm = torch.nn.utils.clip_grad_norm_(generator.parameters(), settings.clip_norm)
            optimizer.step()
            ema.update(generator)
            step += 1

            # log, save, judge
            bar.update()
            if step % 20 == 0:
                row = {name: round(loss.item(), 4) for name, loss in losses.items()}
                bar.set_postfix(row)
                _append(
                    output / LOG_FILE,
                    {
                        "step": step,
                        "minutes": round(elapsed_s / 60, 2),
                        "rate": factor * settings.rate,
                        "norm": round(float(norm), 3),
                        **row,
                    },
                )
            if elapsed_s - saved > 60 * settings.save_minutes:
                save()
                saved = elapsed_s
            if elapsed_s - judged_at > 60 * settings.judge_minutes:
                judge()
                started += time.monotonic() - started - elapsed_s  # judging does not count as training
                judged_at = elapsed_s
        save()
        judge()
    finally:
        stream.close()
        bar.close()
        for s, handler in previous.items():
            signal.signal(s, handler)


def _append(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
