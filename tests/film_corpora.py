"""Colorize films of public test corpora and check each result against FFmpeg's own programs.

    python -m tests.film_corpora FOLDER... [--films 60] [--megapixels 150] [--jobs 1] [--json result.json]

Not a test of `make test`: it needs folders of films that the repository does not have, and `ffmpeg` and `ffprobe`. Every film is
colorized by a formula instead of a network, since what is checked is everything but its colours. A film counts as one of:

- exact: as many frames as `ffmpeg -fps_mode passthrough` decodes, all packets of every stream, sound where it was beside the picture,
  and no warning but that colours were replaced, which is what the settings here say;
- warned: something differs, and a warning names it;
- refused: no result, and FFmpeg's programs decode no picture either, or the sentence names what they do not show;
- wrong: anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from batchcolor.errors import BatchcolorError
from batchcolor.films import colorize_film
from batchcolor.settings import FilmSettings, PhotoSettings, Settings
from tests.support import formula_colorizer

_LIMIT_S = 240
_PER_KIND = 5
_SUFFIXES_KEPT = (".mp4", ".m4v", ".mov", ".mkv")
_CLOCK_S = 0.003
_OF_FRAMES = re.compile(r"damaged|decoded|passed over|repeated|breaks off|ends early|shorter|clock|time|picture packets")
_ON_PURPOSE = re.compile(r"in colour already; they were colorized|tinted or toned; they were colorized")
_OF_SOUND = re.compile(r"damaged|begins|clock|jump|packets|gap")


@dataclass(slots=True)
class Verdict:
    """What became of one film. why: what made it wrong; differences: found by FFmpeg's programs."""

    film: str
    verdict: str = "wrong"
    why: str = ""
    frames: int | None = None
    frames_of_ffmpeg: int | None = None
    differences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


def ffprobe(film: Path) -> dict[str, Any]:
    """Streams with their packets counted, as FFmpeg's ffprobe says; empty where it cannot read the file."""
    command = [
        "ffprobe",
        "-v",
        "quiet",
        "-of",
        "json",
        "-count_packets",
        "-show_streams",
        "-show_format",
        "-show_chapters",
        str(film),
    ]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_LIMIT_S)
        found = json.loads(done.stdout or b"{}")
        for stream in found.get("streams", []):
            stream["first_s"] = first_time(film, stream["index"])
        return found
    except (subprocess.TimeoutExpired, ValueError):
        return {}


def first_time(film: Path, index: int) -> float | None:
    """When the earliest of a stream's first packets is shown; ffprobe's `start_time` is another thing in some containers."""
    entries = ["-show_entries", "packet=pts_time", "-read_intervals", "%+#24", "-of", "csv=p=0", "-select_streams", str(index)]
    done = subprocess.run(["ffprobe", "-v", "quiet", *entries, str(film)], capture_output=True, check=False, timeout=_LIMIT_S)
    times = [float(line.split(b",")[0]) for line in done.stdout.split() if re.match(rb"-?[\d.]+", line)]
    return min(times, default=None)


def frames_of_ffmpeg(film: Path) -> int:
    """Frames that `ffmpeg` decodes of the first picture stream that is no cover, each counted once."""
    command = [
        "ffmpeg",
        "-v",
        "quiet",
        "-nostdin",
        "-i",
        str(film),
        "-map",
        "0:V:0",
        "-fps_mode",
        "passthrough",
        "-f",
        "framecrc",
        "-",
    ]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        return -1
    return sum(1 for line in done.stdout.splitlines() if line and not line.startswith(b"#"))


