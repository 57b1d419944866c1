"""`python -m trainer train | evaluate | export`."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import click
import torch

from batchcolor.errors import BatchcolorError

from .discriminator import NORMS

DATA = click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--threads", type=click.IntRange(1), help="Threads of the network; the default is one a core.")
def main(threads: int | None) -> None:
    """Train, judge and export colorization generators."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if threads:
        torch.set_num_threads(threads)


@main.command()
@DATA
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the run; an existing one is resumed.")
@click.option("--generator", "architecture", default="lite")
@click.option("--encoder", default="lite2", help="Encoder of lite: lite0, lite1 or lite2.")
@click.option("--init", default="imagenet", help="imagenet, scratch, or a checkpoint.")
@click.option("--minutes", type=float)
@click.option("--steps", type=int)
@click.option("--batch-size", default=32)
@click.option("--crop", default=192, help="Side of training crops in pixels.")
@click.option("--rate", default=6e-4)
@click.option("--encoder-rate", default=0.1, help="The encoder's rate, as a part of --rate.")
@click.option("--frozen-stages", default=3, help="Stages of lite's encoder that do not learn.")
@click.option("--chroma-scale", default=25.0, help="Colourful pixels weigh 1 + chroma/this; 0: all alike.")
@click.option("--loss", type=click.Choice(["charbonnier", "l1"]), default="charbonnier")
@click.option("--seed", default=0)
@click.option("--judge", multiple=True, type=click.Path(path_type=Path), help="Validation pictures for the curve.")
@click.option("--judge-pattern", default="*", help="Only validation files of this name.")
@click.option("--judge-every", default=4, help="Every n-th validation picture is judged during the run.")
@click.option("--show", multiple=True, type=click.Path(path_type=Path), help="Pictures without truth for a second sheet.")
@click.option("--judge-minutes", default=6.0)
@click.option("--save-minutes", default=3.0, help="The state is written this often, and at the end.")
@click.option("--widths", default="", help="Planes of lite's decoder at 1/32, 1/16, 1/8, 1/4, such as 256,192,128,96.")
@click.option("--warmup", default=300, help="Steps over which the rate rises from 0.")
@click.option("--gan-weight", default=0.0, help="Factor of the adversarial loss; 0: no discriminator.")
@click.option("--gan-from", default=0.0, help="Where the joint stage begins: below 1 a share of the run, from 1 on a step.")
@click.option("--gan-ramp", default=200, help="Steps of the joint stage over which --gan-weight rises from 0.")
@click.option("--discriminator-rate", default=2e-4)
@click.option("--discriminator-planes", default=64, help="Planes of its first layer; 64 are the paper's.")
@click.option("--discriminator-norm", type=click.Choice(NORMS), default=NORMS[0])
def train(
    data: tuple[Path, ...], output: Path, architecture: str, encoder: str, init: str, minutes: float | None, steps: int | None,
    batch_size: int, crop: int, rate: float, encoder_rate: float, frozen_stages: int, chroma_scale: float, loss: str, seed: int,
    judge: tuple[Path, ...], judge_pattern: str, judge_every: int, show: tuple[Path, ...], judge_minutes: float, save_minutes: float,
    widths: str, warmup: int, gan_weight: float, gan_from: float, gan_ramp: int, discriminator_rate: float,
    discriminator_planes: int, discriminator_norm: str,
) -> None:  # fmt: skip
    """Train on folders or tar shards of colour pictures.

    \b
    Example:
      python -m trainer train photos/ --output runs/lite --minutes 60
    """
    from .data import Sampling
    from .evaluate import find_pictures
    from .loop import train as run
    from .settings import Adversary, Objective, TrainSettings

    lite: dict[str, Any] = {"encoder": encoder}
    if widths:
        lite["widths"] = [int(width) for width in widths.split(",")]
    settings = TrainSettings(
        architecture=architecture,
        configuration=lite if architecture == "lite" else {},
        init=init,
        minutes=minutes,
        steps=steps,
        batch_size=batch_size,
        rate=rate,
        encoder_rate=encoder_rate,
        frozen_stages=frozen_stages,
        seed=seed,
        sampling=Sampling(size=crop),
        objective=Objective(reconstruction=loss, chroma_scale=chroma_scale),
        adversary=Adversary(gan_weight, gan_from, gan_ramp, discriminator_rate, discriminator_planes, discriminator_norm),
        warmup_steps=warmup,
        judge_minutes=judge_minutes,
        save_minutes=save_minutes,
    )
    judged = find_pictures(judge, judge_pattern)[::judge_every] if judge else []
    run(data, output, settings, judged, find_pictures(show, "*") if show else [])


