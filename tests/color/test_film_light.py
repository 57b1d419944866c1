"""Primaries and transfer functions of films equal what standards print and what programs by others compute."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from skimage.color import lab2rgb

from batchcolor.color.conversion import (
    KR_KB,
    YCbCr,
    coded_rgb_to_lab,
    lab_to_chroma,
    lab_to_rgb,
    lightness_of_linear,
    lightness_table,
    rgb_to_chroma,
)
from batchcolor.color.film_light import Primaries, Transfer, hlg_decode, hlg_encode, pq_decode, pq_encode, rgb_to_xyz

ALL_PRIMARIES: tuple[Primaries, ...] = ("bt709", "bt2020", "p3-dci", "p3-d65")
TRANSFERS: tuple[Transfer, ...] = ("sdr", "pq", "hlg")
# ITU-R BT.2087-0, annex 1: linear BT.709 -> linear BT.2020.
BT709_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def has_zscale() -> bool:
    ffmpeg = shutil.which("ffmpeg")
    return ffmpeg is not None and b"zscale" in subprocess.run([ffmpeg, "-filters"], capture_output=True, check=False).stdout


def colours(count: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """L `(1, n, n)` and ab `(2, n, n)` inside sRGB."""
    rgb = np.random.default_rng(3).uniform(0.02, 0.98, (3, count, count))
    lab = coded_rgb_to_lab(rgb, "bt709", "sdr").astype(np.float64)
    return lab[:1], lab[1:]


def test_pq_has_the_levels_that_bt2408_prints() -> None:
    cd = np.array([0, 100, 203, 1000, 10_000])
    np.testing.assert_allclose(pq_encode(cd / 203), [0, 0.508, 0.581, 0.752, 1], atol=6e-4)
    np.testing.assert_allclose(203 * pq_decode(pq_encode(cd / 203)), cd, rtol=1e-6, atol=1e-6)


def test_hlg_is_that_of_colour_science() -> None:
    # cd/m2 by colour-science 0.4.7, eotf_BT2100_HLG, of a display of 1000 cd/m2.
    shown = {
        (0.75, 0.75, 0.75): (203.152, 203.152, 203.152),
        (0.6, 0.4, 0.2): (75.323, 31.386, 7.846),
        (0.1, 0.5, 0.9): (2.068, 51.697, 360.948),
        (0.9, 0.3, 0.3): (410.576, 21.17, 21.17),
    }
    for signal, light in shown.items():
        planes = [np.array(each) for each in signal]
        np.testing.assert_allclose(203 * np.array(hlg_decode(planes[0], planes[1], planes[2])), light, rtol=1e-4)
        np.testing.assert_allclose(hlg_encode(*hlg_decode(planes[0], planes[1], planes[2])), signal, atol=1e-9)


def test_the_matrix_to_bt2020_is_that_of_bt2087() -> None:
    srgb = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    made = np.linalg.inv(rgb_to_xyz("bt2020")) @ (srgb / srgb.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(made, BT709_TO_BT2020, atol=1.5e-4)


@pytest.mark.parametrize("transfer", ["sdr", "pq"])
@pytest.mark.skipif(not has_zscale(), reason="FFmpeg's zscale judges here")
def test_chroma_of_bt2020_is_that_of_zscale(transfer: Transfer) -> None:
    L, ab = colours()
    rgb = lab2rgb(np.moveaxis(np.concatenate([L, ab]), 0, -1))
    name = {"sdr": "iec61966-2-1", "pq": "smpte2084"}[transfer]
    scale = f"zscale=pin=709:tin=iec61966-2-1:min=gbr:rin=pc:npl=203:p=2020:t={name}:m=2020_ncl:r=tv"
    command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "32x32", "-i", "-", "-vf",
               f"format=gbrpf32le,{scale},format=yuv444p16le", "-f", "rawvideo", "-"]  # fmt: skip
    picture = np.rint(65535 * rgb).astype("<u2").tobytes()
    made = subprocess.run(command, input=picture, capture_output=True, check=True).stdout
    theirs = np.frombuffer(made, "<u2").reshape(3, 32, 32)[1:]
    coding = YCbCr(*KR_KB["bt2020"], depth=16, primaries="bt2020", transfer=transfer)
    assert float(np.abs(lab_to_chroma(L, ab, coding) - theirs).max()) < 256 / 8  # an eighth of a code of 8 bits
    # What the primaries and the transfer change is a hundred times that.
    plain = YCbCr(*KR_KB["bt2020"], depth=16)
    assert float(np.abs(lab_to_chroma(L, ab, plain) - theirs).max()) > 10 * 256


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_chroma_of_bt2020_is_that_of_the_standards_written_out(transfer: Transfer) -> None:
    L, ab = colours()
    encoded = lab2rgb(np.moveaxis(np.concatenate([L, ab]), 0, -1))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    wide = linear @ BT709_TO_BT2020.T
    if transfer == "sdr":
        coded = np.where(wide <= 0.0031308, 12.92 * wide, 1.055 * wide ** (1 / 2.4) - 0.055)
    elif transfer == "pq":
        power = (203 * wide / 10_000) ** 0.1593017578125
        coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        shown = 203 * wide / 1000
        luminance = shown @ [0.2627, 0.6780, 0.0593]
        scene = shown * (luminance ** ((1 - 1.2) / 1.2))[..., None]
        coded = np.where(
            scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene, 1) - 0.28466892) + 0.55991073
        )
    luma = coded @ [0.2627, 0.6780, 0.0593]
    chroma = np.stack([(coded[..., 2] - luma) / 1.8814, (coded[..., 0] - luma) / 1.4746]) * 224 * 4 + 512
    coding = YCbCr(*KR_KB["bt2020"], depth=10, primaries="bt2020", transfer=transfer)
    np.testing.assert_allclose(lab_to_chroma(L, ab, coding), chroma, atol=0.35)


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("primaries", ALL_PRIMARIES)
def test_a_colour_comes_back(primaries: Primaries, transfer: Transfer) -> None:
    L, ab = colours()
    coding = YCbCr(0.0, 0.0, full=True, depth=16, primaries=primaries, transfer=transfer)
    # With weights of 0 luma is green, so that chroma and green together are the whole colour.
    chroma = (lab_to_chroma(L, ab, coding) - coding.chroma_center) * 2 / coding.chroma_span
    low, high = np.zeros_like(L), np.ones_like(L)
    for _ in range(40):  # green, by bisection of the lightness that it gives
        green = (low + high) / 2
        lab = coded_rgb_to_lab(np.concatenate([green + chroma[1:], green, green + chroma[:1]]), primaries, transfer)
        low, high = np.where(lab[:1] < L, green, low), np.where(lab[:1] < L, high, green)
    np.testing.assert_allclose(lab[1:], ab, atol=0.1)


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("primaries", ALL_PRIMARIES)
def test_gray_is_neutral(primaries: Primaries, transfer: Transfer) -> None:
    coding = YCbCr(*KR_KB["bt2020"], depth=12, primaries=primaries, transfer=transfer)
    L = np.linspace(0, 100, 64, dtype=np.float32).reshape(1, 8, 8)
    chroma = lab_to_chroma(L, np.zeros((2, 8, 8), np.float32), coding)
    assert np.unique(np.rint(chroma)).tolist() == [coding.chroma_center]


def test_lightness_is_that_of_the_light_and_highlights_are_white() -> None:
    def code(signal: float) -> int:
        return round(64 + 876 * signal)

    pq = lightness_table(YCbCr(*KR_KB["bt2020"], depth=10, transfer="pq"))
    hlg = lightness_table(YCbCr(*KR_KB["bt2020"], depth=10, transfer="hlg"))
    quarter = float(lightness_of_linear(np.array(0.25)))
    assert pq[code(float(pq_encode(np.array(0.25))))] == pytest.approx(quarter, abs=0.3)
    assert hlg[code(float(hlg_encode(*[np.array(0.25)] * 3)[0]))] == pytest.approx(quarter, abs=0.3)
    for table in (pq, hlg):
        assert table[code(1.0)] == table.max() == pytest.approx(100)
        assert table[code(0.0)] == 0
        assert np.all(np.diff(table) >= 0)


def test_standard_films_are_as_before() -> None:
    L, ab = colours()
    coding = YCbCr(*KR_KB["bt709"], depth=10)
    np.testing.assert_array_equal(lab_to_chroma(L, ab, coding), rgb_to_chroma(lab_to_rgb(L, ab), coding))
