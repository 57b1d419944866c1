"""Encoders: formats and options are accepted or refused in one sentence; hardware encoders are tested before use."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from skimage import data

from batchcolor.errors import UsageError
from batchcolor.films import FilmResult, colorize_film
from batchcolor.films.input.probe import probe
from batchcolor.films.output.encode import open_encoder, picture_format
from batchcolor.films.output.encoders import choose_encoder
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film, pictures
from tests.support import formula_colorizer


def colorize(source: Path, target: Path, *, measure: bool = False, **settings: object) -> FilmResult:
    film = FilmSettings(**settings)  # type: ignore[arg-type]
    return colorize_film(source, target, Settings(film=film), colorizer=formula_colorizer, measure=measure)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"])
def test_the_pixel_format_can_be_chosen(tmp_path: Path, pix_fmt: str) -> None:
    source = make_film(tmp_path / "in.mkv", Made())
    colorize(source, tmp_path / "out.mkv", codec="ffv1", pix_fmt=pix_fmt)
    assert probe(tmp_path / "out.mkv").pixel_format == pix_fmt
    shift = 2 if pix_fmt.endswith("10le") else 0
    for (_, before), (_, after) in zip(pictures(source), pictures(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(before.astype(int) << shift, after)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pix_fmt": "rgb24"}, "yuv420p"),
        ({"pix_fmt": "nonsense"}, "--pix-fmt nonsense"),
        ({"codec": "prores", "pix_fmt": "yuv420p"}, "yuv422p10le"),
        ({"preset": "warp"}, "--preset"),
        ({"tune": "nonsense"}, "--tune"),
        ({"encoder": "videotoolbox", "codec": "ffv1"}, "--encoder videotoolbox"),
        ({"encoder": "v4l2m2m"}, "--encoder v4l2m2m"),
    ],
)
def test_refused_encoder_options_are_one_sentence_and_leave_no_file(
    tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    source = make_film(tmp_path / "in.mkv", Made())
    with pytest.raises(UsageError, match=words) as caught:
        colorize(source, tmp_path / "out" / "out.mkv", **settings)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_a_listed_chip_that_fails_its_trial_is_not_chosen() -> None:
    listed = [name for name in ("h264_nvenc", "h264_qsv") if name in av.codecs_available]
    chosen = choose_encoder(FilmSettings(encoder="auto")).name
    assert chosen == "libx264" or chosen.startswith("h264_")  # where there is a chip, it passed
    for name in set(listed) - {chosen}:
        with pytest.raises(UsageError, match="trial"):
            choose_encoder(FilmSettings(encoder=name.partition("_")[2]))  # type: ignore[arg-type]


def test_tuning_and_quality_reach_the_encoder(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(width=320, height=240))
    sizes = {}
    for name, settings in {"best": {"crf": 10}, "worse": {"crf": 35}, "grain": {"crf": 35, "tune": "grain"}}.items():
        colorize(source, tmp_path / f"{name}.mkv", **settings)
        sizes[name] = (tmp_path / f"{name}.mkv").stat().st_size
    assert sizes["best"] > 1.5 * sizes["worse"]
    assert sizes["grain"] != sizes["worse"]


def test_figures_of_a_film_can_be_taken(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(width=320, height=240))
    facts = colorize(source, tmp_path / "out.mkv", measure=True).as_dict()
    assert 30 < facts["psnr_luma"] < 60
    assert facts["colourfulness"] > 5
    assert facts["warp_error"] >= 0
    assert facts["cdc"] >= 0
    assert colorize(source, tmp_path / "lossless.mkv", measure=True, codec="ffv1").as_dict()["psnr_luma"] > 100
    assert "psnr_luma" not in colorize(source, tmp_path / "plain.mkv").as_dict()


def test_the_same_film_becomes_the_same_bits_every_time(tmp_path: Path) -> None:
    """libx264 is asked not to depend on the processor; with AVX-512 its macroblock tree would not even repeat itself."""
    scene = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (400, 400), interpolation=cv2.INTER_AREA)
    pan = Made(width=320, height=240, picture=lambda n, height, width: scene[n : n + height, n : n + width])
    source = make_film(tmp_path / "in.mkv", pan)
    results = [tmp_path / f"out-{n}.mkv" for n in range(3)]
    for result in results:
        colorize(source, result)
    assert len({np.stack([luma for _, luma in pictures(result)]).tobytes() for result in results}) == 1


@pytest.mark.parametrize(("preset", "refers_to"), [("medium", "2"), ("ultrafast", "1")])
def test_encoders_keep_few_of_large_pictures(tmp_path: Path, preset: str, refers_to: str) -> None:
    """As x264 itself says, in the stream."""
    said = {}
    for width, height in ((1920, 1080), (3840, 2160)):
        made = Made(width=width, height=height, pts=(0, 40), encoder={"preset": "ultrafast"})
        source = make_film(tmp_path / f"{width}.mkv", made)
        info = replace(probe(source), depth=10)
        picture = picture_format(info, choose_encoder(FilmSettings()))
        with av.open(str(source)) as film, av.open(str(tmp_path / "out.mkv"), "w") as output:
            encoder = open_encoder(output, film.streams.video[0], info, picture, FilmSettings(preset=preset))
            frame = next(film.decode(video=0)).reformat(format=picture.encoded)
            data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
        said[width] = dict(re.findall(rb" (mbtree|ref|rc_lookahead)=(\d+)", data))
    assert said[3840].get(b"mbtree") == b"0"
    assert said[3840][b"ref"].decode() == refers_to
    if preset == "medium":
        assert said[1920] == {b"mbtree": b"1", b"ref": b"3", b"rc_lookahead": b"40"}
