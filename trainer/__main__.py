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

from .data import Sampling
from .degrade import Degrade
from .options import made_of, options_of
from .settings import Adversary, Objective, TrainSettings

SOURCE_WEIGHTS = click.option(
    "--source-weight",
    multiple=True,
    metavar="SOURCE:WEIGHT",
    help="How often pictures of a source (a name or a pattern) are drawn.",
)
DEVICE = click.option("--device", default="auto", help="auto, cpu, cuda or cuda:N.")
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
@options_of(TrainSettings, Sampling, Objective, Adversary, Degrade)
@click.option("--encoder", default="lite2", help="Encoder of lite: lite0, lite1 or lite2.")
@click.option("--widths", default="", help="Planes of lite's decoder at 1/32, 1/16, 1/8, 1/4, such as 256,192,128,96.")
@SOURCE_WEIGHTS
@click.option("--judge", multiple=True, type=click.Path(path_type=Path), help="Validation pictures for the curve.")
@click.option("--judge-pattern", default="*", help="Only validation files of this name.")
@click.option("--judge-every", default=4, help="Every n-th validation picture is judged during the run.")
@click.option("--show", multiple=True, type=click.Path(path_type=Path), help="Pictures without truth for a second sheet.")
def train(data: tuple[Path, ...], output: Path, source_weight: tuple[str, ...], **values: Any) -> None:
    """Train on folders or tar shards of colour pictures.

    \b
    Examples:
      python -m trainer train photos/ --output runs/lite --minutes 60
      torchrun --nproc-per-node 2 -m trainer train coco/ --output runs/siggraph17 --generator siggraph17 --init siggraph17
    """
    from .evaluate import find_pictures
    from .loop import train as run

    lite: dict[str, Any] = {"encoder": values["encoder"]}
    if values["widths"]:
        lite["widths"] = [int(width) for width in values["widths"].split(",")]
    if values["hints"]:
        lite["hints"] = True
    settings = made_of(
        TrainSettings,
        values,
        configuration=lite if values["generator"] == "lite" else {},
        sampling=made_of(Sampling, values),
        objective=made_of(Objective, values),
        adversary=made_of(Adversary, values),
        degrade=made_of(Degrade, values),
    )
    judged = find_pictures(values["judge"], values["judge_pattern"])[:: values["judge_every"]] if values["judge"] else []
    shown = find_pictures(values["show"], "*") if values["show"] else []
    run(data, output, settings, judged, shown, dict(map(_weighted, source_weight)))


@main.group()
def data() -> None:
    """Look at training data."""


@data.command()
@DATA
@options_of(Sampling)
@SOURCE_WEIGHTS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a source, and one for all.")
def check(data: tuple[Path, ...], source_weight: tuple[str, ...], as_json: bool, **values: Any) -> None:
    """Decode every picture, and say what is usable, broken, gray, pale or small.

    \b
    Example:
      python -m trainer data check photos/ shards/
    """
    from . import check as checking
    from .data import find_sources

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
        raise SourceError(f"{', '.join(map(str, data))}: no picture with colour in there; nothing can be learned from it")


@main.command()
@DATA
@click.option("--weights", required=True, help="A name that `batchcolor models` lists, a checkpoint, or the folder of a run.")
@click.option("--pattern", default="*", help="Only files of this name.")
@click.option("--size", default=256, help="The network sees about this many pixels squared.")
@DEVICE
@click.option("--sheet", "sheet_path", type=click.Path(path_type=Path), help="Write a sheet of gray | colorized | true.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Write every picture's figures.")
@click.option("--json", "as_json", is_flag=True)
def evaluate(
    data: tuple[Path, ...],
    weights: str,
    pattern: str,
    size: int,
    device: str,
    sheet_path: Path | None,
    csv_path: Path | None,
    as_json: bool,
) -> None:
    """Judge a generator on colour pictures.

    \b
    Example:
      python -m trainer evaluate photos/ --weights lite --csv pictures.csv
    """
    from . import evaluate as judging
    from .export import named_checkpoint
    from .metrics import psnr_db, summarize
    from .parallel import training_device
    from .report import write_table
    from .sheets import sheet, write_sheet

    generator = named_checkpoint(weights).generator().to(training_device(device))
    found = judging.find_pictures(data, pattern)
    # A sheet shows the same pictures; only then is it worth decoding all of them first.
    pictures = judging.decodable(found) if sheet_path else found
    scores = list(judging.evaluate(generator, pictures, size))
    figures = {**summarize(scores).as_dict(), "undecodable": len(found) - len(scores)}
    if csv_path:
        write_table(csv_path, [{**asdict(s), "psnr_db": psnr_db(s.mse), "gain_db": s.gain_db} for s in scores])
    if sheet_path:
        write_sheet(sheet_path, sheet(generator, pictures, size, 2, truth=True))
    click.echo(json.dumps(figures) if as_json else "\n".join(f"{name:22}{value:10.3f}" for name, value in figures.items()))


