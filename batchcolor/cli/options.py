"""Options that commands share, and how they become `Settings`."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from ..settings import (
    ColorPages,
    Deinterlace,
    EncoderKind,
    EngineName,
    ExecutorName,
    FilmSettings,
    ModelSettings,
    PhotoFormat,
    PhotoSettings,
    Precision,
    Settings,
    SmootherName,
    Upscaling,
    VideoCodec,
)
from .stopping import Duration

Command = TypeVar("Command", bound=Callable[..., Any])


def _choice(literal: Any) -> click.Choice[str]:
    return click.Choice(get_args(literal))


def _read_config(ctx: click.Context, _param: click.Parameter, path: Path | None) -> None:
    """Values of a TOML file become the defaults of the options: keys are their long names, `_` or `-` alike."""
    if path is None:
        return
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise click.UsageError(f"{path}: cannot be read as TOML ({exc})") from exc
    values = {key.replace("-", "_"): value for key, value in table.items()}
    unknown = values.keys() - {param.name for param in ctx.command.params}
    if unknown:
        raise click.UsageError(f"{path}: no option is called {', '.join(sorted(unknown))}")
    ctx.default_map = values


class _Option(click.Option):
    """An option that `--help` lists under a heading."""

    def __init__(self, *arguments: Any, heading: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.heading = heading


class SectionedCommand(click.Command):
    """A command of many options: `--help` lists them under their headings, in the order in which those first occur."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "heading", "Options"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def _under(heading: str) -> Callable[..., Callable[[Command], Command]]:
    return functools.partial(click.option, cls=_Option, heading=heading)


_network, _color, _photo, _film = (_under(heading) for heading in ("Network", "Colour", "Photos", "Films"))
_run, _todo, _told = (_under(heading) for heading in ("The run", "What is done again", "What is shown and said"))


_MODEL = (
    _network("--weights", default="lite", show_default=True, metavar="NAME|PATH",
                 help="Weights: a name that `batchcolor models` lists, or a file."),
    _network("--engine", type=_choice(EngineName), default="auto", show_default=True,
                 help="auto: OpenVINO on a CPU, torch on a GPU."),
    _network("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:N or mps."),
    _network("--precision", type=_choice(Precision), default="auto", show_default=True,
                 help="auto: the fastest that the device computes in, by a trial on a CPU."),
    _network("--compile/--no-compile", default=False, show_default=True,
                 help="Have torch compile the network: minutes at first, for long runs on a GPU."),
    _network("--batch-size", type=click.IntRange(1), default=16, show_default=True,
                 help="Pictures that the network sees at once; halved by itself where they do not fit."),
    _network("--network-size", type=click.IntRange(64, 2048), metavar="PIXELS",
                 help="The network sees about this many pixels squared; the weights' own size by default. "
                      "Smaller: more vivid; larger: steadier, paler, slower."),
)  # fmt: skip

_LOOK = (
    _color("--saturation", type=click.FloatRange(0, 3), default=1.0, show_default=True, help="Factor on all colour."),
    _color("--upscaling", type=_choice(Upscaling), default="guided", show_default=True,
                 help="How colour is scaled up: guided follows the edges of the picture."),
    _photo("--color-pages", type=_choice(ColorPages), default="copy", show_default=True,
                 help="Photos that have colour already: copied, left out, or colorized anew. Sepia and other tones count as "
                      "black-and-white."),
    _photo("--format", type=_choice(PhotoFormat), default="keep", show_default=True,
                 help="Of photos; another than the source's is appended to its name (a.tif.jpg)."),
    _photo("--quality", type=click.IntRange(1, 100), default=92, show_default=True, help="Of JPEG, WebP and AVIF."),
    _photo("--provenance/--no-provenance", default=True, show_default=True,
                 help="Say in a photo's XMP that it was colorized, by which version and weights."),
)  # fmt: skip

_FILM = (
    _film("--codec", type=_choice(VideoCodec), default="h264", show_default=True, help="Of films."),
    _film("--encoder", type=_choice(EncoderKind), default="software", show_default=True,
                 help="In software, or in a chip, which is tried first; auto: the first chip that works, else software."),
    _film("--profile", metavar="NAME",
                 help="Profile of the codec: prores proxy, lt, standard, hq (the default), 4444; dnxhr lb, sq, hq, hqx, 444; "
                      "h264 high10; hevc main10."),
    _film("--crf", type=click.IntRange(0, 63), help="Quality of films, lower is better; the codec's own by default."),
    _film("--preset", help="Speed of the film encoder, in its own words (medium, slow, 8, ...)."),
    _film("--tune", help="What the film encoder should care for, in its own words (grain, film, ...)."),
    _film("--pix-fmt", metavar="NAME",
                 help="Pixel format of films, as FFmpeg calls it (yuv420p10le); the nearest to the source's by default."),
    _film("--deinterlace", type=_choice(Deinterlace), default="auto", show_default=True,
                 help="What is done about interlaced films: made whole, left as they are, or refused."),
    _film("--smooth", type=_choice(SmootherName), default="flow", show_default=True,
                 help="How colour is kept steady between two cuts."),
    _film("--key-frames", default="auto", show_default=True, metavar="auto|every|N",
                 help="Frames that the network sees; between them colour is carried along motion (with --smooth flow)."),
    _film("--shots", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.csv",
                 help="Where shots of the film begin, as `batchcolor probe --shots` lists them."),
    _film("--start", type=Duration(), default=0.0, metavar="TIME", help="Begin here in films (90, 1m30s)."),
    _film("--duration", type=Duration(), metavar="TIME", help="So much of films, from --start on."),
    _film("--strict-streams", is_flag=True,
                 help="Fail where the result cannot hold a stream of the film, instead of leaving it out with a warning."),
)  # fmt: skip

