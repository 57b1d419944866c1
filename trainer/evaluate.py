"""Judge a generator on pictures whose true colours are known."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from batchcolor.color.conversion import gray_of_lightness, lab_to_rgb, rgb_to_lab
from batchcolor.errors import SourceError
from batchcolor.generators import Generator
from batchcolor.generators.layout import network_shape

from .data import Picture, PictureReader, find_sources
from .metrics import PictureScore, score

log = logging.getLogger(__name__)

JUDGED_SIZE = 256  # pixels, both sides: the protocol of the SIGGRAPH17 authors' own test (pictures squashed to 256x256)
SIDE_MULTIPLE = 32  # as the colorizer feeds its pictures


def lightness(rgb: np.ndarray) -> np.ndarray:
    """uint8 `(H, W, 3)` -> L float32 `(1, H, W)`."""
    return rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[:1]


def predict_ab(generator: Generator, rgb: np.ndarray, network_size: int, out: tuple[int, int]) -> np.ndarray:
    """ab float32 `(2, out_h, out_w)` for the lightness of a picture, the network fed at `network_size` squared pixels.

    The network runs where its weights lie, a GPU or the CPU.
    """
    h, w = network_shape(rgb.shape[0], rgb.shape[1], network_size, SIDE_MULTIPLE)
    small = cv2.resize(rgb, (w, h), interpolation=cv2.INTER_AREA)
    device = next(generator.parameters()).device
    with torch.inference_mode():
        ab = generator(torch.from_numpy(lightness(small))[None].to(device))[0].cpu().numpy()
    return np.stack([cv2.resize(plane, out[::-1], interpolation=cv2.INTER_CUBIC) for plane in ab])


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
            log.warning("%s: cannot be decoded and is left out", picture.place)
            continue
        count += 1
        yield picture, rgb
    if not count:
        first = f"{pictures[0].place}: " if pictures else ""
        raise SourceError(f"{first}none of {len(pictures)} pictures can be decoded; judge on others")


def decodable(pictures: Sequence[Picture]) -> list[Picture]:
    """Those of `pictures` that can be decoded, which costs little beside judging them. Warns and raises as `decoded` does."""
    return [picture for picture, _ in decoded(pictures)]


def evaluate(generator: Generator, pictures: Sequence[Picture], network_size: int) -> Iterator[PictureScore]:
    """Scores of `pictures` at 256x256. Warns of undecodable ones and raises as `decoded` does."""
    generator.eval()
    for picture, rgb in decoded(pictures):
        truth = cv2.resize(rgb, (JUDGED_SIZE, JUDGED_SIZE), interpolation=cv2.INTER_AREA)
        L = lightness(truth)
        predicted = merge(L, predict_ab(generator, rgb, network_size, (JUDGED_SIZE, JUDGED_SIZE)))
        yield score(picture.name, predicted, gray_rgb(L), truth)
