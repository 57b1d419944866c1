"""Judging: where the network runs, and what becomes of files that are no pictures."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from batchcolor.generators import Generator
from batchcolor.generators.base import Hints
from batchcolor.imaging.contact_sheet import GAP
from tests.trainer.conftest import encoded, shard
from tests.trainer.test_runs import run_arguments, trainer
from trainer.evaluate import predict_ab


class _Elsewhere(Generator):
    """A network whose weights lie on another device than the CPU (torch's "meta", which every machine has)."""

    architecture = "elsewhere"
    side_multiple = 32

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, device="meta"))
        self.seen: list[str] = []

    def predict(self, L: Tensor, hints: Hints | None) -> Tensor:
        self.seen.append(L.device.type)
        return torch.full((1, 2, *L.shape[-2:]), 7.0)  # on the CPU: "meta" holds no values to give back


def test_lightness_goes_to_where_the_weights_lie_and_ab_comes_back() -> None:
    generator = _Elsewhere()
    ab = predict_ab(generator, np.full((40, 60, 3), 99, np.uint8), 64, (20, 30))
    assert generator.seen == ["meta"]
    assert ab.shape == (2, 20, 30)
    np.testing.assert_allclose(ab, 7.0, rtol=1e-6)


@pytest.mark.parametrize("command", ["evaluate", "evaluate-clips"])
@pytest.mark.parametrize(
    ("device", "code", "said"), [("cuda:63", 6, "--device cpu always works"), ("abacus", 2, "no device is")]
)
def test_a_device_to_judge_on_that_is_not_there_is_one_sentence(
    photos: Path, command: str, device: str, code: int, said: str
) -> None:
    ran = trainer(command, photos, "--weights", "lite", "--device", device)
    assert ran.returncode == code
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def huge_png() -> bytes:
    """A header that claims more pixels than OpenCV takes, with next to nothing behind it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


BROKEN = {"cut.jpg": encoded(1)[:60], "empty.png": b"", "text.webp": b"no picture", "huge.png": huge_png()}


def write_broken(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in BROKEN.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.slow
def test_undecodable_pictures_are_named_and_counted(photos: Path, tmp_path: Path) -> None:
    broken = write_broken(photos / "broken")
    packed = shard(photos / "packed-000.tar", {"bad.jpg": b"no picture", "good.jpg": encoded(3)})
    ran = trainer("evaluate", photos, "--weights", "lite", "--sheet", tmp_path / "sheet.png", "--json")
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(ran.stdout)
    assert (figures["pictures"], figures["undecodable"]) == (13, 5)
    for place in (*(broken / name for name in BROKEN), f"{packed}#bad.jpg"):
        assert ran.stderr.count(f"{place}: cannot be decoded and is left out") == 1
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[0] == 7 * (192 + 2 * GAP)  # 13 pictures, two a row


def test_nothing_decodable_is_one_sentence(tmp_path: Path) -> None:
    broken = write_broken(tmp_path / "broken")
    ran = trainer("evaluate", broken, "--weights", "lite", "--sheet", tmp_path / "sheet.png")
    assert ran.returncode == 3
    assert "none of 4 pictures can be decoded" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("option", ["--validation", "--preview"])
def test_a_run_that_could_not_be_judged_does_not_begin(photos: Path, tmp_path: Path, option: str) -> None:
    broken = write_broken(tmp_path / "broken")
    ran = trainer(*run_arguments(photos, tmp_path / "run", option, broken, "--validation-every", 1))
    assert ran.returncode == 3
    assert "none of 4 pictures can be decoded" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "run" / "state.pt").exists()
