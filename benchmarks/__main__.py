"""`make bench`: every benchmark whose figures README and docs quote."""

from __future__ import annotations

import os
import platform

import torch

from . import (
    archive,
    color_pages,
    cuts,
    films,
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


def main() -> None:
    print(
        f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    )
    for title, benchmark in (
        ("Start-up", startup.main),
        ("Networks", networks.main),
        ("What precisions cost", lambda: precisions.main([])),
        ("Scaling chroma up", lambda: upscaling.main([])),
        ("Colour or toned", lambda: color_pages.main([])),
        ("Photos", photos.main),
        ("Films", films.main),
        ("Steady colour", lambda: steadiness.main([])),
        ("Cuts", lambda: cuts.main([])),
        ("Seams between chunks", lambda: seams.main([])),
        ("Cost against size", sizes.main),
        ("A second run over a finished tree", archive.main),
        ("Ray on one machine", ray_overhead.main),
        ("What a cluster can expect", scaling.main),
        ("A frame, part by part", parts.main),  # the last: it limits this process to one thread
    ):
        print(f"\n== {title} ==", flush=True)
        benchmark()


if __name__ == "__main__":
    main()