_CONFIG = (
    click.option("--config", type=click.Path(path_type=Path, dir_okay=False), is_eager=True, expose_value=False,
                 callback=_read_config, help="TOML file with values for any of these options."),
)  # fmt: skip


_RUN = (
    _run("--jobs", type=click.IntRange(1),
                 help="Photos, or pieces of a film, worked on at once; by default one a core, on Ray as many as there is room for."),
    _run("--executor", type=_choice(ExecutorName), default="local", show_default=True,
                 help="Where jobs run: on this machine, or on Ray, which may have many."),
    _run("--ray-address", default="local", show_default=True, metavar="ADDRESS",
                 help="local: Ray on this machine, for this run; auto: the cluster that this machine belongs to; HOST:PORT of its head; "
                      "ray://HOST:PORT from outside."),
    _run("--job-cpus", type=click.IntRange(1), default=1, show_default=True, help="Cores of each job on Ray."),
    _run("--job-gpus", type=click.FloatRange(0), default=0.0, show_default=True,
                 help="GPUs of each job on Ray; 0.25 lets four jobs share one."),
    _todo("--force", is_flag=True, help="Do everything again, also what is up to date."),
    _todo("--verify", is_flag=True, help="Decode the results that are there, and do the damaged ones again."),
    _todo("--content-hash", is_flag=True,
                 help="Where only a source's time has changed, compare its SHA-256 before doing it again."),
    _todo("--dry-run", is_flag=True, help="List what would be done and why; do nothing."),
    _run("--max-runtime", type=Duration(), metavar="TIME",
                 help="Stop in time (45m, 6h, 1h30m); the next run goes on. The exit code is then 0."),
    _told("--log-file", type=click.Path(path_type=Path, dir_okay=False), help="Append a line for everything that happens."),
    _told("--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html",
                 help="Write a page to look at: pictures before and after, failures first."),
    _told("--measure", is_flag=True,
                 help="Also take figures of films for the report: PSNR of luma, how colourful, how steady (a tenth slower)."),
    _told("--preview", is_flag=True,
                 help="Instead of films, write contact sheets of them: one frame a shot, before and after."),
    _told("--quiet", "-q", is_flag=True, help="Say nothing but errors."),
    _told("--json", "as_json", is_flag=True, help="Print one JSON object a finished item on stdout, and a summary."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run behaves; nothing here changes a result. jobs: at once; None: as many as there is room for. max_runtime: seconds."""

    jobs: int | None
    executor: ExecutorName
    ray_address: str
    job_cpus: int
    job_gpus: float
    force: bool
    verify: bool
    content_hash: bool
    dry_run: bool
    max_runtime: float | None
    log_file: Path | None
    report: Path | None
    measure: bool
    preview: bool
    quiet: bool
    as_json: bool


def run_options(command: Command) -> Command:
    """Add every option that `run_options_of` reads."""
    for option in reversed(_RUN):
        command = option(command)
    return command


def run_options_of(values: dict[str, Any]) -> RunOptions:
    return RunOptions(**{field.name: values[field.name] for field in dataclasses.fields(RunOptions)})


def settings_options(command: Command) -> Command:
    """Add every option that `settings_of` reads."""
    for option in reversed((*_MODEL, *_LOOK, *_FILM, *_CONFIG)):
        command = option(command)
    return command


def settings_of(values: dict[str, Any]) -> Settings:
    """The settings that parsed option values describe. Raises `UsageError` for a list of shots that is none."""

    def pick(*names: str) -> dict[str, Any]:
        return {name: values[name] for name in names}

    cuts = None
    if values["shots"] is not None:
        from ..films import read_cuts

        cuts = read_cuts(values["shots"])
    return Settings(
        model=ModelSettings(**pick("weights", "engine", "device", "precision", "batch_size", "network_size", "compile")),
        photo=PhotoSettings(**pick("format", "quality", "upscaling", "color_pages", "provenance")),
        film=FilmSettings(
            cuts=cuts, **pick(*(field.name for field in dataclasses.fields(FilmSettings) if field.name != "cuts"))
        ),
        saturation=values["saturation"],
    )
