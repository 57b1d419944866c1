"""The validation of a run: the figures of its averaged generator, contact sheets, and the best checkpoint so far."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from batchcolor.generators import Generator, build
from batchcolor.generators.checkpoint import Checkpoint, save
from batchcolor.imaging.contact_sheet import write_picture

from .decoding import Picture
from .evaluate import EQUAL_COLOURFULNESS, comparable, figures_of, predict
from .report import CURVE_FILE, NoReport, RunReport, read_rows
from .sheets import sheet

log = logging.getLogger(__name__)

BEST_FILE = "best.safetensors"
_EQUAL = ("chroma_factor", "gain_pooled", "gain_mean", "gain_median", "worse_than_gray", "ciede2000_cut", "lpips")
_SHOWN = 24  # pictures of the sheet


@dataclass(frozen=True, slots=True)
class Validation:
    """true: pictures whose colours are known; preview: others, for a second sheet. size: about so many pixels squared are fed."""

    folder: Path
    true: Sequence[Picture]
    preview: Sequence[Picture]
    size: int

    def run(
        self, generator: Generator, averaged: Mapping[str, Tensor], step: int, elapsed_s: float, report: RunReport | NoReport
    ) -> None:
        """Validate the averaged weights of `generator` on its device, where other processes wait for the answer."""
        network = build(generator.architecture, generator.configuration()).to(next(generator.parameters()).device)
        network.load_state_dict(averaged)
        network.eval()
        if self.true:
            with torch.no_grad():
                figures, equal = figures_of(list(predict(network, self.true, self.size)))
            if equal is not None:
                if comparable(equal) > self._best():
                    card = {
                        "steps": step,
                        "training_minutes": round(elapsed_s / 60, 1),
                        "figures": figures,
                        "figures_equal": equal,
                    }
                    save(
                        Checkpoint(generator.architecture, generator.configuration(), dict(averaged), card),
                        self.folder / BEST_FILE,
                        torch.float16,
                    )
                figures |= {f"equal_{name}": equal[name] for name in _EQUAL if name in equal}
                log.info(
                    "step %d: gain %.2f dB pooled, %.2f mean at %.2f of the true colourfulness (chroma times %.2f)",
                    step,
                    *(equal[name] for name in ("gain_pooled", "gain_mean")),
                    EQUAL_COLOURFULNESS,
                    equal["chroma_factor"],
                )
            report.figures(step, elapsed_s, figures)
            write_picture(self.folder / "sheet_true.png", sheet(network, self.true[:_SHOWN], self.size, 2, truth=True))
        if self.preview:
            write_picture(self.folder / "sheet_old.png", sheet(network, self.preview, self.size, 3, truth=False))

    def _best(self) -> float:
        """The best of the validations so far, by the same number."""
        rows = [row for row in read_rows(self.folder / CURVE_FILE) if row.get("equal_gain_mean")]
        found = [comparable({name: float(row[f"equal_{name}"]) for name in ("gain_pooled", "gain_mean")}) for row in rows]
        return max(found, default=float("-inf"))