def picture_of(streams: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first picture stream that is no cover."""
    moving = (each for each in streams if each["codec_type"] == "video" and not each["disposition"]["attached_pic"])
    return next(moving, None)


def check(film: Path, target: Path) -> Verdict:
    """Colorize `film` into `target` and judge the result."""
    told = Verdict(str(film))
    before = ffprobe(film)
    told.frames_of_ffmpeg = frames_of_ffmpeg(film)
    try:
        settings = Settings(photo=PhotoSettings(color_pages="recolor"), film=FilmSettings(preset="ultrafast"))
        result = colorize_film(film, target, settings, colorizer=formula_colorizer)
    except BatchcolorError as exc:
        told.error = str(exc)
        truly = told.frames_of_ffmpeg <= 0 or picture_of(before.get("streams", [])) is None
        told.verdict, told.why = ("refused", "") if truly else ("wrong", f"refused: {exc}")
        return told
    told.frames, told.warnings = result.frames, [warning.replace(str(film), "") for warning in result.warnings]
    after = ffprobe(target)
    unnamed = _judge(told, before, after)
    told.verdict = (
        "wrong" if unnamed else "warned" if told.differences or not all(map(_ON_PURPOSE.search, told.warnings)) else "exact"
    )
    told.why = "; ".join(unnamed)
    return told


def _judge(told: Verdict, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Differences that no warning names."""
    unnamed = []

    def differs(what: str, *, named: bool) -> None:
        told.differences.append(what)
        if not named:
            unnamed.append(what)

    shown, coded = picture_of(after.get("streams", [])), picture_of(before.get("streams", []))
    if shown is None or coded is None:
        return ["the result has no picture stream"]
    said = " ".join(told.warnings)
    packets = int(shown.get("nb_read_packets", 0))
    if packets != told.frames:
        unnamed.append(f"{told.frames} frames reported, {packets} packets found")
    if told.frames != told.frames_of_ffmpeg:
        differs(f"{told.frames} frames, ffmpeg decodes {told.frames_of_ffmpeg}", named=bool(_OF_FRAMES.search(said)))
    for key in ("sample_aspect_ratio", "width", "height"):
        if coded.get(key, "1:1") not in (shown.get(key, "1:1"), "0:1", "N/A") and key not in ("sample_aspect_ratio",):
            differs(f"{key} {coded.get(key)} became {shown.get(key)}", named="size" in said or "picture is" in said)
    if len(before.get("chapters", [])) != len(after.get("chapters", [])):
        differs("chapters", named="chapters" in said)
    for kind in ("audio", "subtitle", "video"):
        _judge_kind(kind, before, after, coded, shown, said, differs)
    return unnamed


def _judge_kind(
    kind: str,
    before: dict[str, Any],
    after: dict[str, Any],
    coded: dict[str, Any],
    shown: dict[str, Any],
    said: str,
    differs: Any,
) -> None:
    """Streams of one kind: those that no warning leaves out are found in the result, in order."""
    theirs = [each for each in before["streams"] if each["codec_type"] == kind and each is not coded]
    ours = [each for each in after["streams"] if each["codec_type"] == kind and each is not shown]
    kept = [
        each for each in theirs if f"stream {each['index']} (" not in said or "left out" not in _sentence(said, each["index"])
    ]
    kept = [each for each in kept if int(each.get("nb_read_packets", 0)) or len(ours) == len(kept)]
    if len(kept) != len(ours):
        differs(f"{len(kept)} {kind} streams, the result has {len(ours)}", named=False)
        return
    for one, other in zip(kept, ours, strict=True):
        count, found = int(one.get("nb_read_packets", 0)), int(other.get("nb_read_packets", 0))
        rewrapped = one["codec_name"] != other["codec_name"]
        if count != found and kind != "subtitle" and not rewrapped and not one["disposition"]["attached_pic"]:
            differs(f"{kind} stream {one['index']}: {count} packets became {found}", named=bool(_OF_SOUND.search(said)))
        moved = _offset(other, shown, one, coded)
        if moved is not None and abs(moved) > _CLOCK_S and kind == "audio":
            differs(f"{kind} stream {one['index']} moved by {1000 * moved:+.0f} ms", named=bool(_OF_SOUND.search(said)))


def _sentence(said: str, index: int) -> str:
    return said[said.find(f"stream {index} (") :][:120]


def _offset(
    sound: dict[str, Any], picture: dict[str, Any], sound_before: dict[str, Any], picture_before: dict[str, Any]
) -> float | None:
    times = [each["first_s"] for each in (sound, picture, sound_before, picture_before)]
    if None in times:
        return None
    after, before = times[0] - times[1], times[2] - times[3]
    return float(after - before)


def choose(folders: Sequence[Path], count: int, megapixels: float) -> list[Path]:
    """Up to `count` films below the folders, in an order that is mixed and always the same; `_PER_KIND` of each container and codec.

    megapixels: of all pictures of a film together, at the most.
    """
    files = [path for folder in folders for path in (folder.rglob("*") if folder.is_dir() else [folder]) if path.is_file()]
    kinds: Counter[tuple[str, str]] = Counter()
    chosen: list[Path] = []
    for film in sorted(files, key=lambda path: hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).digest()):
        if len(chosen) == count:
            break
        facts = _facts(film)
        if facts is not None and facts[1] <= megapixels and kinds[facts[0]] < _PER_KIND:
            kinds[facts[0]] += 1
            chosen.append(film)
    return chosen


