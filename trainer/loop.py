"""The training run, top to bottom: settings, data, networks, optimizers, then one loop."""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from batchcolor.errors import ModelError, UsageError
from batchcolor.generators import build
from batchcolor.runtime.file_lock import file_lock

from .data import Batches, Picture, Source, find_sources
from .evaluate import decodable, evaluate
from .metrics import summarize
from .networks import Predictor, freeze, initial_discriminator, initial_generator, on_device, parameter_groups, train_mode
from .options import values_of
from .parallel import Processes, gradients_shared, join, training_device
from .report import CURVE_FILE, LOG_FILE, NoReport, RunReport, forget_after
from .settings import TrainSettings, changed, learning_rate_factor
from .sheets import sheet, write_sheet
from .state import STATE_FILE, Ema, fitting, load_state, save_state
from .step import Opponent, forward_backward, random_of

log = logging.getLogger(__name__)

_LOG_STEPS = 20
_NAMED = 3  # losses or tensors that a sentence names


def train(
    data: Sequence[Path],
    output: Path,
    settings: TrainSettings,
    judged: Sequence[Picture],
    shown: Sequence[Picture],
    source_weights: Mapping[str, float] | None = None,
) -> None:
    """Train into the folder `output`, going on from its state file where there is one.

    judged: validation pictures for the curve; shown: pictures without truth for a second sheet. Writes the state, a CSV of losses, a
    CSV of validation figures, and sheets. Ends on the budget, on SIGTERM or on Ctrl-C, each time with the state saved.
    """
    if (settings.minutes is None) == (settings.steps is None):
        raise UsageError("give either --minutes or --steps")
    device = training_device(settings.device)
    processes = join(device)
    part = processes.part_of(settings.batch_size)
    if part % settings.accumulate:
        raise UsageError(f"--accumulate {settings.accumulate} does not divide the {part} pictures of a process")
    output.mkdir(parents=True, exist_ok=True)
    with file_lock(output, of=output) if processes.first else contextlib.nullcontext():
        _train(find_sources(data, dict(source_weights or {})), output, settings, judged, shown, device, processes, part)


