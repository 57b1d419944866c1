"""Compare a generator's colours with true ones: as they are, and at equal colourfulness.

Paler colours cost less error where they are wrong, so error figures alone reward pale generators. Two generators are therefore compared
with all chroma multiplied by one factor each, chosen so that both reach the same share of the true colourfulness.
"""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from batchcolor.color.conversion import gray_of_lightness, lab_to_rgb, rgb_to_lab
from batchcolor.errors import SourceError
from batchcolor.generators import Generator
from batchcolor.generators.layout import network_shape
from batchcolor.metrics import colourfulness

from .decoding import Picture, PictureReader
from .frechet import frechet_distance, vgg16_features
from .metrics import PictureScore, rescore, score, summarize
from .sources import find_sources

log = logging.getLogger(__name__)

SIZE = 256  # pixels, both sides: the protocol of the SIGGRAPH17 authors' own test (pictures squashed to 256x256)
SIDE_MULTIPLE = 32  # as the colorizer feeds its pictures
EQUAL_COLOURFULNESS = 0.80  # of the true pictures'
_FACTORS = 2.0 ** (np.arange(-9, 10) / 3)  # of chroma, 1/8 to 8
_SAMPLED = 4  # every so many rows and columns tell how colourful a picture is


def lightness(rgb: np.ndarray) -> np.ndarray:
    """uint8 `(H, W, 3)` -> L float32 `(1, H, W)`."""
    return rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[:1]


def network_ab(generator: Generator, rgb: np.ndarray, network_size: int) -> np.ndarray:
    """ab float32 `(2, h, w)` at the network's resolution for the lightness of a picture, the network fed at about `network_size` squared
    pixels. It runs where its weights lie, on a GPU or the CPU."""
    h, w = network_shape(rgb.shape[0], rgb.shape[1], network_size, SIDE_MULTIPLE)
    small = cv2.resize(rgb, (w, h), interpolation=cv2.INTER_AREA)
    device = next(generator.parameters()).device
    with torch.inference_mode():
        ab: np.ndarray = generator(torch.from_numpy(lightness(small))[None].to(device))[0].cpu().numpy()
    return ab