@main.command()
@DATA
@click.option("--weights", required=True, type=click.Path(path_type=Path), help="A checkpoint, or the folder of a run.")
@click.option("--pattern", default="*", help="Only files of this name.")
@click.option("--size", default=256, help="The network sees about this many pixels squared.")
@click.option("--sheet", "sheet_path", type=click.Path(path_type=Path), help="Write a sheet of gray | colorized | true.")
@click.option("--json", "as_json", is_flag=True)
def evaluate(data: tuple[Path, ...], weights: Path, pattern: str, size: int, sheet_path: Path | None, as_json: bool) -> None:
    """Judge a generator on colour pictures.

    \b
    Example:
      python -m trainer evaluate photos/ --weights lite.safetensors
    """
    from . import evaluate as judging
    from .export import checkpoint_of
    from .metrics import summarize
    from .sheets import sheet, write_sheet

    generator = checkpoint_of(weights).generator()
    pictures = judging.find_pictures(data, pattern)
    figures = summarize(list(judging.evaluate(generator, pictures, size))).as_dict()
    if sheet_path:
        write_sheet(sheet_path, sheet(generator, pictures, size, 2, truth=True))
    click.echo(json.dumps(figures) if as_json else "\n".join(f"{name:22}{value:10.3f}" for name, value in figures.items()))


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="RUN...")
@click.option("--average", "averaged", is_flag=True, help="Each RUN is RUN:WEIGHT; export their weighted mean.")
@click.option("--chroma-gain", default=1.0, help="Factor on all chroma: livelier, and a little less true.")
@click.option("--output", required=True, type=click.Path(path_type=Path))
@click.option("--card", type=click.Path(path_type=Path, exists=True), help="JSON: data, command, figures, licences, limits.")
def export(sources: tuple[str, ...], averaged: bool, chroma_gain: float, output: Path, card: Path | None) -> None:
    """Turn a run (its folder) or a checkpoint into the checkpoint that `batchcolor --weights` loads.

    \b
    Examples:
      python -m trainer export runs/lite --output lite.safetensors --card card.json
      python -m trainer export --average runs/true:0.6 runs/gan:0.4 --output lite.safetensors
    """
    from .export import average, checkpoint_of, livelier
    from .export import export as write

    if averaged:
        checkpoint = average([_weighted(source) for source in sources])
    elif len(sources) == 1:
        checkpoint = checkpoint_of(Path(sources[0]))
    else:
        raise click.UsageError("one run at a time, or --average RUN:WEIGHT RUN:WEIGHT")
    if chroma_gain != 1:
        checkpoint = livelier(checkpoint, chroma_gain)
    write(checkpoint, output, json.loads(card.read_text(encoding="utf-8")) if card else {})


def _weighted(source: str) -> tuple[Path, float]:
    path, _, weight = source.rpartition(":")
    try:
        return Path(path), float(weight)
    except ValueError as exc:
        raise click.UsageError(f"{source}: --average wants RUN:WEIGHT, such as runs/gan:0.4") from exc


if __name__ == "__main__":
    try:
        main()
    except BatchcolorError as exc:
        click.echo(f"Error: {exc}", err=True)
        sys.exit(exc.exit_code)
