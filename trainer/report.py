"""What a run writes to be read: tables of losses and of validation figures, the same as TensorBoard events, and a plot at the end."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG_FILE = "log.csv"
CURVE_FILE = "validation.csv"
PLOT_FILE = "curves.png"
_NO_LOSSES = ("step", "minutes", "learning_rate", "pictures_s", "norm", "d_norm")
_PLOTTED = ("gain_pooled", "gain_mean", "equal_gain_pooled", "equal_gain_mean", "colourfulness_ratio")


class Table:
    """A CSV file that grows by rows; what is in it is read once, when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = columns_of(path)

    def append(self, row: Mapping[str, object]) -> None:
        """Add `row`. Columns that are new with it (the GAN stage has begun) are added to the whole table, which is then rewritten."""
        new = [name for name in row if name not in self._columns]
        if new:
            self._columns += new
            write_table(self._path, [*read_rows(self._path), row], self._columns)
            return
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)


class RunReport:
    """The tables, events and plot in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder
        self._tables = {name: Table(folder / name) for name in (LOG_FILE, CURVE_FILE)}
        self._events = SummaryWriter(str(folder / "events"))

    def losses(self, step: int, elapsed_s: float, row: Mapping[str, float]) -> None:
        self._add(LOG_FILE, step, elapsed_s, row)

    def figures(self, step: int, elapsed_s: float, row: Mapping[str, float]) -> None:
        self._add(CURVE_FILE, step, elapsed_s, row)

    def _add(self, table: str, step: int, elapsed_s: float, row: Mapping[str, float]) -> None:
        self._tables[table].append({"step": step, "minutes": round(elapsed_s / 60, 2), **row})
        for name, value in row.items():
            self._events.add_scalar(f"{Path(table).stem}/{name}", value, step)

    def close(self) -> None:
        """Write the last events, and curves.png from the tables."""
        self._events.close()
        plot_curves(self._folder)


class NoReport:
    """For processes that leave reporting to the main one."""

    def losses(self, step: int, elapsed_s: float, row: Mapping[str, float]) -> None:
        return None

    def figures(self, step: int, elapsed_s: float, row: Mapping[str, float]) -> None:
        return None

    def close(self) -> None:
        return None


def plot_curves(folder: Path) -> None:
    """curves.png: every loss, and the validation's gains and colourfulness, against the step."""
    from matplotlib.figure import Figure

    tables = {name: read_rows(folder / name) for name in (LOG_FILE, CURVE_FILE)}
    plotted = {LOG_FILE: [n for n in columns_of(folder / LOG_FILE) if n not in _NO_LOSSES], CURVE_FILE: _PLOTTED}
    figure = Figure(figsize=(9, 7), layout="constrained")
    for axes, (name, columns) in zip(figure.subplots(2, 1), plotted.items(), strict=True):
        for column in columns:
            points = [(int(row["step"]), float(row[column])) for row in tables[name] if row.get(column)]
            if points:
                axes.plot(*zip(*points, strict=True), label=column, marker="." if len(points) < 50 else None)
        axes.set_xlabel("step")
        axes.set_title(Path(name).stem)
        if axes.lines:
            axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(folder / PLOT_FILE, dpi=110)


def columns_of(path: Path) -> list[str]:
    """The columns of the CSV at `path`, [] where there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of the CSV at `path`, [] where there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def forget_after(path: Path, step: int) -> None:
    """Drop rows later than `step`: a run that was killed goes on from its last state and writes them again."""
    rows = read_rows(path)
    kept = [row for row in rows if int(row["step"]) <= step]
    if len(kept) < len(rows):
        write_table(path, kept, list(rows[0]))


def write_table(path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> None:
    """Write `rows` as CSV; columns: by default those of the first row."""
    columns = columns or list(rows[0])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