@main.command(name="evaluate-clips")
@DATA
@click.option("--weights", required=True, help="A name that `batchcolor models` lists, a checkpoint, or the folder of a run.")
@click.option("--size", default=256, help="The network sees about this many pixels squared.")
@DEVICE
@click.option("--frames", default=80, help="Frames of each film, from its start.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a film, and one of their means.")
def evaluate_clips(data: tuple[Path, ...], weights: str, size: int, device: str, frames: int, as_json: bool) -> None:
    """Judge a generator on colour films, frame by frame, with nothing that steadies it.

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
        click.echo("".join(f"{value:>20.4g}" if isinstance(value, float) else f"{value:>20}" for value in row.values()))


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="RUN...")
@click.option("--average", "averaged", is_flag=True, help="Each RUN is RUN:WEIGHT; export their weighted mean.")
@click.option("--chroma-gain", default=1.0, help="Factor on all chroma: livelier, and a little less true.")
@click.option("--output", required=True, type=click.Path(path_type=Path))
@click.option(
    "--card", type=click.Path(path_type=Path, exists=True), help="JSON beside what the run knows: data, licences, limits."
)
def export(sources: tuple[str, ...], averaged: bool, chroma_gain: float, output: Path, card: Path | None) -> None:
    """Turn a run (its folder) or a checkpoint into the checkpoint that `batchcolor --weights` loads.

    \b
    Examples:
      python -m trainer export runs/lite --output lite.safetensors --card card.json
      python -m trainer export --average runs/true:0.6 runs/gan:0.4 --output lite.safetensors
    """
    from .export import average, livelier, named_checkpoint
    from .export import export as write

    if averaged:
        checkpoint = average([_weighted(source) for source in sources])
    elif len(sources) == 1:
        checkpoint = named_checkpoint(sources[0])
    else:
        raise click.UsageError("one run at a time, or --average RUN:WEIGHT RUN:WEIGHT")
    if chroma_gain != 1:
        checkpoint = livelier(checkpoint, chroma_gain)
    write(checkpoint, output, json.loads(card.read_text(encoding="utf-8")) if card else {})


@main.command()
@click.argument("weights")
@DATA
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="An .xml; a .bin goes beside it."
)
@click.option("--planes", default=256, help="Crops of DATA that the ranges of values are taken from.")
def quantize(weights: str, data: tuple[Path, ...], output: Path, planes: int) -> None:
    """Turn weights (a name or a checkpoint) into a model of 8-bit integers for OpenVINO. Needs the extra int8.

    \b
    Example:
      python -m trainer quantize lite photos/ --output batchcolor/weights/lite-int8.xml
    """
    import openvino as ov

    from batchcolor.engines.quantization import quantize as made
    from batchcolor.weights import open_checkpoint

    from .data import lightness_crops

    ov.save_model(made(ov.Core(), open_checkpoint(weights), lightness_crops(data, planes)), output)


def _weighted(text: str) -> tuple[str, float]:
    """NAME:WEIGHT."""
    name, _, weight = text.rpartition(":")
    try:
        return name, float(weight)
    except ValueError as exc:
        raise click.UsageError(f"{text}: a name, a colon and a weight are wanted, such as runs/gan:0.4") from exc


def run() -> None:
    """The command line, errors as sentences with their codes."""
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