def upsampled(ab: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """ab `(2, h, w)` -> `(2, *shape)`."""
    return np.stack([cv2.resize(channel, shape[::-1], interpolation=cv2.INTER_CUBIC) for channel in ab])


def predict_ab(generator: Generator, rgb: np.ndarray, network_size: int, shape: tuple[int, int]) -> np.ndarray:
    """`network_ab`, upsampled to `shape`."""
    return upsampled(network_ab(generator, rgb, network_size), shape)


def merge(L: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """L `(1, H, W)` and ab `(2, H, W)` -> uint8 sRGB `(H, W, 3)`."""
    return (lab_to_rgb(L, ab) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)


def gray_rgb(L: np.ndarray) -> np.ndarray:
    """L `(1, H, W)` -> the gray picture, uint8 `(H, W, 3)`."""
    return np.repeat((gray_of_lightness(L) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0), 3, axis=2)


def find_pictures(data: Sequence[Path], pattern: str) -> list[Picture]:
    """Pictures under `data` (of COCO 2017: val2017) whose own name matches `pattern`, a glob. Raises `SourceError`."""
    pictures = [
        p for s in find_sources(data, split="val") for p in s.pictures if fnmatch.fnmatch(p.member or p.path.name, pattern)
    ]
    if not pictures:
        raise SourceError(f"{', '.join(map(str, data))}: no picture matches {pattern!r}")
    return pictures


def decoded(pictures: Sequence[Picture]) -> Iterator[tuple[Picture, np.ndarray]]:
    """Each picture with its pixels, uint8 `(H, W, 3)`; those that cannot be decoded are left out, each with a warning.

    Raises `SourceError` at the end where none could be.
    """
    reader, count = PictureReader(), 0
    for picture in pictures:
        rgb = reader.rgb(picture)
        if rgb is None:
            log.warning("%s: cannot be decoded and is left out", picture.location)
            continue
        count += 1
        yield picture, rgb
    if not count:
        first = f"{pictures[0].location}: " if pictures else ""
        raise SourceError(f"{first}none of {len(pictures)} pictures can be decoded; evaluate on others")


def decodable(pictures: Sequence[Picture]) -> list[Picture]:
    """Those of `pictures` that can be decoded, which costs little beside evaluating them. Warns and raises as `decoded` does."""
    return [picture for picture, _ in decoded(pictures)]


@dataclass(frozen=True, slots=True)
class Features:
    """VGG16's features of one picture, for the Fréchet distance: true, gray and predicted colours."""

    true: np.ndarray
    gray: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True, slots=True)
class Prediction:
    """One picture's colours and figures.

    ab: float16 `(2, h, w)`, at the network's resolution. by_factor, true: see `equalizing_factor`.
    """

    picture: Picture
    ab: np.ndarray
    score: PictureScore
    by_factor: np.ndarray
    true: float
    features: Features | None = None


def predict(generator: Generator, pictures: Sequence[Picture], network_size: int, fid: bool = False) -> Iterator[Prediction]:
    """The colours of `pictures`, with their scores at 256x256. fid: with VGG16's features.

    Warns of undecodable pictures and raises as `decoded` does; raises `ModelError` where VGG16's weights are needed and not installed.
    """
    generator.eval()
    for picture, rgb in decoded(pictures):
        truth, L = _reference(rgb)
        small = network_ab(generator, rgb, network_size)
        ab = upsampled(small, (SIZE, SIZE))
        predicted, gray = merge(L, ab), gray_rgb(L)
        yield Prediction(
            picture,
            small.astype(np.float16),
            score(picture.name, predicted, gray, truth),
            colourfulness_by_factor(L, ab),
            sampled_colourfulness(truth),
            Features(*map(vgg16_features, (truth, gray, predicted))) if fid else None,
        )


def _reference(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The true picture at 256x256, uint8 `(256, 256, 3)`, and its L."""
    truth = cv2.resize(rgb, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return truth, lightness(truth)


def colourfulness_by_factor(L: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """How colourful a picture is with its chroma times each of `_FACTORS`, on every fourth row and column.

    L: `(1, H, W)`; ab: `(2, H, W)`.
    """
    L, ab = (x[..., ::_SAMPLED, ::_SAMPLED] for x in (L, ab))
    return np.array([colourfulness(merge(L, ab * np.float32(factor))) for factor in _FACTORS])


def sampled_colourfulness(rgb: np.ndarray) -> float:
    """How colourful a picture, uint8 sRGB `(H, W, 3)`, is on the same pixels."""
    return colourfulness(rgb[::_SAMPLED, ::_SAMPLED])


def equalizing_factor(
    by_factor: Sequence[np.ndarray], true: Sequence[float], share: float = EQUAL_COLOURFULNESS
) -> float | None:
    """The factor on chroma with which pictures have `share` of the true colourfulness; None where no factor from 1/8 to 8 leads there.

    by_factor: `colourfulness_by_factor` of each picture; true: `sampled_colourfulness` of each true one.
    """
    reached = np.mean(by_factor, axis=0)
    wanted = share * float(np.mean(true))
    if not reached[0] <= wanted <= reached[-1]:
        return None
    return float(np.exp(np.interp(np.log(wanted), np.log(np.maximum(reached, 1e-9)), np.log(_FACTORS))))


def with_chroma(predictions: Sequence[Prediction], factor: float) -> Iterator[tuple[PictureScore, np.ndarray]]:
    """The score of each picture with its chroma times `factor`, and the picture so, uint8 `(256, 256, 3)`."""
    for prediction, (_, rgb) in zip(predictions, decoded([p.picture for p in predictions]), strict=True):
        truth, L = _reference(rgb)
        predicted = merge(L, upsampled(prediction.ab.astype(np.float32), (SIZE, SIZE)) * np.float32(factor))
        yield rescore(prediction.score, predicted, truth), predicted


def figures_of(predictions: Sequence[Prediction]) -> tuple[dict[str, float], dict[str, float] | None]:
    """The figures of `predictions` as they are, and at 0.80 of the true colourfulness, with the chroma_factor that leads there; None
    where none does. `fid_vgg16` and `gray_fid_vgg16` are among them where `predictions` have features."""
    figures = summarize([p.score for p in predictions]).as_dict()
    true, gray, own = ([getattr(p.features, kind) for p in predictions if p.features] for kind in ("true", "gray", "predicted"))
    enough = len(true) > 1
    if enough:
        figures |= {"fid_vgg16": frechet_distance(own, true), "gray_fid_vgg16": frechet_distance(gray, true)}
    factor = equalizing_factor([p.by_factor for p in predictions], [p.true for p in predictions])
    if factor is None:
        return figures, None
    scores, features = [], []
    for each, picture in with_chroma(predictions, factor):
        scores.append(each)
        if enough:
            features.append(vgg16_features(picture))
    equal = {"chroma_factor": round(factor, 4), **summarize(scores).as_dict()}
    if enough:
        equal |= {"fid_vgg16": frechet_distance(features, true), "gray_fid_vgg16": figures["gray_fid_vgg16"]}
    return figures, equal


def comparable(equal: dict[str, float]) -> float:
    """The number that checkpoints are compared by: the mean of the pooled and the mean gain at equal colourfulness, in dB."""
    return (equal["gain_pooled"] + equal["gain_mean"]) / 2
