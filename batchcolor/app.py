"""The application layer: what the command line, notebooks and services call.

`plan_archive` says what a run would do, `run_archive` does it and reports what happens as events, `preview_films` writes contact
sheets. `colorize_array`, `colorize_photo` and `colorize_film` colorize one thing. Nothing here prints.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from .archive.item_settings import ItemSettings
from .archive.last_run import LastRun
from .archive.outcome import Outcome, Status, Tally, failed
from .archive.output_tree import NoTree, Redo, Selection, Tree, open_tree, read_tree
from .archive.plan import Item, Plan, is_file_name, plan
from .archive.records import Records
from .archive.run import run
from .archive.walk import STATE_FOLDER, Kind
from .archive.written_files import check_written_files
from .errors import BatchcolorError, ExitCode, SourceError, UsageError
from .settings import ColorSettings, FilmSettings, ModelSettings, RunOptions, Settings
from .weights.store import is_name

if TYPE_CHECKING:
    import numpy as np

    from .colours.files import ColoursFolder
    from .engines.engine_info import EngineInfo
    from .executors import Executors
    from .films import FilmProgress, FilmResult
    from .photos import PhotoResult
    from .report import NoReport, Report


_NOTHING: Mapping[str, Path] = MappingProxyType({})


class Events:
    """What happens in a run, as methods that do nothing; override those that you want to hear of. All are called in one thread."""

    def started(self, items: int) -> None:
        """The plan is made; `items` will have an outcome, unless the run is stopped."""

    def noticed(self, sentence: str) -> None:
        """Something about the archive besides its items: files of other kinds, results that were changed by somebody else."""

    def engine_chosen(self, engine: EngineInfo) -> None:
        """The network is open: on which device, by which engine, in which precision."""

    def film_progress(self, item: Item, progress: FilmProgress) -> None:
        """Some frames of a film are finished."""

    def finished(self, outcome: Outcome) -> None:
        """An item has its outcome."""

    def concluded(self, summary: Summary) -> None:
        """The run is over."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers. counts: items by status. left: items without an outcome, because the run was stopped. seconds: wall time."""

    counts: dict[Status, int]
    up_to_date: int
    left: int
    seconds: float
    exit_code: ExitCode

    @property
    def failed(self) -> int:
        return self.counts[Status.FAILED]

    def as_dict(self) -> dict[str, float]:
        """JSON values."""
        counts = {status.value: self.counts[status] for status in Status}
        return {**counts, "up_to_date": self.up_to_date, "left": self.left, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """What a run would do.

    selection: the items to be done, with reasons; refused: items that will not be done, and why; notes: what else was found, a sentence
    each.
    """

    selection: Selection
    refused: tuple[tuple[Item, BatchcolorError], ...]
    notes: tuple[str, ...] = ()


def plan_archive(
    sources: Sequence[Path],
    output: str | os.PathLike[str],
    settings: ItemSettings = ItemSettings(),
    options: RunOptions = RunOptions(),
    *,
    also_written: Mapping[str, Path] = _NOTHING,
    also_read: Mapping[str, Path] = _NOTHING,
) -> ArchivePlan:
    """What `run_archive` would do with the same arguments. Reads names, sizes and times; writes nothing.

    Raises `SourceError` where there is nothing to colorize, `UsageError`.
    """
    whole = _plan(sources, output, settings)
    _guard(whole, sources, output, settings, options, also_written, also_read)
    if is_file_name(sources, output):
        opened: AbstractContextManager[Tree] = contextlib.nullcontext(NoTree())
    else:
        opened = read_tree(Path(output), settings.default.model.weights, content_hash=options.content_hash)
    with opened as tree:
        selection = tree.select(whole.items, Redo(options.force, options.verify))
        return ArchivePlan(selection, whole.refused, selection.plan(whole).notes)


def run_archive(
    sources: Sequence[Path],
    output: str | os.PathLike[str],
    settings: ItemSettings = ItemSettings(),
    options: RunOptions = RunOptions(),
    *,
    also_written: Mapping[str, Path] = _NOTHING,
    also_read: Mapping[str, Path] = _NOTHING,
    events: Events | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Summary:
    """Colorize photos and films below `sources` into the mirrored tree `output`; only what is new or changed is done.

    sources: folders, or files named one by one. output: a folder; with a single file, also the name of its result, unless it ends in a
    slash. An item that fails is an outcome, never an exception. also_written, also_read: files that the caller writes and reads while
    the run goes on, by what they are called; like the report, they may be no original and no result. should_stop: called between items;
    when it returns true, the items in progress are finished and the next run does the rest.

    Raises `SourceError` where there is nothing to colorize, `UsageError`, `OutputError`, `BusyError` if another run works on `output`,
    and what keeps the network from running: `ModelError`, `DeviceError`, `WorkerLost`, `ClusterError`.
    """
    whole = _plan(sources, output, settings)
    _guard(whole, sources, output, settings, options, also_written, also_read)
    single, output = is_file_name(sources, output), Path(output)
    model = settings.default.model
    opened: AbstractContextManager[Tree] = (
        contextlib.nullcontext(NoTree()) if single else open_tree(output, model.weights, content_hash=options.content_hash)
    )
    with opened as tree:
        tree.remember_run(LastRun(tuple(source.absolute() for source in sources), settings))
        selection = tree.select(whole.items, Redo(options.force, options.verify))
        todo, waiting = _without_changing(selection.plan(whole), options.wait_stable, should_stop)
        _check_colours(todo.items)
        executors = _executors(options, todo, sources, output.parent if single else output, model)
        return _run(todo, selection.up_to_date, waiting, tree, model, options, executors, events or Events(), should_stop)


def redo_archive(
    output: Path,
    targets: Container[Path],
    *,
    events: Events | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Summary:
    """Redo some items of the tree `output` as the last run did them, whether they are up to date or not.

    targets: their results. Raises `UsageError` where no run is remembered, and as `run_archive`.
    """
    with read_tree(output, "lite") as seen:
        last = seen.last_run()
    if last is None:
        raise UsageError(f"{output}: does not say how it was made; run `batchcolor colorize` once more")
    whole = _plan(last.sources, output, last.settings)
    chosen = Plan(tuple(item for item in whole.items if item.target in targets), ())
    model, options = last.settings.default.model, RunOptions()
    with open_tree(output, model.weights) as tree:
        selection = tree.select(chosen.items, Redo(force=True))
        executors = _executors(options, chosen, last.sources, output, model)
        return _run(selection.plan(chosen), 0, 0, tree, model, options, executors, events or Events(), should_stop)


def plan_previews(
    sources: Sequence[Path], output: str | os.PathLike[str], settings: ItemSettings = ItemSettings()
) -> list[tuple[Item, Path | BatchcolorError]]:
    """Each film with its first contact sheet, or why there will be none; further sheets have a number behind their name.

    Reads names; writes nothing. Raises `SourceError` where there is nothing to colorize.
    """
    from .archive.sheet_names import is_sheet_of, sheet_name

    whole = _plan(sources, output, settings)
    taken: dict[Path, list[str]] = {}
    for item in (*whole.items, *(item for item, _ in whole.refused)):
        for path in (item.source, item.target):
            taken.setdefault(Path(os.path.realpath(path.parent)), []).append(path.name)
    planned: list[tuple[Item, Path | BatchcolorError]] = []
    for item in whole.of_kind(Kind.FILM):
        first = sheet_name(item.target)
        names = taken.get(Path(os.path.realpath(first.parent)), ())
        other = next((name for name in names if is_sheet_of(name, item.target)), None)
        error = (
            UsageError(f"{item.source}: its contact sheets would overwrite {first.with_name(other)}; choose another --output")
            if other
            else None
        )
        planned.append((item, error or first))
    return planned + [(item, error) for item, error in whole.refused if item.kind is Kind.FILM]


def preview_films(
    sources: Sequence[Path], output: str | os.PathLike[str], settings: ItemSettings = ItemSettings()
) -> Iterator[tuple[Item, list[Path] | BatchcolorError]]:
    """Write contact sheets (one frame of each shot, before and after) instead of films, beside where the films would go.

    Yields each film with the sheets written, or the error that ended it. Raises `SourceError`, `ModelError`, `DeviceError`.
    """
    from .engines.opening import cached_colorizer
    from .films import preview

    films = plan_previews(sources, output, settings)
    colorizer = cached_colorizer(settings.default.model)
    for item, sheet in films:
        if isinstance(sheet, BatchcolorError):
            yield item, sheet
            continue
        try:
            yield item, preview(item.source, sheet, colorizer, item.settings)
        except BatchcolorError as exc:
            yield item, exc


def colorize_array(
    pixels: np.ndarray, *, model: ModelSettings = ModelSettings(), color: ColorSettings = ColorSettings()
) -> np.ndarray:
    """Colorize a picture in memory.

    pixels: gray `(H, W)` or sRGB `(H, W, 3)`, uint8 or uint16. Returns sRGB `(H, W, 3)` of the same type and the same lightness. Raises
    `ValueError` for another shape or type, `ModelError`, `DeviceError`.
    """
    from .engines.opening import cached_colorizer
    from .photos.array import colorize_pixels

    return colorize_pixels(pixels, cached_colorizer(model), color)


def colorize_photo(
    source: Path, target: Path, settings: Settings = Settings(), *, model: ModelSettings | None = None
) -> PhotoResult:
    """Colorize one photo into `target`, whose suffix chooses the format. Returns what was done, with warnings.

    Raises `SourceError`, `OutputError`, `ModelError`, `DeviceError`.
    """
    from .engines.opening import cached_colorizer
    from .photos import colorize_photos

    colorizer = cached_colorizer(model or settings.model)
    (result,) = colorize_photos([(source, target)], colorizer, settings.photo, color=settings.color)
    if result.error is not None:
        raise result.error
    return result


def colorize_film(
    source: Path,
    target: Path,
    settings: Settings = Settings(),
    *,
    on_progress: Callable[[FilmProgress], None] | None = None,
    jobs: int | None = None,
) -> FilmResult:
    """Colorize one film into `target`, whose suffix chooses the container. jobs: worker processes; None: one for each core, as far as
    memory allows.

    Raises `SourceError`, `OutputError`, `UsageError`, `BusyError`, `ModelError`, `DeviceError`, `WorkerLost`.
    """
    from . import films
    from .engines.shared_gpus import shared_gpus
    from .executors import local_executors

    workers = jobs or _most_workers([(source, settings.film)])
    with shared_gpus(settings.model) as model, local_executors(workers) as executors:
        settings = replace(settings, model=model)
        return films.colorize_film(source, target, settings, executor=executors.films, on_progress=on_progress)


def _colours(sources: Sequence[Path], output: str | os.PathLike[str], chosen: Path | None) -> ColoursFolder | None:
    """The chosen colours: those that the user named, else those in the output tree, if there are any."""
    if chosen is None:
        chosen = Path(output) / STATE_FOLDER / "colours"
        if is_file_name(sources, output) or not chosen.is_dir():
            return None
    from .colours.files import ColoursFolder

    return ColoursFolder.open(chosen)


def _check_colours(items: Sequence[Item]) -> None:
    """Raises `UsageError` for an item that cannot follow its chosen colours. An item that cannot be read fails by itself, later."""
    chosen = [(item.source, item.colours) for item in items if item.colours is not None]
    if chosen:
        from .archive.check_colours import check_item

        for source, colours in chosen:
            with contextlib.suppress(SourceError):
                check_item(source, colours.item)


def _guard(
    whole: Plan,
    sources: Sequence[Path],
    output: str | os.PathLike[str],
    settings: ItemSettings,
    options: RunOptions,
    also_written: Mapping[str, Path],
    also_read: Mapping[str, Path],
) -> None:
    """Raises `UsageError` where a file that is written besides the results is one that must stay as it is."""
    written = {**({} if options.report is None else {"--report": options.report}), **also_written}
    targets = [item.target for item in whole.items]
    read = {f"the file of {option}": [path] for option, path in also_read.items()}
    if not is_name(settings.default.model.weights):
        read["the weights"] = [Path(settings.default.model.weights).expanduser()]
    if settings.default.film.shots is not None:
        read["the list of shots"] = [settings.default.film.shots]
    if is_file_name(sources, output):
        check_written_files({"--output": Path(output)}, (item.source for item in whole.items), read)
    check_written_files(written, (item.source for item in whole.items), {"a result": targets, **read})


def _plan(sources: Sequence[Path], output: str | os.PathLike[str], settings: ItemSettings) -> Plan:
    chosen = settings.default.color.colours
    colours = _colours(sources, output, chosen)
    whole = plan(sources, output, settings, colours)
    if colours is not None and colours.only is not None and len(whole.items) != 1:
        raise UsageError(
            f"--colours {chosen} is the file of one item, but there are {len(whole.items)}; give a folder of such files"
        )
    if not whole.items and not whole.refused:
        found = f" ({whole.notes[0]})" if whole.notes else ""
        names = ", ".join(map(str, sources))
        raise SourceError(f"{names}: no photos or films found{found}; name a file, or a folder that holds some")
    shots = settings.default.film.shots
    films = len(whole.of_kind(Kind.FILM))
    if shots is not None and not shots.is_dir() and films != 1:
        raise UsageError(f"--shots {shots} is a list for one film, but there are {films}; give a folder of lists")
    return whole


@contextlib.contextmanager
def _executors(
    options: RunOptions, todo: Plan, sources: Sequence[Path], folder: Path, model: ModelSettings
) -> Iterator[Executors]:
    """Where jobs run. folder: that of the results; other machines must see it as well."""
    from .archive.preflight import preflight
    from .executors import Executors, RayOptions, local_executors, ray_executor

    if options.executor == "local" or not todo.items:
        most = options.jobs or _most_workers([(item.source, item.settings.film) for item in todo.of_kind(Kind.FILM)])
        with local_executors(_workers(most, todo)) as executors:
            yield executors
        return
    ray = RayOptions(options.ray_address, options.jobs, options.job_cpus, options.job_gpus)
    # Ray prints what happens to its machines on stdout, pages of it; its own logs have that as well.
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        preflight(sources, todo.items, folder, model.weights) as checks,
        ray_executor(ray, checks) as executor,
    ):
        yield Executors(executor, executor)


def _shared_gpus(options: RunOptions, todo: Plan, model: ModelSettings) -> AbstractContextManager[ModelSettings]:
    """The settings with which all workers of this machine use its GPUs through one process for each; on a cluster, as they are."""
    if options.executor != "local" or not todo.items:
        return contextlib.nullcontext(model)
    from .engines.shared_gpus import shared_gpus

    return shared_gpus(model)


def _without_changing(todo: Plan, wait_s: float | None, should_stop: Callable[[], bool] | None) -> tuple[Plan, int]:
    """The plan without the items whose sources are still being written, and how many these are."""
    if wait_s is None:
        return todo, 0
    from .archive.stability import still_changing

    changing = still_changing(todo.items, wait_s, should_stop or (lambda: False))
    notes = tuple(
        f"{item.source}: is still being written and is left to the next run" for item in todo.items if item in changing
    )
    items = tuple(item for item in todo.items if item not in changing)
    return dataclasses.replace(todo, items=items, notes=(*todo.notes, *notes)), len(changing)


def _most_workers(films: Sequence[tuple[Path, FilmSettings]]) -> int:
    """Processes that this machine has cores for, and memory for each of these films."""
    from .runtime.memory_budget import available_bytes, workers_that_fit
    from .runtime.thread_budget import cores

    if not films or cores() == 1:
        return cores()
    from .films.memory import most_bytes

    return workers_that_fit(cores(), available_bytes(), most_bytes(films))


def _workers(most: int, todo: Plan) -> int:
    """Processes that find something to do: a film keeps any number of them busy, a photo one."""
    return most if todo.of_kind(Kind.FILM) else max(1, min(most, len(todo.items)))


def _run(
    todo: Plan,
    up_to_date: int,
    waiting: int,
    tree: Tree,
    model: ModelSettings,
    options: RunOptions,
    executors: AbstractContextManager[Executors],
    events: Events,
    should_stop: Callable[[], bool] | None,
) -> Summary:
    records = Records.of(options)
    tally, started = Tally(up_to_date=up_to_date), time.monotonic()
    items = len(todo.items) + len(todo.refused)
    events.started(items)
    for sentence in todo.notes:
        events.noticed(sentence)
    with _report(options.report, items, tree) as report, _shared_gpus(options, todo, model) as shared, executors as where:
        for outcome in run(
            todo,
            shared,
            where,
            should_stop=_deadline(options.max_runtime, should_stop),
            times=options.times,
            records=records,
            measure=options.measure,
            thumbnail_side=report.thumbnail_side,
            on_engine=events.engine_chosen,
            on_film_progress=events.film_progress,
        ):
            tally.add(outcome)
            tree.record(outcome)
            events.finished(outcome)
            report.add(outcome)
        left = items + waiting - tally.finished
        # A run that was stopped in time is a success, whatever is left for the next one.
        exit_code = ExitCode.OK if left and not tally.failed else tally.exit_code
        counts = {status: tally.counts[status] for status in Status}
        summary = Summary(counts, up_to_date, left, round(time.monotonic() - started, 3), exit_code)
        report.conclude(summary.as_dict())
    events.concluded(summary)
    return summary


def _deadline(runtime_s: float | None, should_stop: Callable[[], bool] | None) -> Callable[[], bool]:
    """Whether to stop: when the caller says so, or after `runtime_s` seconds."""
    ends = None if runtime_s is None else time.monotonic() + runtime_s
    return lambda: (should_stop is not None and should_stop()) or (ends is not None and time.monotonic() >= ends)


def _report(path: Path | None, items: int, tree: Tree) -> Report | NoReport:
    from .report import NoReport, Report

    return NoReport() if path is None else Report(path, items, tree.root)


__all__ = [
    "ArchivePlan",
    "Events",
    "Summary",
    "colorize_array",
    "colorize_film",
    "colorize_photo",
    "failed",
    "plan_archive",
    "plan_previews",
    "preview_films",
    "redo_archive",
    "run_archive",
]
