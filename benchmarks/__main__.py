"""`make bench`: run benchmarks, print what they find, and store it in benchmarks/results.json for the documentation.

    python -m benchmarks [NAME...] [--pictures FOLDER] [--pattern GLOB] [--clips FILE...] [--films FILE...]

Without names, all of them. Without pictures, clips or films, those that come with scikit-image and the demo's film are used.
"""

from __future__ import annotations

import argparse
import importlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import openvino as ov
import pyvips
import torch

from batchcolor.runtime.thread_budget import cores

from . import (
    accuracy,
    archive,
    color_pages,
    cuts,
    driver,
    figures,
    films,
    installation,
    long_film,
    memory,
    networks,
    parts,
    photos,
    precisions,
    ray_overhead,
    returning_shots,
    review,
    scaling,
    seams,
    short_films,
    sizes,
    startup,
    temporal_consistency,
    upsampling,
)

_PLOT = Path(__file__).parents[1] / "docs" / "images" / "cost.svg"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the user measures on. pictures: a folder of colour photographs, of which those named by `pattern`; clips: colour films."""

    pictures: Path | None
    pattern: str
    clips: list[Path]
    films: list[Path]

    @property
    def picture_arguments(self) -> list[str]:
        return [] if self.pictures is None else [str(self.pictures), "--pattern", self.pattern]

    def described(self, name: str) -> str:
        """The input of a benchmark, in words."""
        if name in ("accuracy", "precisions", "precisions_siggraph17", "upsampling", "color_pages") and self.pictures:
            return f"{self.pictures.name}/{self.pattern}"
        if name in ("accuracy_clips", "cuts", "returning_shots", "seams", "temporal_consistency") and self.clips:
            return f"{len(self.clips)} clips"
        return f"{len(self.films)} films" if name in ("films", "short_films", "long_film") and self.films else "built in"


# The order matters twice: the first ones start from a small process, and `parts` limits this process to one thread.
BENCHMARKS: dict[str, Callable[[Inputs], figures.Figures]] = {
    "startup": lambda _: startup.main(),
    "scaling": lambda _: scaling.main(),
    "driver": lambda _: driver.main(),
    "networks": lambda _: networks.main(),
    "accuracy": lambda inputs: accuracy.main(inputs.picture_arguments),
    "accuracy_clips": lambda inputs: accuracy.clips(inputs.clips),
    "precisions": lambda inputs: precisions.main(inputs.picture_arguments),
    "precisions_siggraph17": lambda _: precisions.main(["--weights", "siggraph17"]),
    "upsampling": lambda inputs: upsampling.main([inputs.pictures] if inputs.pictures else []),
    "color_pages": lambda inputs: color_pages.main([inputs.pictures] if inputs.pictures else []),
    "photos": lambda _: photos.main(),
    "films": lambda inputs: films.main(inputs.films),
    "short_films": lambda inputs: short_films.main(inputs.films),
    "long_film": lambda inputs: long_film.main(inputs.films[0] if inputs.films else None),
    "films_siggraph17": lambda _: films.with_siggraph17(),
    "temporal_consistency": lambda inputs: temporal_consistency.main(list(map(str, inputs.clips))),
    "cuts": lambda inputs: cuts.main(inputs.clips),
    "seams": lambda inputs: seams.main(inputs.clips),
    "returning_shots": lambda inputs: returning_shots.main([str(inputs.clips[0].parent)]) if inputs.clips else {},
    "sizes": lambda _: sizes.main(_PLOT),
    "memory": lambda _: memory.main(),
    "memory_uhd": lambda _: memory.uhd(),
    "installation": lambda _: installation.main(),
    "archive": lambda _: archive.main(),
    "ray_overhead": lambda _: ray_overhead.main(),
    "review": lambda _: review.main(),
    "parts": lambda _: parts.main(),
}


def _processor() -> str:
    """Its name, and the instructions that networks are fastest with."""
    name = str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip()
    found = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__  # what `numpy.show_runtime` prints
    widest = next((words for feature, words in _INSTRUCTIONS.items() if found.get(feature)), "")
    return f"{name} ({widest})" if widest else name


# NumPy's names of instruction sets, the widest first.
_INSTRUCTIONS = {
    "AVX512_SPR": "AVX-512 with AMX or bfloat16",
    "AVX512_ICL": "AVX-512 with VNNI",
    "AVX512F": "AVX-512",
    "AVX2": "AVX2",
    "ASIMD": "Neon",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure, print, and store in benchmarks/results.json."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--pictures", type=Path, help="Folder of colour photographs to judge accuracy on.")
    parser.add_argument("--pattern", default="*", help="Only photographs of this name.")
    parser.add_argument(
        "--clips", nargs="*", type=Path, default=[], help="Colour films for temporal consistency, cuts and seams."
    )
    parser.add_argument("--films", nargs="*", type=Path, default=[], help="Films to measure speed on.")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    inputs = Inputs(options.pictures, options.pattern, options.clips, options.films)
    processor = _processor()
    print(f"{processor}, {cores()} cores, {platform.platform()}")
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, OpenVINO {ov.__version__}, OpenCV {cv2.__version__}, "
        f"PyAV {av.__version__}, libvips {'.'.join(str(pyvips.version(n)) for n in range(3))}"
    )
    for name, benchmark in BENCHMARKS.items():
        if options.names and name not in options.names:
            continue
        print(f"\n== {name} ==", flush=True)
        found = benchmark(inputs)
        if found:
            figures.store(name, found, input_=inputs.described(name), processor=processor, cores=cores())


if __name__ == "__main__":
    main()
