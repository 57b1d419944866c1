"""Figures against values worked out by hand, and against skimage and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from trainer import metrics
from trainer.metrics import PictureScore, psnr_db, score, summarize


def made(
    mse: float, gray_mse: float, ciede2000: float, vivid: float, true_vivid: float, lpips: float | None = None
) -> PictureScore:
    return PictureScore("made", mse, gray_mse, 2 * ciede2000, ciede2000, 12.0, vivid, true_vivid, lpips, lpips and lpips * 2)


# gains 10 lg 4 = 6.0206, -10 lg 2 = -3.0103, -10 lg 1.04 = -0.1703
SCORES = [made(100, 400, 6, 30, 40), made(200, 100, 12, 10, 30), made(104, 100, 9, 20, 20)]


def test_gains_are_pooled_from_errors_and_averaged_from_decibels() -> None:
    summary = summarize(SCORES)
    assert summary.pictures == 3
    assert summary.gain_pooled == pytest.approx(1.7177, abs=1e-4)  # 10 lg(600 / 404)
    assert summary.psnr_gray_pooled == pytest.approx(25.1205, abs=1e-4)  # 10 lg(255^2 / 200)
    assert summary.psnr_pooled == pytest.approx(26.8382, abs=1e-4)
    assert summary.gain_mean == pytest.approx(0.9467, abs=1e-4)
    assert summary.gain_median == pytest.approx(-0.1703, abs=1e-4)


def test_a_picture_is_worse_than_gray_from_half_a_decibel_on() -> None:
    assert summarize(SCORES).worse_than_gray == pytest.approx(1 / 3)
    half = 10**0.05  # 0.5 dB
    for mse, worse in ((half * 1.0001, 1), (half * 0.9999, 0), (1.0, 0), (0.5, 0)):
        assert summarize([made(100 * mse, 100, 1, 1, 1)]).worse_than_gray == worse


def test_ciede2000_and_colourfulness_are_ratios_of_means() -> None:
    summary = summarize(SCORES)
    assert summary.ciede2000 == pytest.approx(9)
    assert summary.ciede2000_cut == pytest.approx(1 - 9 / 12)
    assert summary.ab_l1 == pytest.approx(18)
    assert summary.colourfulness == pytest.approx(20)
    assert summary.colourfulness_ratio == pytest.approx(20 / 30)  # the mean of the ratios would be 0.694
    gray = PictureScore("gray", 0, 0, 0, 0, 0, 0, 0)
    assert (summarize([gray]).ciede2000_cut, summarize([gray]).colourfulness_ratio) == (0, 0)


def test_lpips_is_the_mean_of_those_that_have_it_and_left_out_where_none_has() -> None:
    assert "lpips" not in summarize(SCORES).as_dict()
    some = summarize([*SCORES, made(1, 1, 1, 1, 1, lpips=0.2), made(1, 1, 1, 1, 1, lpips=0.4)])
    assert some.lpips == pytest.approx(0.3)
    assert some.gray_lpips == pytest.approx(0.6)


def test_decibels_of_no_error_are_finite() -> None:
    assert psnr_db(1) == pytest.approx(48.1308, abs=1e-4)
    assert psnr_db(255**2) == pytest.approx(0)
    assert psnr_db(0) == pytest.approx(148.1308, abs=1e-4)
    assert made(0, 100, 0, 1, 1).gain_db == pytest.approx(80)  # 10 lg(100 / 1e-6)


def test_a_score_is_what_numpy_and_skimage_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "lpips_distance", lambda *_: None)  # has tests of its own, and wants larger pictures
    rng = np.random.default_rng(0)
    predicted, truth = rng.integers(0, 256, (2, 3, 5, 3), dtype=np.uint8)
    gray = np.repeat(rng.integers(0, 256, (3, 5, 1), dtype=np.uint8), 3, axis=2)
    found = score("name", predicted, gray, truth)
    lab_p, lab_g, lab_t = (rgb2lab(picture) for picture in (predicted, gray, truth))
    assert found.name == "name"
    assert found.mse == pytest.approx(((predicted.astype(float) - truth) ** 2).mean())
    assert found.gray_mse == pytest.approx(((gray.astype(float) - truth) ** 2).mean())
    assert found.ab_l1 == pytest.approx(np.abs(lab_p - lab_t)[..., 1:].mean(), rel=1e-3)
    assert found.ciede2000 == pytest.approx(deltaE_ciede2000(lab_p, lab_t).mean(), rel=1e-3)
    assert found.gray_ciede2000 == pytest.approx(deltaE_ciede2000(lab_g, lab_t).mean(), rel=1e-3)
    assert found.gain_db == pytest.approx(10 * np.log10(found.gray_mse / found.mse))


def test_colourfulness_of_two_pixels_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red and black: rg is 200 and 0, yb 100 and 0; deviations 100 and 50, means 100 and 50."""
    monkeypatch.setattr(metrics, "lpips_distance", lambda *_: None)
    truth = np.array([[[200, 0, 0], [0, 0, 0]]], np.uint8)
    gray = np.full((1, 2, 3), 90, np.uint8)
    found = score("red", gray, gray, truth)
    assert found.true_colourfulness == pytest.approx(1.3 * 100 * 1.25**0.5)
    assert found.colourfulness == 0
    assert found.gain_db == 0