def _train(
    sources: Sequence[Source],
    output: Path,
    settings: TrainSettings,
    judged: Sequence[Picture],
    shown: Sequence[Picture],
    device: torch.device,
    processes: Processes,
    part: int,
) -> None:
    torch.manual_seed(settings.seed)

    # data
    if processes.first:  # what cannot be judged on is said once, and before hours are spent
        judged, shown = (decodable(pictures) if pictures else [] for pictures in (judged, shown))
    batches = Batches(sources, settings.sampling, part, settings.seed, settings.decode_threads, first=processes.rank * part)
    log.info("%d pictures from %d sources", len(batches), len(sources))

    # networks and optimizers
    generator = initial_generator(settings)
    freeze(generator, settings.frozen_stages)
    generator = on_device(generator, device, processes.world)
    network = processes.shared(Predictor(generator, classes=settings.objective.class_weight > 0))
    groups = parameter_groups(generator, settings.encoder_rate)
    optimizer = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)
    ema = Ema(generator, settings.ema_decay)
    adversary, opponent = settings.adversary, None
    if adversary.weight > 0:
        discriminator = initial_discriminator(adversary, settings.seed).to(device)
        # The usual momentum of 0.5 for GANs (Radford et al. 2016, arXiv 1511.06434): the opponent moves, so old gradients mislead.
        d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=adversary.rate, betas=(0.5, 0.999))
        opponent = Opponent(discriminator, processes.shared(discriminator), d_optimizer)
    rival = opponent.shared if opponent is not None else None
    step, joint_steps, elapsed_s = 0, 0, 0.0
    told = {**values_of(settings), "processes": processes.world, "pictures": len(batches)}

    # resume
    state_path = output / STATE_FILE
    if state_path.exists():
        state = load_state(state_path, settings.architecture, generator.configuration())
        with fitting(state_path, "generator", "--generator"):
            generator.load_state_dict(state["generator"])
        with fitting(state_path, "optimizer", "--frozen-stages and --class-weight (0 or not)"):
            optimizer.load_state_dict(state["optimizer"])
        for group, own in zip(optimizer.param_groups, groups, strict=True):  # the state's moments, but this run's options
            group.update(scale=own["scale"], weight_decay=settings.weight_decay)
        ema.tensors = {name: tensor.to(device) for name, tensor in state["ema"].items()}
        ema.updates = state["ema_updates"]
        step, elapsed_s = state["step"], state["elapsed_s"]
        if opponent is not None and state.get("discriminator"):
            with fitting(state_path, "discriminator", "--discriminator-planes and --discriminator-norm"):
                opponent.load_state_dict(state["discriminator"])
            joint_steps = state["joint_steps"]
        for table in (LOG_FILE, CURVE_FILE) if processes.first else ():
            forget_after(output / table, step)
        log.info("resumed at step %d", step)
        if (others := changed(state.get("settings", {}), told)) and processes.first:
            log.warning("%s: goes on with other settings than it was saved with: %s", state_path, ", ".join(others))

    report = RunReport(output) if processes.first else NoReport()

    def stop_at_no_number(tensors: Mapping[str, Tensor]) -> None:
        bad = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        if bad:
            more = f" (and {len(bad) - _NAMED} more)" if len(bad) > _NAMED else ""
            raise ModelError(
                f"{output}: {' and '.join(bad[:_NAMED])}{more} became infinite or no number at step {step}; the last state saved is "
                "good: go on from it with a lower --rate"
            )

    def save() -> None:
        stop_at_no_number(generator.state_dict())  # a step may break weights whose losses were still numbers
        save_state(
            {
                "architecture": settings.architecture,
                "configuration": generator.configuration(),
                "generator": generator.state_dict(),
                "optimizer": optimizer.state_dict(),
                "ema": ema.tensors,
                "ema_updates": ema.updates,
                "discriminator": opponent.state_dict() if opponent is not None else None,
                "step": step,
                "joint_steps": joint_steps,
                "elapsed_s": elapsed_s,
                "settings": told,
            },
            state_path,
        )

    def judge() -> None:
        # on the device that trains: the other processes wait for its answers
        averaged = build(settings.architecture, generator.configuration()).to(device)
        averaged.load_state_dict(ema.tensors)
        averaged.eval()
        if judged:
            figures = summarize(list(evaluate(averaged, judged, settings.judge_size))).as_dict()
            report.figures(step, elapsed_s, figures)
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
    logged = time.monotonic()
    stream = batches.from_step(step)
    bar = tqdm(initial=step, total=settings.steps, unit="step", disable=None if processes.first else True)
    try:
        for rgb in stream:
            # where the run stands
            elapsed_s = time.monotonic() - started
            progress = step / settings.steps if settings.steps else elapsed_s / (60 * (settings.minutes or 1))
            progress = processes.agree(2.0 if stop else progress)  # all stop at one step, and learn at one rate
            if progress >= 1:
                break
            joint = opponent if adversary.begun(step, progress) else None

            # rates
            factor = learning_rate_factor(step, progress, settings.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * group["scale"] * factor
            if opponent is not None:
                opponent.set_rate(adversary.rate * learning_rate_factor(joint_steps, progress, adversary.ramp_steps))

            # forward, backward; both networks' gradients add up over the pieces
            train_mode(generator)
            optimizer.zero_grad(set_to_none=True)
            if opponent is not None:
                opponent.optimizer.zero_grad(set_to_none=True)
            rng = random_of(settings.seed, step, processes.rank)
            pieces = torch.from_numpy(rgb).to(device, non_blocking=True).chunk(settings.accumulate)
            for number, piece in enumerate(pieces, start=1):
                last = number == len(pieces)
                with gradients_shared(network, last), gradients_shared(rival, last):
                    losses = forward_backward(
                        generator,
                        piece,
                        network=network,
                        objective=settings.objective,
                        degrade=settings.degrade,
                        rng=rng,
                        autocast=settings.autocast,
                        hints=settings.hints,
                        share=1 / settings.accumulate,
                        opponent=joint,
                        gan_weight=adversary.weight_at(joint_steps),
                    )

            # clip, stop where anything is not a number, step
            losses["norm"] = torch.nn.utils.clip_grad_norm_(generator.parameters(), settings.clip_norm)
            if joint is not None:
                losses["d_norm"] = joint.clip()
            stop_at_no_number(losses)
            optimizer.step()
            if joint is not None:
                joint.optimizer.step()
            ema.update(generator)
            step += 1
            joint_steps += joint is not None

            # log, save, judge
            bar.update()
            if step % _LOG_STEPS == 0 and processes.first:
                now = time.monotonic()
                row = {"pictures_s": round(_LOG_STEPS * settings.batch_size / (now - logged), 1)}
                row |= {name: round(loss.item(), 4) for name, loss in losses.items()}
                logged = now
                bar.set_postfix(row)
                report.losses(step, elapsed_s, {"rate": factor * settings.rate, **row})
            if not processes.first:
                continue
            if elapsed_s - saved > 60 * settings.save_minutes:
                save()
                saved = elapsed_s
            if elapsed_s - judged_at > 60 * settings.judge_minutes:
                judge()
                started += time.monotonic() - started - elapsed_s  # judging does not count as training
                judged_at = elapsed_s
        if processes.first:
            save()
            judge()
            report.close()
        log.info("%d gray and %d broken pictures were met and left out", len(batches.gray), len(batches.broken))
    finally:
        stream.close()
        bar.close()
        for s, handler in previous.items():
            signal.signal(s, handler)