def _facts(film: Path) -> tuple[tuple[str, str], float] | None:
    """(container, codec) and megapixels of all pictures; None for what is no film."""
    entries = "format=format_name,duration:stream=codec_name,codec_type,width,height,nb_frames,duration,avg_frame_rate:stream_disposition"
    command = ["ffprobe", "-v", "quiet", "-of", "json", "-show_entries", entries, str(film)]
    try:
        found = json.loads(subprocess.run(command, capture_output=True, check=False, timeout=20).stdout or b"{}")
    except (subprocess.TimeoutExpired, ValueError):
        return None
    stream = picture_of(found.get("streams", []))
    if stream is None or "format" not in found:
        return None
    over, under = (int(part) for part in stream.get("avg_frame_rate", "0/0").split("/"))
    rate = min(over / under, 60) if under else 25
    seconds = float(stream.get("duration") or found["format"].get("duration") or 4)
    frames = float(stream.get("nb_frames") or seconds * rate)
    return (found["format"]["format_name"], stream.get("codec_name", "")), frames * stream["width"] * stream["height"] / 1e6


def _apart(film: Path, work: Path) -> Verdict:
    """`check` in a process of its own: a decoder that crashes is a verdict, and not the end."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        suffix = "" if film.suffix.lower() in _SUFFIXES_KEPT else ".mkv"
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=_send, args=(film, Path(folder) / (film.name + suffix), sender)
        )
        process.start()
        sender.close()
        told = Verdict(str(film), why="the process crashed")
        if not receiver.poll(_LIMIT_S):
            told.why = f"took more than {_LIMIT_S} s"
            process.kill()
        else:
            with contextlib.suppress(EOFError):
                told = receiver.recv()
        process.join()
        return told


def _send(film: Path, target: Path, sender: Connection) -> None:
    try:
        sender.send(check(film, target))
    except Exception as exc:
        sender.send(Verdict(str(film), why=f"{type(exc).__name__}: {exc}"))


def run(films: Sequence[Path], jobs: int) -> Iterator[Verdict]:
    """A verdict for each film, in order."""
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda film: _apart(film, Path(work)), films)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--films", type=int, default=60, help="how many")
    parser.add_argument("--megapixels", type=float, default=150, help="of all pictures of a film, at the most")
    parser.add_argument("--jobs", type=int, default=1, help="films at once")
    parser.add_argument("--json", type=Path, help="write every verdict here")
    options = parser.parse_args(arguments)
    verdicts = []
    for told in run(choose(options.folders, options.films, options.megapixels), options.jobs):
        verdicts.append(told)
        print(f"{told.verdict:8} {told.film}  {told.why or '; '.join(told.differences) or told.error or ''}", flush=True)
    counts = {name: sum(told.verdict == name for told in verdicts) for name in ("exact", "warned", "refused", "wrong")}
    print(f"{len(verdicts)} films: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    if options.json:
        options.json.write_text(json.dumps({"counts": counts, "films": [asdict(told) for told in verdicts]}, indent=1))
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
