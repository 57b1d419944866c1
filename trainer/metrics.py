"""Figures of how close colours come to the true ones. Pictures are uint8 sRGB `(H, W, 3)` unless said."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from skimage.color import deltaE_ciede2000

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.metrics import colourfulness

from .perceptual import lpips, weights_file


@dataclass(frozen=True, slots=True)
class PictureScore:
    """One picture's figures; mse and gray_mse in 8-bit RGB units squared, colourfulness by Hasler and Suesstrunk.

    lpips, gray_lpips: AlexNet's, None where its weights are not installed (`perceptual.py`).
    """

    name: str
    mse: float
    gray_mse: float
    ab_l1: float
    ciede2000: float
    gray_ciede2000: float
    colourfulness: float
    true_colourfulness: float
    lpips: float | None = None
    gray_lpips: float | None = None

    @property
    def gain_db(self) -> float:
        return 10 * float(np.log10(max(self.gray_mse, 1e-6) / max(self.mse, 1e-6)))


def psnr_db(mse: float) -> float:
    return 10 * float(np.log10(255**2 / max(mse, 1e-10)))


def score(name: str, predicted: np.ndarray, gray: np.ndarray, truth: np.ndarray) -> PictureScore:
    """Compare a colorized and a gray picture with the truth, all of one size."""
    of_gray = _distances(gray, truth)
    return PictureScore(
        name=name,
        **_distances(predicted, truth),
        gray_mse=of_gray["mse"],
        gray_ciede2000=of_gray["ciede2000"],
        gray_lpips=of_gray["lpips"],
        colourfulness=colourfulness(predicted),
        true_colourfulness=colourfulness(truth),
    )


def rescore(before: PictureScore, predicted: np.ndarray, truth: np.ndarray) -> PictureScore:
    """`before` with other colours for the same picture; what belongs to the truth and the gray picture is not computed again."""
    return replace(before, **_distances(predicted, truth), colourfulness=colourfulness(predicted))


def _distances(picture: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    lab, true_lab = (rgb_to_lab(x.transpose(2, 0, 1).astype(np.float32) / 255).transpose(1, 2, 0) for x in (picture, truth))
    return {
        "mse": float(np.square(picture.astype(np.float64) - truth).mean()),
        "ab_l1": float(np.abs(lab[..., 1:] - true_lab[..., 1:]).mean()),
        "ciede2000": float(deltaE_ciede2000(lab, true_lab).mean()),
        "lpips": lpips_distance(picture, truth),
    }


def lpips_distance(picture: np.ndarray, truth: np.ndarray) -> float | None:
    """LPIPS (AlexNet) of two pictures; None where its weights are not installed."""
    if weights_file("alexnet") is None:
        return None
    a, b = (torch.from_numpy(x.transpose(2, 0, 1).copy())[None].float() / 255 for x in (picture, truth))
    with torch.inference_mode():
        return float(lpips("alexnet")(a, b))


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures over many pictures; `pooled` from the mean squared error over all of them, gains in dB over plain gray."""

    pictures: int
    psnr_pooled: float
    psnr_gray_pooled: float
    gain_pooled: float
    gain_mean: float
    gain_median: float
    worse_than_gray: float
    ab_l1: float
    ciede2000: float
    ciede2000_cut: float
    colourfulness: float
    colourfulness_ratio: float
    lpips: float | None = None
    gray_lpips: float | None = None

    def as_dict(self) -> dict[str, float]:
        """Rounded, without what was not measured."""
        return {name: round(value, 4) for name, value in asdict(self).items() if value is not None}


def summarize(scores: list[PictureScore]) -> Summary:
    """worse_than_gray: share of pictures whose PSNR lies 0.5 dB or more under plain gray's; ciede2000_cut: how far under gray's.

    Ratios to pictures without any colour are 0.
    """
    mse = float(np.mean([s.mse for s in scores]))
    gray = float(np.mean([s.gray_mse for s in scores]))
    gains = np.array([s.gain_db for s in scores])
    ciede, gray_ciede = (float(np.mean([getattr(s, n) for s in scores])) for n in ("ciede2000", "gray_ciede2000"))
    vivid, true_vivid = (float(np.mean([getattr(s, n) for s in scores])) for n in ("colourfulness", "true_colourfulness"))
    return Summary(
        pictures=len(scores),
        psnr_pooled=psnr_db(mse),
        psnr_gray_pooled=psnr_db(gray),
        gain_pooled=psnr_db(mse) - psnr_db(gray),
        gain_mean=float(gains.mean()),
        gain_median=float(np.median(gains)),
        worse_than_gray=float((gains <= -0.5).mean()),
        ab_l1=float(np.mean([s.ab_l1 for s in scores])),
        ciede2000=ciede,
        ciede2000_cut=1 - ciede / gray_ciede if gray_ciede else 0.0,
        colourfulness=vivid,
        colourfulness_ratio=vivid / true_vivid if true_vivid else 0.0,
        lpips=_mean([s.lpips for s in scores]),
        gray_lpips=_mean([s.gray_lpips for s in scores]),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
