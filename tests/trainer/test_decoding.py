"""Pictures from disk: JPEGs come smaller where a crop needs fewer pixels, everything else at full size."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import encoded, picture, shard
from trainer.batches import Batches, Crop, Sampling, decoding_divisor, random_crop, resized_crop
from trainer.decoding import Picture, PictureReader
from trainer.sources import find_sources


@pytest.mark.parametrize("divisor", [1, 2, 4, 8])
def test_a_jpeg_is_decoded_at_a_part_of_its_size(tmp_path: Path, divisor: int) -> None:
    bgr = cv2.resize(picture(1, 240), (320, 240))
    (tmp_path / "a.jpg").write_bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    asked: list[tuple[int, int]] = []

    def given(height: int, width: int) -> int:
        asked.append((height, width))
        return divisor

    rgb = PictureReader().rgb(Picture(tmp_path / "a.jpg"), given)
    assert asked == [(240, 320)]
    assert rgb is not None
    assert rgb.shape == (240 // divisor, 320 // divisor, 3)
    expected = cv2.resize(bgr, rgb.shape[1::-1], interpolation=cv2.INTER_AREA)[..., ::-1]
    assert float(np.abs(rgb.astype(float) - expected).mean()) < 3


def test_other_formats_come_at_full_size(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(1, ".png"))
    rgb = PictureReader().rgb(Picture(tmp_path / "a.png"), lambda _height, _width: 8)
    assert rgb is not None
    assert rgb.shape == (80, 80, 3)


def test_the_divisor_leaves_as_many_pixels_as_the_crop_needs() -> None:
    whole = Crop(1.0, 1.0, 0, 0, False)
    assert [decoding_divisor(whole, 192, side, side) for side in (100, 383, 384, 768, 1536, 9999)] == [1, 1, 2, 4, 8, 8]
    assert decoding_divisor(Crop(0.25, 1.0, 0, 0, False), 192, 768, 768) == 2
    rng = np.random.default_rng(0)
    for _ in range(200):
        crop = random_crop(Sampling(), rng)
        divisor = decoding_divisor(crop, 192, 1200, 1600)
        assert min(crop.shape(1200 // divisor, 1600 // divisor)) >= 191  # rounding aside


def test_a_crop_of_a_reduced_jpeg_shows_what_the_same_crop_of_the_whole_shows(tmp_path: Path) -> None:
    bgr = cv2.resize(picture(2, 256), (640, 512), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "a.jpg").write_bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    crop, reader, jpeg = Crop(0.6, 1.2, 0.3, 0.8, True), PictureReader(), Picture(tmp_path / "a.jpg")
    full, half = reader.rgb(jpeg), reader.rgb(jpeg, lambda height, width: decoding_divisor(crop, 128, height, width))
    assert full is not None
    assert half is not None
    assert half.shape[0] == full.shape[0] // 2
    difference = resized_crop(full, crop, 128).astype(float) - resized_crop(half, crop, 128)
    assert float(np.abs(difference).mean()) < 1.5


def test_a_reader_with_open_shards_goes_to_another_process(tmp_path: Path) -> None:
    shard(tmp_path / "a-000.tar", {f"{n}.jpg": encoded(n) for n in range(4)})
    batches = Batches(find_sources([tmp_path]), Sampling(size=32), 2, 0)
    here = batches.batch(3)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert np.array_equal(pool.apply(batches.batch, (3,)).numpy(), here.numpy())
