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
    from ..app import run_archive
    from ..archive.item_settings import ItemSettings
    from ..demo import film, pictures, sheets
    from ..engines.opening import cached_colorizer
    from ..imaging.contact_sheet import write_picture
    from ..settings import ModelSettings, RunOptions, Settings
    from .display import display_for
    from .terminal import echo, message

    settings = Settings(model=ModelSettings(weights=weights))
    cached_colorizer(settings.model)  # first: without weights nothing is worth making
    truth, input_, colour = (output / name for name in ("truth", "input", "colour"))
    message(f"Making black-and-white input in {input_}")
    names = pictures.write_pictures(truth, input_)
    film.write_film(truth / "film.mp4", input_ / "film.mp4")

    with display_for(weights=weights) as display:
        summary = run_archive([input_], colour, ItemSettings(settings), RunOptions(force=True), events=display)
    if summary.failed:
        return summary.exit_code

    folders = (input_, colour, truth)
    write_picture(
        output / "photos.png", sheets.comparison([[sheets.read_rgb(folder / name) for folder in folders] for name in names])
    )
    middles = [film.SHOT_FRAMES * shot + film.SHOT_FRAMES // 2 for shot in range(len(film.MOVES))]
    stills = zip(*(sheets.film_frames(folder / "film.mp4", middles) for folder in folders), strict=True)
    write_picture(output / "film.png", sheets.comparison([list(row) for row in stills]))
    echo(f"Look at {output / 'photos.png'}, {output / 'film.png'} and {colour / 'film.mp4'}")
    return ExitCode.OK
