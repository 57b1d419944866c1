"""Pictures for training: every source found, weighed and read; what cannot teach is left out and counted."""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path

import click
import numpy as np
import pytest

from batchcolor.errors import SourceError, UsageError
from tests.trainer.conftest import encoded, shard, write
from trainer.batches import Batches, Sampling, random_crop, resized_crop
from trainer.decoding import PictureReader, chroma_spread
from trainer.options import made_of, options_of
from trainer.sources import find_sources

SMALL = Sampling(size=32)


def test_folders_and_shards_are_sources_with_weights(tmp_path: Path) -> None:
    write(tmp_path / "data" / "people" / "a.jpg", 1)
    for part in ("000", "001"):
        shard(tmp_path / "data" / f"streets-{part}.tar", {f"{part}.webp": encoded(2, ".webp"), "notes.txt": b"no picture"})
    (tmp_path / "data" / "SOURCES.tsv").write_text("shards\tweight\tpictures\nstreets\t2.5\t2\n")
    sources = {source.key: source for source in find_sources([tmp_path / "data"])}
    assert {key: (len(s.pictures), s.weight) for key, s in sources.items()} == {"data/people": (1, 1.0), "streets": (2, 2.5)}
    reader = PictureReader()
    assert all(reader.rgb(p) is not None for s in sources.values() for p in s.pictures)
    given = find_sources([tmp_path / "data"], {"str*": 0.5})
    assert next(s.weight for s in given if s.key == "streets") in (0.5, 2.5)


def test_of_coco_only_the_split_that_is_meant_counts(tmp_path: Path) -> None:
    write(tmp_path / "coco" / "train2017" / "1.jpg", 1)
    write(tmp_path / "coco" / "val2017" / "2.jpg", 2)
    names = {
        split: [p.path.name for s in find_sources([tmp_path / "coco"], split=split) for p in s.pictures]
        for split in ("train", "val")
    }
    assert names == {"train": ["1.jpg"], "val": ["2.jpg"]}


def test_a_shard_cut_off_in_the_middle_gives_what_lies_before_the_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = shard(tmp_path / "cut-000.tar", {f"{n}.jpg": encoded(n) for n in range(6)})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        (source,) = find_sources([path])
    assert 0 < len(source.pictures) < 6
    assert all(PictureReader().rgb(p) is not None for p in source.pictures)


@pytest.mark.parametrize("kind", ["missing", "empty", "no pictures"])
def test_no_pictures_is_one_sentence(tmp_path: Path, kind: str) -> None:
    if kind != "missing":
        (tmp_path / "data").mkdir()
    if kind == "no pictures":
        (tmp_path / "data" / "a.txt").write_text("x")
    with pytest.raises(SourceError, match="data"):
        find_sources([tmp_path / "data"])


def sampling_of(*arguments: object) -> Sampling:
    """What a command with the options of `Sampling` makes of these arguments."""

    @click.command()
    @options_of(Sampling)
    def command(**values: object) -> Sampling:
        return made_of(Sampling, values)

    return command.main(list(map(str, arguments)), standalone_mode=False)  # type: ignore[no-any-return]


def test_the_size_and_shape_of_crops_are_options() -> None:
    assert sampling_of() == Sampling()
    whole = sampling_of("--crop", 32, "--crop-scale", 1, 1, "--crop-ratio", 1)
    assert whole == Sampling(size=32, scale=(1.0, 1.0), ratio=1.0)
    rgb = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    drawn = [random_crop(whole, np.random.default_rng(seed)) for seed in range(20)]
    crops = [resized_crop(rgb, crop, whole.size).transpose(1, 2, 0) for crop in drawn]
    flipped = [np.array_equal(crop, rgb[:, ::-1]) for crop in crops]
    assert 0 < sum(flipped) < 20
    assert all(is_flipped or np.array_equal(crop, rgb) for crop, is_flipped in zip(crops, flipped, strict=True))


@pytest.mark.parametrize(
    "wrong", [["--crop-scale", 0.9, 0.3], ["--crop-scale", 0, 1], ["--crop-scale", 0.5, 2], ["--crop-ratio", 0.5]]
)
def test_crops_that_cannot_be_are_one_sentence(wrong: list[object]) -> None:
    with pytest.raises(UsageError, match=f"{wrong[0]} .*: give "):
        sampling_of(*wrong)


def test_a_batch_is_a_function_of_seed_and_step(photos: Path) -> None:
    def batch(seed: int, step: int) -> np.ndarray:
        return Batches(find_sources([photos]), SMALL, 4, seed).batch(step).numpy()

    np.testing.assert_array_equal(batch(1, 7), batch(1, 7))
    assert not np.array_equal(batch(1, 7), batch(1, 8))
    assert not np.array_equal(batch(1, 7), batch(2, 7))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_however_many_workers_load_them_batches_come_in_order(photos: Path, workers: int) -> None:
    sources = find_sources([photos])
    stream = Batches(sources, SMALL, 4, 1).from_step(5, workers)
    for step in (5, 6, 7):
        np.testing.assert_array_equal(next(stream).numpy(), Batches(sources, SMALL, 4, 1).batch(step).numpy())
    stream.close()
    assert multiprocessing.active_children() == []


def test_two_halves_see_what_one_whole_sees(photos: Path) -> None:
    sources = find_sources([photos])
    whole = Batches(sources, SMALL, 4, 1).batch(3).numpy()
    halves = [Batches(sources, SMALL, 2, 1, first=first).batch(3).numpy() for first in (0, 2)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_gray_and_broken_pictures_are_left_out_counted_and_named_once(
    photos: Path, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    write(photos / "part-0" / "gray.png", 5, gray=True)
    (photos / "part-0" / "broken.jpg").write_bytes(b"\xff\xd8\xff no")
    batches = Batches(find_sources([photos]), SMALL, 4, 0)
    stream = batches.from_step(0, workers)
    with caplog.at_level(logging.WARNING):
        crops = np.concatenate([next(stream).numpy() for _ in range(40)])
    stream.close()
    assert (len(batches.gray), len(batches.broken)) == (1, 1)
    assert caplog.text.count(f"{photos / 'part-0' / 'broken.jpg'}: cannot be decoded") == 1
    assert all(chroma_spread(crop.transpose(1, 2, 0)) > 1 for crop in crops)


@pytest.mark.parametrize("workers", [0, 1])
def test_pictures_without_any_colour_are_one_sentence(tmp_path: Path, workers: int) -> None:
    for n in range(3):
        write(tmp_path / "gray" / f"{n}.png", n, gray=True)
    stream = Batches(find_sources([tmp_path / "gray"]), SMALL, 2, 0).from_step(0, workers)
    with pytest.raises(SourceError, match=r"^no picture with colour in 1,000 draws"):
        next(stream)


def test_a_weight_of_two_draws_twice_as_often(tmp_path: Path) -> None:
    for key in ("dark", "light"):
        members = {f"{n}.png": encoded(n + (100 if key == "light" else 0), ".png") for n in range(2)}
        shard(tmp_path / f"{key}-000.tar", members)
    sources = find_sources([tmp_path], {"dark": 1.0, "light": 3.0})
    batches = Batches(sources, SMALL, 1, 0)
    drawn = [int(np.searchsorted(batches._cumulative, np.random.default_rng((0, step, 0)).random())) for step in range(2000)]
    share = np.mean([index >= 2 for index in drawn])
    assert 0.7 < share < 0.8
