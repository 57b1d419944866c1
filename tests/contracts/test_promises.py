"""What every command promises, over random options and odd inputs: no network, nothing written but where the user said, originals as
they were, nothing left behind, a documented exit code, and lines on stderr that a terminal can show."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips

from batchcolor.cli.options import _KINDS
from batchcolor.errors import ExitCode
from batchcolor.runtime.atomic_write import PREFIX
from batchcolor.settings.option_types import OptionField, option_fields
from tests.films.made import Made, make_film
from tests.support import gradient
from tests.watching.runs import Observed, observed

# Of other machines, of graphics cards, of minutes; or of a file, which is chosen apart.
_LEFT_OUT = {
    "executor",
    "ray_address",
    "device",
    "compile",
    "encoder",
    "network_size",
    "weights",
    "engine",
    "max_runtime",
    "wait_stable",
    "jobs",
}
_TEXTS = {
    "preset": ["ultrafast", "nonsense"], "tune": ["grain", "nonsense"], "pix_fmt": ["yuv420p", "yuv444p", "nonsense"],
    "key_frames": ["auto", "every", "3", "0", "nonsense"], "profile": ["high", "hq", "nonsense"],
}  # fmt: skip


FIELDS = [
    field
    for kind in _KINDS
    for field in option_fields(kind)
    if field.name not in _LEFT_OUT and (field.name in _TEXTS or field.choices or field.kind in (bool, int, float))
]


def inputs(folder: Path) -> None:
    """Twenty files, good and odd."""
    gray = pyvips.Image.new_from_array(gradient(40, 56)).copy(interpretation="b-w")
    deep = pyvips.Image.new_from_array(gradient(40, 56, 65535)).copy(interpretation="grey16")
    color = gray.bandjoin([gray.invert(), gray.rot180()]).copy(interpretation="srgb")
    png = gray.pngsave_buffer()
    (folder / "album").mkdir(parents=True)
    (folder / "http:" / "127.0.0.1:9").mkdir(parents=True)
    for name, image in (("a.jpg", gray), ("b.tif", deep), ("c.webp", gray), ("d.png", deep), ("album/colour.jpg", color)):
        image.write_to_file(str(folder / name))
    for name in ("cut.png", "new\nline \x1b[31m.png", "brackets.png[page=1].png", "album/A.PNG", "reel:1.png", "-rf.png"):
        (folder / name).write_bytes(png)
    (folder / "cut.png").write_bytes(png[: len(png) // 2])
    (folder / "empty.tif").touch()
    (folder / "text.jpg").write_text("no picture\n")
    film = make_film(folder / "reel.mkv", Made(pts=range(0, 280, 40), sound=True))
    for name in ("reel:1.mp4", "album/reel.mov"):
        make_film(folder / name, Made(pts=range(0, 200, 40)))
    (folder / "http:" / "127.0.0.1:9" / "f.mkv").write_bytes(film.read_bytes())
    (folder / "cut.mkv").write_bytes(film.read_bytes()[:3000])
    (folder / "locked.png").write_bytes(png)
    (folder / "locked.png").chmod(0o444)
    (folder / "link.png").symlink_to("a.jpg")
    os.mkfifo(folder / "pipe.png")


def state(folder: Path) -> dict[str, object]:
    """Bytes, times and modes of everything in a folder."""
    found: dict[str, object] = {}
    for path in (folder, *folder.rglob("*")):
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (content, about.st_mode, about.st_mtime_ns, about.st_ino, about.st_nlink)
    return found


def value(field: OptionField, rng: random.Random) -> Any:
    """A valid value of an option, most of the time."""
    if field.name in _TEXTS:
        return rng.choice(_TEXTS[field.name])
    if field.choices:
        return rng.choice(field.choices)
    if field.about.duration:
        return rng.choice(["0", "0.1", "50ms", "1h"])
    low, high = field.about.low or 0, min(field.about.high or 4, (field.about.low or 0) + 60)
    return rng.randint(int(low), int(high)) if field.kind is int else round(rng.uniform(low, high), 2)


def arguments(rng: random.Random, folder: Path, weights: Path) -> list[str]:
    """A command with random options."""
    source = rng.choice(
        ["in", "in", "in", "in/a.jpg", "in/reel:1.mp4", "in/http:", "in/pipe.png", "in/nothing.png", "./in/album"]
    )
    command = rng.choices(["colorize", "probe", "verify", "models"], [16, 2, 1, 1])[0]
    if command == "probe":
        return ["probe", source, *rng.choice([[], ["--json"], ["--shots"]])]
    if command != "colorize":
        return ["models", *(["verify", str(weights)] if command == "verify" else []), *rng.choice([[], ["--json"]])]
    output = rng.choice(
        ["out", "out", "out/", "http:/127.0.0.1:9/out", "out/result.png", "out/result.mkv", "in/a.jpg", "out/deep/er"]
    )
    more = ["--weights", str(weights), "--engine", rng.choice(["torch", "openvino"]), "--device", "cpu", "--jobs", "1"]
    for field in rng.sample(FIELDS, rng.randint(0, 5)):
        more += [f"--{rng.choice(['', 'no-'])}{field.flag}"] if field.kind is bool else [f"--{field.flag}={value(field, rng)}"]
    if rng.random() < 0.4:
        more += ["--report", rng.choice(["report/r.html", "report/r.html", "report/r.html", "in/a.jpg", "out/a.jpg"])]
    if rng.random() < 0.4:
        more += ["--log-file", rng.choice(["log/l.txt", "log/l.txt", "log/l.txt", "in/album/reel.mov"])]
    return ["colorize", source, "-o", output, *more]


def violations(seen: Observed, folder: Path, before: dict[str, object]) -> Iterator[str]:
    """Promises that a command has broken."""
    if seen.addresses:
        yield f"network: {sorted(seen.addresses)}"
    allowed = [os.environ["BATCHCOLOR_CACHE"], *(str(folder / name) for name in ("out", "report", "log", "tmp", "http:"))]
    for path in seen.writes:
        if not path.startswith(("/dev/", "/proc/", *allowed)):
            yield f"wrote {path}"
    if state(folder / "in") != before:
        yield "originals changed"
    left = [str(path) for path in folder.rglob(f"{PREFIX}*")] + [str(path) for path in (folder / "tmp").iterdir()]
    if left:
        yield f"left behind: {left}"
    if seen.code not in set(ExitCode):
        yield f"exit code {seen.code}"
    if b"Traceback" in seen.stderr or b"internal error" in seen.stderr:
        yield f"traceback: {seen.stderr[-2000:].decode(errors='replace')}"
    if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", seen.stderr):
        yield f"unescaped: {seen.stderr!r}"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("promises")
    inputs(folder / "in")
    return folder


@pytest.mark.skipif(os.name != "posix", reason="pipes, links and such names")
@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 204), marks=pytest.mark.slow)], ids=["few", "many"])
def test_no_command_breaks_a_promise(watched: Path, weights: Path, seeds: range) -> None:
    before = state(watched / "in")
    broken = []
    for seed in seeds:
        for name in ("out", "report", "log", "http:", "tmp"):
            shutil.rmtree(watched / name, ignore_errors=True)
        (watched / "tmp").mkdir()
        command = arguments(random.Random(seed), watched, weights)
        seen = observed(command, watched, {"TMPDIR": str(watched / "tmp"), "OMP_NUM_THREADS": "1"})
        broken += [f"seed {seed}: {' '.join(command)}: {what}" for what in violations(seen, watched, before)]
    assert not broken, "\n".join(broken)
