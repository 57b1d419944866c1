"""Whether loading pictures is what training waits for: loader and step apart, in pictures a second.

    python -m benchmarks.training [DATA...] [--device cuda] [--workers 1 2 4]

Loader rates are printed for tar shards of 192-pixel WebP pictures and for JPEG files of COCO's size (640x480), both made from noise and
gradients in a temporary folder, and for DATA if it is given. The JPEGs are decoded once as training does, at a part of their size, and
once at full size.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch

from trainer import batches as loading
from trainer.batches import Batches, Sampling
from trainer.networks import freeze, initial_generator, train_mode
from trainer.optimizers import adamw
from trainer.parallel import training_device
from trainer.randomness import random_of
from trainer.settings import TrainSettings
from trainer.sources import Source, find_sources
from trainer.step import forward_backward

BATCH, PICTURES = 32, 64


def photographs(height: int, width: int) -> Iterator[np.ndarray]:
    """Pictures about as hard to decode as photographs: smooth shapes with texture on them; uint8 BGR."""
    rng = np.random.default_rng(0)
    for _ in range(PICTURES):
        coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        texture = cv2.GaussianBlur(rng.normal(0, 40, (height, width, 1)).astype(np.float32), (0, 0), 1.0)[..., None]
        yield (smooth + texture).clip(0, 255).astype(np.uint8)


def write_shards(folder: Path) -> None:
    with tarfile.open(folder / "made-000.tar", "w") as tar:
        for number, picture in enumerate(photographs(192, 256)):
            data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 78])[1].tobytes()
            member = tarfile.TarInfo(f"{number}.webp")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def write_jpegs(folder: Path) -> None:
    for number, picture in enumerate(photographs(480, 640)):
        cv2.imwrite(str(folder / f"{number}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])


def loader_rate(sources: Sequence[Source], workers: int, seconds: float) -> float:
    """Pictures a second from that many worker processes, after they have started."""
    stream = Batches(sources, Sampling(), BATCH, seed=0).from_step(0, workers)
    next(stream)
    started, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        count += len(next(stream))
    stream.close()
    return count / elapsed


def step_rate(settings: TrainSettings, device: torch.device, steps: int) -> float:
    """Pictures a second of whole steps (forward, backward, AdamW) on one batch that is at hand."""
    generator = initial_generator(settings).to(device)
    freeze(generator, settings.frozen)
    train_mode(generator)
    optimizer = adamw(generator, settings)
    size = settings.sampling.size
    batch = torch.randint(0, 256, (BATCH, 3, size, size), dtype=torch.uint8).to(device)
    for step in range(steps + 2):
        if step == 2:
            wait(device)
            started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        forward_backward(
            generator,
            batch,
            losses=settings.objective.active(step, 0.0),
            degradation=settings.degradation,
            random=random_of(0, step, 0, device),
            autocast=True,
        )
        optimizer.step()
    wait(device)
    return BATCH * steps / (time.perf_counter() - started)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each loader measurement")
    parser.add_argument("--steps", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        made = {name: Path(temporary) / name for name in ("shards", "jpegs")}
        for folder, write in zip(made.values(), (write_shards, write_jpegs), strict=True):
            folder.mkdir()
            write(folder)
        jpegs = find_sources([made["jpegs"]])
        kinds = {"192-pixel WebP in shards": find_sources([made["shards"]]), "640x480 JPEG files": jpegs}
        if arguments.data:
            kinds["DATA"] = find_sources(arguments.data)
        for workers in arguments.workers:
            for name, sources in kinds.items():
                rate = loader_rate(sources, workers, arguments.seconds)
                print(f"loader, {workers} processes, {name}: {rate:.0f} pictures/s", flush=True)
            with mock.patch.object(loading, "_LARGEST_DIVISOR", 1):
                rate = loader_rate(jpegs, workers, arguments.seconds)
            print(f"loader, {workers} processes, 640x480 JPEG files decoded at full size: {rate:.0f} pictures/s", flush=True)
    device = training_device(arguments.device)
    settings = TrainSettings(configuration={"encoder": "lite2"})
    rate = step_rate(settings, device, arguments.steps)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"step alone, lite2, crops of {settings.sampling.size}, {where}: {rate:.1f} pictures/s")


if __name__ == "__main__":
    main()
