"""The training run, top to bottom: settings, data, networks, optimizers, then one loop."""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from batchcolor.errors import ModelError, UsageError
from batchcolor.runtime.file_lock import file_lock

from .batches import Batches
from .decoding import Picture
from .evaluate import decodable
from .networks import Predictor, freeze, initial_discriminator, initial_generator, on_device, train_mode, unloaded_generator
from .optimizers import adamw, set_learning_rate
from .options import values_of
from .parallel import Processes, gradients_shared, joined, training_device
from .randomness import random_of
from .report import CURVE_FILE, LOG_FILE, NoReport, RunReport, forget_after
from .running import RunningMeans, not_finite
from .settings import SCRATCH, TrainSettings, changed, learning_rate_factor
from .sources import Source, find_sources
from .state import STATE_FILE, Ema, fitting, load_state, save_state
from .step import TrainedDiscriminator, forward_backward
from .validation import Validation

log = logging.getLogger(__name__)

_LOG_STEPS = 20
_NAMED = 3  # losses or tensors that a message names


def train(
    data: Sequence[Path],
    output: Path,
    settings: TrainSettings,
    validation: Sequence[Picture],
    preview: Sequence[Picture],
    source_weights: Mapping[str, float] | None = None,
) -> None:
    """Train into the folder `output`; where its state file is there, resume from it.

    validation: pictures for the validation curve; preview: pictures for a second sheet, whose true colours nobody knows. Writes the
    state, a CSV of losses, a CSV of validation figures, the best checkpoint and sheets. Ends on the budget, on SIGTERM or on Ctrl-C,
    each time with the state saved. Raises `UsageError`, `SourceError`, `ModelError`, `OutputError`, and `BusyError` where another run
    trains into that folder.
    """
    if (settings.minutes is None) == (settings.steps is None):
        raise UsageError("give either --minutes or --steps")
    device = training_device(settings.device)
    with joined(device, timedelta(minutes=settings.validation_timeout)) as processes:
        part = processes.part_of(settings.batch_size)
        if part % settings.accumulate:
            raise UsageError(f"--accumulate {settings.accumulate} does not divide the {part} pictures of a process")
        output.mkdir(parents=True, exist_ok=True)
        with file_lock(output, of=output) if processes.is_main else contextlib.nullcontext():
            sources = find_sources(data, dict(source_weights or {}))
            if processes.is_main:  # what cannot be evaluated on is said once, and before hours are spent
                validation, preview = (decodable(pictures) if pictures else [] for pictures in (validation, preview))
            validated = Validation(output, validation, preview, settings.validation_size)
            _train(sources, output, settings, validated, device, processes, part)


