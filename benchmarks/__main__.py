"""`make bench`: every benchmark whose figures README and docs quote."""

from __future__ import annotations

import platform
from datetime import date
from pathlib import Path

import av
import cv2
import openvino as ov
import pyvips
import torch

from batchcolor.runtime.thread_budget import cores

from . import (
    archive,
    color_pages,
    cuts,
    films,
    installation,
    networks,
    parts,
    photos,
    precisions,
    ray_overhead,
    scaling,
    seams,
    sizes,
    startup,
    steadiness,
    upscaling,
)

_PLOT = Path(__file__).parents[1] / "docs" / "images" / "cost.svg"


def main() -> None:
    processor = ov.Core().get_property("CPU", "FULL_DEVICE_NAME")
    print(f"{date.today()}, {processor}, {cores()} cores, {platform.platform()}")
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, OpenVINO {ov.__version__}, OpenCV {cv2.__version__}, "
        f"PyAV {av.__version__}, libvips {'.'.join(str(pyvips.version(n)) for n in range(3))}"
    )
    for title, benchmark in (
        ("Start-up", startup.main),
        ("Networks", networks.main),
        ("What precisions cost", lambda: precisions.main([])),
        ("What they cost siggraph17", lambda: precisions.main(["--weights", "siggraph17"])),
        ("Scaling chroma up", lambda: upscaling.main([])),
        ("Colour or toned", lambda: color_pages.main([])),
        ("Photos", photos.main),
        ("Films", films.main),
        ("Steady colour", lambda: steadiness.main([])),
        ("Cuts", lambda: cuts.main([])),
        ("Seams between chunks", lambda: seams.main([])),
        ("Cost against size", lambda: sizes.main(_PLOT)),
        ("Installation", installation.main),
        ("A second run over a finished tree", archive.main),
        ("Ray on one machine", ray_overhead.main),
        ("What a cluster can expect", scaling.main),
        ("A frame, part by part", parts.main),  # the last: it limits this process to one thread
    ):
        print(f"\n== {title} ==", flush=True)
        benchmark()


if __name__ == "__main__":
    main()
