"""Fill measured figures into the documentation, from benchmarks/results.json.

    python -m tools.fill_figures

Two kinds of places are filled. `<!--=networks.lite.gflop:.1f-->3.9<!--/-->` holds one figure, found by its path in the results (the
benchmark, then the names inside its `figures`), in Python's format; `<!-- table NAME -->` to `<!-- end table -->` holds a table of
`TABLES`. The places stay, so that the script can run again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import read

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
FIGURE = re.compile(r"<!--=([^:>]+?)(?::([^>]*?))?-->(.*?)<!--/-->")
TABLE = re.compile(r"<!-- table (\w+) -->\n(.*?)<!-- end table -->", re.DOTALL)

Results = dict[str, dict[str, Any]]


def filled(text: str, results: Results) -> str:
    """The page with every marked place filled. Raises `KeyError` for a figure or table that does not exist."""

    def figure(match: re.Match[str]) -> str:
        path, form = match[1], match[2] or ""
        return f"<!--={path}{':' + form if form else ''}-->{format(_value(results, path), form)}<!--/-->"

    def table(match: re.Match[str]) -> str:
        return f"<!-- table {match[1]} -->\n" + "".join(f"{row}\n" for row in TABLES[match[1]](results)) + "<!-- end table -->"

    return TABLE.sub(table, FIGURE.sub(figure, text))


def _value(results: Results, path: str) -> Any:
    benchmark, *names = path.split(".")
    value: Any = results[benchmark]["figures"]
    while names:
        # Names may hold dots themselves, such as "0.55": take the longest that exists.
        count = next((n for n in range(len(names), 0, -1) if ".".join(names[:n]) in value), 0)
        if not count:
            raise KeyError(f"{path}: {'.'.join(names)} is not in benchmarks/results.json")
        value, names = value[".".join(names[:count])], names[count:]
    return value


def _markdown(heads: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _summary(results: Results) -> Iterator[str]:
    figures = {name: row["figures"] for name, row in results.items()}
    accuracy, rates, cuts = figures["accuracy"], figures["networks"]["rates"], figures["cuts"]["batchcolor"]
    jpeg = figures["photos"]["JPEGs, 8 bits"]
    ratios = [film["wall_ratio"] for film in figures["films"]["films"].values()]
    steady = figures["temporal_consistency"]["flow, auto"]
    rows = [
        [
            "How much closer than gray do colours come to the truth?",
            f"{accuracy['1.0']['gain_pooled']:.2f} dB",
            "plausible skies, grass, skin and wood; clothes and paint are guesses",
        ],
        [
            "How many photos come out worse than gray?",
            f"{accuracy['1.0']['worse_than_gray']:.0%}; {accuracy['0.55']['worse_than_gray']:.0%} with `--saturation 0.55`",
            "paler settings are safer",
        ],
        [
            "How colourful are the results, compared with the truth?",
            f"{accuracy['1.0']['colourfulness_ratio']:.2f}",
            "a little paler than real colours",
        ],
        [
            "How fast is lite, compared with the reference network?",
            f"{rates['lite openvino int8']['ratio']:.0f} times",
            "a CPU is enough",
        ],
        [
            "How fast is siggraph17 in int8, compared with the reference?",
            f"{rates['siggraph17 openvino int8']['ratio']:.1f} times",
            "photos are fine on a CPU; films want many cores or a GPU",
        ],
        [
            "How long does a JPEG take, compared with decoding and encoding it?",
            f"{jpeg['ratio']:.1f} times",
            f"{jpeg['photos_per_s']['batchcolor']:.0f} photos/s of 2 megapixels on {results['photos']['cores']} cores",
        ],
        [
            "How long does a film take, compared with transcoding it?",
            f"{min(ratios):.2f} to {max(ratios):.2f} times",
            "colour costs about half as much as encoding the film",
        ],
        [
            "How much do a film's colours flicker, compared with frame by frame?",
            f"{steady['warp_error']:.2f}; {steady['largest_warp_error']:.2f} at worst",
            "no visible flicker of colour",
        ],
        [
            "How many cuts are found?",
            f"{cuts['recall']:.0%}; {cuts['precision']:.0%} of the reports are right",
            "colours rarely leak from one shot into the next",
        ],
    ]
    return _markdown(["question", "result", "what it means"], iter(rows))


def _memory(results: Results) -> Iterator[str]:
    figures = results["memory"]["figures"]
    rows = [[f"gray TIFF of 16 bits, {size} megapixels", f"{mb:.0f} MB"] for size, mb in figures["tiff_mb"].items()]
    rows += [[f"film of {int(frames):,} frames, 640x480", f"{mb:.0f} MB"] for frames, mb in figures["film_mb"].items()]
    large = results["memory_uhd"]["figures"]
    for codec, mb in large["uhd_mb"].items():
        rows.append([f"film of 3840x2160 and 10 bits, as `{codec}`", f"{mb:.0f} MB"])
        if codec in large["uhd_ffmpeg_mb"]:
            rows.append(
                ["the same encoded by `ffmpeg`, without colours, in one thread", f"{large['uhd_ffmpeg_mb'][codec]:.0f} MB"]
            )
    return _markdown(["source", "memory"], iter(rows))


def _accuracy(results: Results) -> Iterator[str]:
    rows = results["accuracy"]["figures"]
    names = {"1.0": "`lite`", "0.55": "`lite` with `--saturation 0.55`"}
    heads = [
        "weights",
        "pooled gain",
        "mean gain",
        "median gain",
        "worse than gray",
        "CIEDE2000 below gray's",
        "colourfulness / truth",
    ]
    return _markdown(
        heads,
        (
            [
                names.get(key, f"`lite` with `--saturation {key}`"),
                *(f"{row[name]:.2f} dB" for name in ("gain_pooled", "gain_mean", "gain_median")),
                f"{row['worse_than_gray']:.0%}",
                f"{row['ciede2000_cut']:.0%}",
                f"{row['colourfulness_ratio']:.2f}",
            ]
            for key, row in rows.items()
        ),
    )


def _networks(results: Results) -> Iterator[str]:
    rates = results["networks"]["figures"]["rates"]
    names = {"openvino": "OpenVINO"}
    return _markdown(
        ["network and engine", "pictures/s", "x reference"],
        (
            [
                " ".join(names.get(word, word) for word in name.split()),
                f"{row['pictures_per_s']:.1f}" if row["pictures_per_s"] < 10 else f"{row['pictures_per_s']:.0f}",
                f"{row['ratio']:.1f}" if row["ratio"] < 10 else f"{row['ratio']:.0f}",
            ]
            for name, row in rates.items()
        ),
    )


def _precisions(results: Results) -> Iterator[str]:
    rows = results["precisions"]["figures"]["differences"]
    return _markdown(
        ["engine and precision", "PSNR", "CIEDE2000", "colourfulness", "mean difference of ab"],
        (
            [
                name.replace("openvino", "OpenVINO"),
                f"{row['psnr_db']:+.3f} dB",
                f"{row['ciede2000']:+.2f}",
                f"x {row['colourfulness_ratio']:.2f}",
                f"{row['ab']:.2f}",
            ]
            for name, row in rows.items()
            if name != "torch float32"
        ),
    )


def _photos(results: Results) -> Iterator[str]:
    rows = results["photos"]["figures"]
    return _markdown(
        ["files", "libvips", "libvips, RGB", "batchcolor", "time / libvips", "time / libvips, RGB"],
        (
            [
                f"{row['photos']} {name}",
                *(f"{row['photos_per_s'][runner]:.1f} photos/s" for runner in ("libvips", "libvips, RGB", "batchcolor")),
                f"{row['ratio']:.1f}",
                f"{row['ratio_rgb']:.1f}",
            ]
            for name, row in rows.items()
        ),
    )


def _films(results: Results) -> Iterator[str]:
    rows = results["films"]["figures"]["films"]
    return _markdown(
        ["film", "transcode", "batchcolor", "wall time", "processor time", "of the result: wall", "processor", "PSNR of luma"],
        (
            [
                f"{name}: {row['size']}, {row['frames']:,} frames",
                f"{row['plain_frames_per_s']:.1f} frames/s",
                f"{row['frames_per_s']:.1f} frames/s",
                *(f"{row[f'{ratio}_ratio']:.2f}" for ratio in ("wall", "processor", "coloured_wall", "coloured_processor")),
                f"{row['psnr_difference_db']:+.2f} dB",
            ]
            for name, row in rows.items()
        ),
    )


def _parts(results: Results) -> Iterator[str]:
    sizes = results["parts"]["figures"]
    parts = list(next(iter(sizes.values()))["parts_ms"])
    rows = [[part, *(f"{row['parts_ms'][part]:.1f} ms" for row in sizes.values())] for part in parts]
    rows.append(["all", *(f"{row['ms']:.1f} ms, {row['ratio']:.2f} times a plain transcode" for row in sizes.values())])
    return _markdown(["part", *sizes], iter(rows))


def _temporal_consistency(results: Results) -> Iterator[str]:
    options = {
        "frame by frame": "`--smooth none --key-frames every`",
        "exponential": "`--smooth exponential --key-frames every`",
        "flow, every frame": "`--smooth flow --key-frames every`",
        "flow, auto": "`--smooth flow --key-frames auto` (default)",
    }
    rows = results["temporal_consistency"]["figures"]
    return _markdown(
        ["options", "warp error, mean (largest)", "CDC / true clips", "PSNR", "colourfulness", "frames per key frame"],
        (
            [
                options[name],
                f"{row['warp_error']:.3f} ({row['largest_warp_error']:.3f})",
                f"{row['cdc']:.2f}",
                f"{row['psnr_db']:+.2f} dB",
                f"{row['colourfulness_ratio']:.2f}",
                f"{row['frames_per_key_frame']:.1f}",
            ]
            for name, row in rows.items()
        ),
    )


def _cuts(results: Results) -> Iterator[str]:
    rows = results["cuts"]["figures"]
    return _markdown(
        ["detector", "cuts found", "dissolves and fades found", "false reports", "recall of cuts", "precision"],
        (
            [
                name,
                f"{row['cuts']} of {row['of_cuts']}",
                f"{row['gradual']} of {row['of_gradual']}",
                f"{row['false']}",
                f"{row['recall']:.2f}",
                f"{row['precision']:.2f}",
            ]
            for name, row in rows.items()
        ),
    )


def _upsampling(results: Results) -> Iterator[str]:
    rows = results["upsampling"]["figures"]["ratios"]
    return _markdown(
        ["factor", "all pixels", "edges"],
        ([f"{factor} times", f"{row['all']:.2f}", f"{row['edges']:.2f}"] for factor, row in rows.items()),
    )


def _measured(results: Results) -> Iterator[str]:
    return _markdown(
        ["benchmark", "date", "processor", "cores", "input"],
        ([f"`{name}`", row["date"], row["processor"], f"{row['cores']}", row["input"]] for name, row in results.items()),
    )


def _scaling(results: Results) -> Iterator[str]:
    figures = results["scaling"]["figures"]
    core, driver, books, ray = figures["core"], figures["driver"], figures["bookkeeping"], results["ray_overhead"]["figures"]
    lite, free = core["lite"], core["no network"]
    rows = [
        [
            "a photo of 2 megapixels (JPEG)",
            f"{lite['photo_ms']:.0f} ms of one core; {free['photo_ms']:.0f} ms without the network",
        ],
        ["a frame of 640x480 (H.264)", f"{lite['frame_ms']:.1f} ms of one core; {free['frame_ms']:.1f} ms without the network"],
        ["the first pass over a film, by the driver", f"{core['first_pass_ms']:.2f} ms of one core a frame of 640x480"],
        ["storage, a photo of 2 megapixels", f"{core['read_mb']:.2f} MB read, {core['written_mb']:.2f} MB written"],
        [
            f"{driver['jobs']:,} jobs of 20 ms, {driver['workers']} workers on one machine",
            f"{driver['jobs_per_s']:,.0f} jobs/s",
        ],
        ["the driver's own work for a job", f"{driver['job_us']:.0f} us of processor time"],
        ["the driver's memory before and after", f"{driver['mb_before']:.0f} MB, {driver['mb_after']:.0f} MB"],
        ["a plan", f"{books['plan_files_per_s']:,.0f} files/s, {books['plan_bytes']:.0f} bytes a file"],
        ["the manifest", f"{books['manifest_per_s']:,.0f} outcomes/s"],
        [
            f"{ray['photos']} photos, two workers: Ray / local processes",
            f"{ray['ratio']:.2f}; from the first outcome on, {ray['ratio_from_first']:.2f}",
        ],
    ]
    return _markdown(["what", "figure"], iter(rows))


TABLES: dict[str, Callable[[Results], Iterator[str]]] = {
    "accuracy": _accuracy,
    "cuts": _cuts,
    "films": _films,
    "measured": _measured,
    "memory": _memory,
    "networks": _networks,
    "parts": _parts,
    "photos": _photos,
    "precisions": _precisions,
    "scaling": _scaling,
    "summary": _summary,
    "temporal_consistency": _temporal_consistency,
    "upsampling": _upsampling,
}


def main() -> None:
    results = read()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text, results), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
