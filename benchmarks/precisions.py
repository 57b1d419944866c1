"""What each precision costs in accuracy: PSNR, CIEDE2000 and colourfulness at 256x256, engine by engine.

    python -m benchmarks.precisions [PICTURES] [--pattern GLOB] [--weights NAME|PATH]

PICTURES: a folder of colour photographs; without it, those that come with scikit-image. Where siggraph17's file is missing, its weights
are random; then only differences from torch float32 mean anything.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage import data
from skimage.color import deltaE_ciede2000

from batchcolor.color.conversion import lab_to_rgb, rgb_to_lab
from batchcolor.engines import open_engine
from batchcolor.errors import BatchcolorError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint
from batchcolor.metrics import colourfulness
from batchcolor.settings import EngineName, Precision
from batchcolor.weights import open_checkpoint

from .figures import Figures

SIDE = 256
KINDS: tuple[tuple[EngineName, Precision], ...] = (
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
)


def pictures(folder: Path | None, pattern: str) -> list[np.ndarray]:
    """uint8 RGB `(256, 256, 3)`."""
    if folder is None:
        found = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.stereo_motorcycle()[0]]
    else:
        read = (
            cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR) for path in sorted(folder.glob(pattern))
        )
        found = [cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) for bgr in read if bgr is not None]
    return [cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for rgb in found]


RANDOM = "random"  # on the card of weights that are not trained


def checkpoint_of(weights: str) -> Checkpoint:
    """siggraph17 with random weights of a sensible scale where its published file is not at hand."""
    try:
        return open_checkpoint(weights)
    except BatchcolorError as exc:
        if weights != "siggraph17":
            raise
        print(f"{exc}\n  so its weights are random ones here")
    torch.manual_seed(2)
    generator = build("siggraph17")
    torch.nn.init.normal_(generator.get_parameter("model_out.0.weight"), std=0.4)
    return Checkpoint("siggraph17", {}, generator.state_dict(), card={"weights": RANDOM})


def judged(labs: list[np.ndarray], answers: list[np.ndarray], truths: list[np.ndarray]) -> tuple[float, float, float]:
    """Pooled PSNR in dB and mean CIEDE2000 against `truths` (Lab), and mean colourfulness."""
    errors, differences, colours = [], [], []
    for lab, ab, truth in zip(labs, answers, truths, strict=True):
        full = np.stack([cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for plane in ab])
        made, true = np.clip(lab_to_rgb(lab[:1], full), 0, 1), np.clip(lab_to_rgb(truth[:1], truth[1:]), 0, 1)
        errors.append(float(np.square(made - true).mean()))
        shown = rgb_to_lab(made)
        differences.append(float(deltaE_ciede2000(shown.transpose(1, 2, 0), truth.transpose(1, 2, 0)).mean()))
        colours.append(colourfulness((made.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)))
    return 10 * float(np.log10(1 / max(float(np.mean(errors)), 1e-12))), float(np.mean(differences)), float(np.mean(colours))


def main(arguments: list[str] | None = None) -> Figures:
    """Figures of torch float32, and differences from it by engine and precision."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precisions")
    parser.add_argument("pictures", nargs="?", type=Path)
    parser.add_argument("--pattern", default="*")
    parser.add_argument("--weights", default="lite")
    options = parser.parse_args(arguments)
    labs = [rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255) for rgb in pictures(options.pictures, options.pattern)]
    checkpoint = checkpoint_of(options.weights)
    truths = labs
    first: list[np.ndarray] = []
    rows: Figures = {}
    base = (0.0, 0.0, 1.0)
    print(f"{options.weights}, {len(labs)} pictures; differences are from torch float32")
    for engine, precision in KINDS:
        try:
            runs = open_engine(checkpoint, engine=engine, device="cpu", precision=precision)
        except BatchcolorError as exc:
            print(f"  {engine} {precision}: left out, {exc}")
            continue
        answers = [runs(lab[None, :1])[0] for lab in labs]
        found = judged(labs, answers, truths)
        first, base = (first, base) if first else (answers, found)
        difference = float(np.mean([np.abs(a - b).mean() for a, b in zip(answers, first, strict=True)]))
        rows[f"{engine} {precision}"] = {
            "psnr_db": found[0] - base[0],
            "ciede2000": found[1] - base[1],
            "colourfulness_ratio": found[2] / base[2],
            "ab": difference,
        }
        print(
            f"  {engine:9s}{precision:9s} PSNR {found[0]:.3f} dB ({found[0] - base[0]:+.3f}), CIEDE2000 {found[1]:.3f} "
            f"({found[1] - base[1]:+.3f}), colourfulness x {found[2] / base[2]:.3f}, ab {difference:.2f} apart in the mean"
        )
    return {"pictures": len(labs), "reference": {"psnr_db": base[0], "ciede2000": base[1]}, "differences": rows}


if __name__ == "__main__":
    main()
