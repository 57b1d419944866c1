"""Pictures to train on: small, coloured, quickly made."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest


def picture(seed: int, side: int = 80, *, gray: bool = False) -> np.ndarray:
    """A coloured gradient with a disc in it, uint8 BGR `(side, side, 3)`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    corners = rng.uniform(30, 220, (3, 3))
    made = corners[0] * x[..., None] + corners[1] * y[..., None] + corners[2] * (1 - x[..., None]) / 2
    made[np.hypot(x - 0.5, y - 0.4) < 0.2] = rng.uniform(0, 255, 3)
    if gray:
        made[:] = made.mean(2, keepdims=True)
    return made.clip(0, 255).astype(np.uint8)


def write(path: Path, seed: int, **options: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(seed, path.suffix, **options))
    return path


def encoded(seed: int, suffix: str = ".jpg", **options: bool) -> bytes:
    return cv2.imencode(suffix, picture(seed, **options))[1].tobytes()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder tree of twelve pictures."""
    for n in range(12):
        write(tmp_path / "photos" / f"part-{n % 3}" / f"{n}.jpg", n)
    return tmp_path / "photos"


def shard(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