def _train(
    sources: Sequence[Source],
    output: Path,
    settings: TrainSettings,
    validation: Validation,
    device: torch.device,
    processes: Processes,
    part: int,
) -> None:
    torch.manual_seed(settings.seed)
    torch.backends.cudnn.benchmark = device.type == "cuda"  # crops have one size, so the fastest algorithms are found once
    state_path = output / STATE_FILE

    # data
    batches = Batches(sources, settings.sampling, part, settings.seed, first=processes.rank * part)
    log.info("%d pictures from %d sources", len(batches), len(sources))

    # networks and optimizers
    resumed = None
    if state_path.exists():
        generator = unloaded_generator(settings)
        resumed = load_state(state_path, settings.architecture, generator.configuration())
        with fitting(state_path, "generator", "--generator"):
            generator.load_state_dict(resumed["generator"])
        # What the run began with decides what learns, whatever --init says now.
        settings = replace(settings, init=resumed.get("settings", {}).get("init", settings.init))
    else:
        generator = initial_generator(settings)
    generator = on_device(generator, device, processes.world)
    predictor = Predictor(generator, classes=settings.objective.needs_classes)
    if settings.compile:
        predictor.compile()
    freeze(generator, settings.frozen)
    optimizer = adamw(generator, settings)
    ema = Ema(generator, settings.ema_decay)
    gan, discriminator = settings.gan, None
    if gan.weight > 0:
        patch_gan = initial_discriminator(gan, settings.seed).to(device)
        # The usual momentum of 0.5 for GANs (Radford et al. 2016, arXiv 1511.06434): the generator changes, so old gradients mislead.
        d_optimizer = torch.optim.Adam(patch_gan.parameters(), lr=gan.learning_rate, betas=(0.5, 0.999), fused=True)
        discriminator = TrainedDiscriminator(patch_gan, processes.shared(patch_gan), d_optimizer)
    adversary = discriminator.shared if discriminator is not None else None
    step, joint_steps, elapsed_s = 0, 0, 0.0
    recorded = {**values_of(settings), "processes": processes.world, "pictures": len(batches)}

    # resume
    if resumed is not None:
        own = [dict(group) for group in optimizer.param_groups]
        with fitting(state_path, "optimizer", "--frozen-stages and --class-weight (0 or not)"):
            optimizer.load_state_dict(resumed["optimizer"])
        for group, given in zip(optimizer.param_groups, own, strict=True):  # the state's moments, but this run's options
            group.update(scale=given["scale"], weight_decay=given["weight_decay"])
        ema.tensors = {name: tensor.to(device) for name, tensor in resumed["ema"].items()}
        ema.updates = resumed["ema_updates"]
        step, elapsed_s = resumed["step"], resumed["elapsed_s"]
        if discriminator is not None and resumed.get("discriminator"):
            with fitting(state_path, "discriminator", "--discriminator-channels and --discriminator-norm"):
                discriminator.load_state_dict(resumed["discriminator"])
            joint_steps = resumed["joint_steps"]
        for table in (LOG_FILE, CURVE_FILE) if processes.is_main else ():
            forget_after(output / table, step)
        log.info("resumed at step %d", step)
        if (others := changed(resumed.get("settings", {}), recorded)) and processes.is_main:
            log.warning("%s: resumed with other settings than it was saved with: %s", state_path, ", ".join(others))
        del resumed

    means = RunningMeans()

    def stop_if_not_finite(tensors: Mapping[str, Tensor]) -> None:
        bad = not_finite(tensors)
        if bad:
            more = f" (and {len(bad) - _NAMED} more)" if len(bad) > _NAMED else ""
            raise ModelError(
                f"{output}: {' and '.join(bad[:_NAMED])}{more} became infinite or not a number by step {step}; the last saved state is "
                "good: resume from it with a lower --learning-rate"
            )

    def save() -> None:
        stop_if_not_finite(generator.state_dict())
        save_state(
            {
                "architecture": settings.architecture,
                "configuration": generator.configuration(),
                "generator": generator.state_dict(),
                "optimizer": optimizer.state_dict(),
                "ema": ema.tensors,
                "ema_updates": ema.updates,
                "discriminator": discriminator.state_dict() if discriminator is not None else None,
                "step": step,
                "joint_steps": joint_steps,
                "elapsed_s": elapsed_s,
                "settings": recorded,
            },
            state_path,
        )

    stop = False

    def on_signal(*_: object) -> None:
        nonlocal stop
        stop = True

    stream = batches.from_step(step, settings.workers, pinned=device.type == "cuda")
    report = RunReport(output) if processes.is_main else NoReport()
    previous = {s: signal.signal(s, on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
    started = time.monotonic() - elapsed_s
    saved_s = validated_s = elapsed_s
    logged = time.monotonic()
    encoder_frozen, network = None, None
    bar = tqdm(initial=step, total=settings.steps, unit="step", disable=None if processes.is_main else True)
    try:
        for rgb in stream:
            # progress, and what it decides
            elapsed_s = time.monotonic() - started
            progress = step / settings.steps if settings.steps else elapsed_s / (60 * (settings.minutes or 1))
            progress = processes.broadcast(2.0 if stop else progress)  # all stop at one step, and learn at one rate
            if progress >= 1:
                break
            joint = discriminator if gan.begun(step, progress) else None
            losses = settings.objective.active(step, progress)
            if (frozen := settings.encoder_frozen(step, progress)) != encoder_frozen:
                encoder_frozen = frozen
                freeze(generator, None if frozen else settings.frozen)
                network = processes.shared(predictor)  # which has to know what learns
            factor = learning_rate_factor(step, progress, settings.warmup_steps)
            set_learning_rate(optimizer, factor * settings.learning_rate)
            if discriminator is not None:
                discriminator.set_learning_rate(gan.learning_rate * learning_rate_factor(joint_steps, progress, gan.ramp_steps))

            # forward, backward; both networks' gradients add up over the pieces
            train_mode(generator, pretrained=settings.init != SCRATCH)
            optimizer.zero_grad(set_to_none=True)
            if discriminator is not None:
                discriminator.optimizer.zero_grad(set_to_none=True)
            random = random_of(settings.seed, step, processes.rank, device)
            pieces = rgb.to(device, non_blocking=True).chunk(settings.accumulate)
            for number, piece in enumerate(pieces, start=1):
                last = number == len(pieces)
                with gradients_shared(network, last), gradients_shared(adversary, last):
                    terms = forward_backward(
                        generator,
                        piece,
                        network=network,
                        losses=losses,
                        degradation=settings.degradation,
                        random=random,
                        autocast=settings.autocast,
                        hints=settings.hints,
                        share=1 / len(pieces),
                        discriminator=joint,
                        gan_weight=gan.weight_at(joint_steps),
                    )
                means.add(terms, share=1 / len(pieces))

            # clip, step
            means.add({"norm": torch.nn.utils.clip_grad_norm_(generator.parameters(), settings.clip_norm)})
            optimizer.step()
            if joint is not None:
                means.add({"d_norm": joint.clip()})
                joint.optimizer.step()
            ema.update(generator)
            step += 1
            joint_steps += joint is not None

            # log: the only place where a GPU is waited for, and where numbers that are none are found
            bar.update()
            if step % _LOG_STEPS == 0:
                values = means.take(processes)
                stop_if_not_finite(values)
                if processes.is_main:
                    now = time.monotonic()
                    row = {"pictures_s": round(_LOG_STEPS * settings.batch_size / (now - logged), 1)}
                    row |= {name: round(float(value), 4) for name, value in values.items()}
                    logged = now
                    bar.set_postfix(row)
                    report.losses(step, elapsed_s, {"learning_rate": factor * settings.learning_rate, **row})
            if not processes.is_main:
                continue

            # save, validate
            if elapsed_s - saved_s > 60 * settings.save_minutes:
                save()
                saved_s = elapsed_s
            if elapsed_s - validated_s > 60 * settings.validation_minutes:
                validation.run(generator, ema.tensors, step, elapsed_s, report)
                started += time.monotonic() - started - elapsed_s  # validation does not count as training
                validated_s = elapsed_s
        if processes.is_main:
            save()
            validation.run(generator, ema.tensors, step, elapsed_s, report)
            report.close()
        log.info("%d gray and %d undecodable pictures were found and left out", len(batches.gray), len(batches.broken))
    finally:
        stream.close()
        bar.close()
        for s, handler in previous.items():
            signal.signal(s, handler)
