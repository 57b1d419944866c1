"""`batchcolor demo`: see it work, offline."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import ExitCode


@click.command()
@click.option(
    "--output",
    "-o",
    default="demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the demo's input, results and sheets.",
)
@click.option("--weights", default="lite", show_default=True, metavar="NAME|PATH")  # fmt: skip
def demo(output: Path, weights: str) -> int:
    """Make black-and-white photos and a film from pictures with known colours, and colorize them.

    Writes gray input, coloured results, and two sheets to look at: photos.png and film.png (before | after | truth).

    \b
    Example:
      batchcolor demo --output demo/
    """
    from ..archive.outcome import Tally
    from ..archive.plan import plan
    from ..archive.run import run
    from ..demo import film, pictures, sheets
    from ..engines.colorizer import cached_colorizer
    from ..executors import local_executors
    from ..runtime.thread_budget import cores
    from ..settings import ModelSettings, Settings
    from .progress import display_for

    settings = Settings(model=ModelSettings(weights=weights))
    cached_colorizer(settings.model)  # first: without weights nothing is worth making
    truth, input_, colour = (output / name for name in ("truth", "input", "colour"))
    click.echo(f"Making black-and-white input in {input_}", err=True)
    names = pictures.write_pictures(truth, input_)
    film.write_film(truth / "film.mp4", input_ / "film.mp4")

    planned = plan([input_], colour)
    tally = Tally()
    with display_for(len(planned.items), quiet=False) as display, local_executors(cores()) as executors:
        for outcome in run(
            planned,
            settings,
            executors,
            should_stop=lambda: False,
            on_film_progress=lambda item, p: display.film_frame(item.source.name, p.frames, p.total_frames),
        ):
            tally.add(outcome)
            display.finished(outcome)
    if tally.failed:
        return tally.exit_code

    folders = (input_, colour, truth)
    sheets.write_sheet(
        output / "photos.png", sheets.sheet([[sheets.read_rgb(folder / name) for folder in folders] for name in names])
    )
    middles = [film.SHOT_FRAMES * shot + film.SHOT_FRAMES // 2 for shot in range(len(film.MOVES))]
    stills = zip(*(sheets.film_frames(folder / "film.mp4", middles) for folder in folders), strict=True)
    sheets.write_sheet(output / "film.png", sheets.sheet([list(row) for row in stills]))
    click.echo(f"Look at {output / 'photos.png'}, {output / 'film.png'} and {colour / 'film.mp4'}")
    return ExitCode.OK
