"""Figures at equal colourfulness: the factor is found, and generators that differ by a factor alone get the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from batchcolor.errors import ModelError
from batchcolor.generators import Generator
from batchcolor.generators.base import Hints
from tests.trainer.conftest import write
from tests.trainer.test_runs import trainer
from trainer import frechet
from trainer.evaluate import comparable, equalizing_factor, figures_of, find_pictures, predict
from trainer.figures import grouped, table
from trainer.frechet import frechet_distance


class _Tinted(Generator):
    """Colours that follow the lightness, times `strength`."""

    architecture = "tinted"
    side_multiple = 32

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = torch.nn.Parameter(torch.tensor(strength))

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        return torch.cat([(L - 50) * 0.8 + 16, (50 - L) * 1.2 + 8], 1) * self.strength


@pytest.mark.parametrize("strength", [0.3, 1.0, 2.5])
def test_the_factor_leads_to_four_fifths_of_the_true_colourfulness(photos: Path, strength: float) -> None:
    predictions = list(predict(_Tinted(strength), find_pictures([photos], "*"), 64))
    own, equal = figures_of(predictions)
    assert equal is not None
    assert equal["colourfulness_ratio"] == pytest.approx(0.80, abs=0.01)
    assert own["colourfulness_ratio"] != pytest.approx(0.80, abs=0.02)
    _, reference = figures_of(list(predict(_Tinted(1.0), find_pictures([photos], "*"), 64)))
    assert reference is not None
    assert equal["chroma_factor"] == pytest.approx(reference["chroma_factor"] / strength, rel=0.03)
    for name in ("gain_pooled", "gain_mean", "ciede2000", "gray_lpips", "psnr_gray_pooled"):
        if name in equal:  # LPIPS only where its weights are installed
            assert equal[name] == pytest.approx(reference[name], abs=0.05), name
    assert comparable(equal) == pytest.approx((equal["gain_pooled"] + equal["gain_mean"]) / 2)


def test_a_gray_generator_has_no_such_factor(photos: Path) -> None:
    predictions = list(predict(_Tinted(0.0), find_pictures([photos], "*")[:3], 64))
    assert equalizing_factor([p.by_factor for p in predictions], [p.true for p in predictions]) is None
    own, equal = figures_of(predictions)
    assert equal is None
    assert own["gain_mean"] == pytest.approx(0, abs=0.02)
    assert "-" in table({"all": (own, equal)})


def test_groups_are_figured_apart(tmp_path: Path) -> None:
    for n, name in enumerate(("pg-1.jpg", "pg-2.jpg", "doc-1.jpg", "small/doc-2.jpg")):
        write(tmp_path / name, n)
    patterns = {"plates": "pg-*", "slides": "doc-*", "thumbnails": "small/*", "none": "x-*"}
    predictions = list(predict(_Tinted(1.0), find_pictures([tmp_path], "*"), 64))
    sets = grouped(predictions, patterns)
    assert {name: sorted(p.picture.name for p in members) for name, members in sets.items()} == {
        "all": ["doc-1.jpg", "doc-2.jpg", "pg-1.jpg", "pg-2.jpg"],
        "plates": ["pg-1.jpg", "pg-2.jpg"],
        "slides": ["doc-1.jpg", "doc-2.jpg"],
        "thumbnails": ["doc-2.jpg"],
    }


@pytest.mark.slow
def test_evaluate_prints_both_kinds_of_figures(photos: Path) -> None:
    arguments = ["evaluate", photos, "--weights", "lite", "--group", "first=part-0/*"]
    ran = trainer(*arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(ran.stdout)
    assert figures["pictures"] == 12
    assert figures["equal"]["colourfulness_ratio"] == pytest.approx(0.80, abs=0.01)
    assert figures["groups"]["first"]["pictures"] == 4
    assert figures["groups"]["first"]["equal"]["colourfulness_ratio"] == pytest.approx(0.80, abs=0.01)
    ran = trainer(*arguments)
    head, *lines = ran.stdout.splitlines()
    assert head.split() == ["all", "at", "0.80", "first", "at", "0.80"]
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["pictures"] == ["12", "12", "4", "4"]
    assert float(rows["gain_mean"][1]) == pytest.approx(figures["equal"]["gain_mean"], abs=1e-3)
    assert rows["chroma_factor"][::2] == ["-", "-"]


def test_a_malformed_group_is_one_sentence(photos: Path) -> None:
    ran = trainer("evaluate", photos, "--weights", "lite", "--group", "slides")
    assert ran.returncode == 2
    assert "slides=doc-*" in ran.stderr


def test_the_frechet_distance_of_known_gaussians() -> None:
    """Diagonal covariances: |m1 - m2|^2 + sum of (s1 - s2)^2."""
    rng = np.random.default_rng(0)
    spread, other_spread, shift = np.array([1.0, 2.0, 0.5]), np.array([2.0, 1.0, 0.5]), np.array([3.0, 0.0, -1.0])
    a = rng.normal(0, 1, (40_000, 3)) * spread
    b = rng.normal(0, 1, (40_000, 3)) * other_spread + shift
    assert frechet_distance(list(a), list(b)) == pytest.approx(10 + 1 + 1, rel=0.03)
    assert frechet_distance(list(a), list(a)) == pytest.approx(0, abs=1e-8)


def test_the_frechet_distance_of_fewer_pictures_than_features_is_that_of_the_matrix_formula() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (6, 20)), rng.normal(0.3, 1, (7, 20))

    def covariance(x: np.ndarray) -> np.ndarray:
        return np.cov(x, rowvar=False)

    eigenvalues = np.linalg.eigvals(covariance(a) @ covariance(b)).real.clip(min=0)
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(covariance(a) + covariance(b)) - 2 * np.sqrt(eigenvalues).sum()
    assert frechet_distance(list(a), list(b)) == pytest.approx(expected, rel=1e-6)


def test_fid_stands_among_the_figures_where_it_is_asked_for(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = lambda rgb: rgb.reshape(-1, 3).mean(0).astype(float)  # noqa: E731
    monkeypatch.setattr("trainer.evaluate.vgg16_features", described)
    own, equal = figures_of(list(predict(_Tinted(0.5), find_pictures([photos], "*"), 64, fid=True)))
    assert equal is not None
    assert own["fid_vgg16"] > 0
    assert own["gray_fid_vgg16"] == equal["gray_fid_vgg16"] != equal["fid_vgg16"]


def test_fid_without_its_weights_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(net: str) -> None:
        raise ModelError(f"no weights of {net}")

    monkeypatch.setattr(frechet, "lpips", missing)
    with pytest.raises(ModelError, match="vgg16"):
        frechet.vgg16_features(np.zeros((8, 8, 3), np.uint8))
