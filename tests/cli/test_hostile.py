"""Damaged, mislabelled and hostile files in one tree: no crash, no hang, each one named, each good neighbour done."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

from tests.films.made import Made, make_film
from tests.support import gradient, results

HANG_S = 30.0  # for one item


def originals(folder: Path) -> list[Path]:
    """One good file of every format that is read."""
    gray = pyvips.Image.new_from_array(gradient(90, 120)).copy(interpretation="b-w")
    deep = pyvips.Image.new_from_array(gradient(90, 120, 65535)).copy(interpretation="grey16")
    made = []
    for name, image, options in (
        ("a.jpg", gray, {}),
        ("b.png", gray, {}),
        ("c.png", deep, {}),
        ("d.webp", gray, {}),
        ("e.avif", gray, {}),
        ("f.tif", gray, {"compression": "lzw"}),
        ("g.tif", deep, {"compression": "deflate", "tile": True}),
        ("h.tif", gray, {"compression": "jpeg"}),
        ("i.tif", gray > 128, {"compression": "ccittfax4", "bitdepth": 1}),
    ):
        image.write_to_file(str(folder / name), **options)
        made.append(folder / name)
    with tifffile.TiffWriter(folder / "pages.tif") as pages:
        for n in range(3):
            pages.write(gradient(40 + n, 50), photometric="minisblack")
    made.append(folder / "pages.tif")
    for name in ("k.mp4", "l.mkv"):
        made.append(make_film(folder / name, Made(pts=range(0, 400, 40), sound=True)))
    return made


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut off, bits flipped, a stretch overwritten, or both ends swapped."""
    kind = rng.choice(["cut", "flip", "flip", "zero", "noise", "swap"])
    if kind == "cut":
        return content[: rng.randrange(len(content))]
    data = bytearray(content)
    if kind == "flip":
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind in ("zero", "noise"):
        start = rng.randrange(len(data))
        end = min(len(data), start + rng.randrange(1, 400))
        data[start:end] = bytes(end - start) if kind == "zero" else rng.randbytes(end - start)
    else:
        middle = rng.randrange(len(data))
        return bytes(data[middle:] + data[:middle])
    return bytes(data)


def liars() -> Iterator[tuple[str, bytes]]:
    """Headers that promise more than there is, and bombs that keep their promise."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(width: int, height: int, packed: bytes, bits: int = 8) -> bytes:
        header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")

    yield "huge.png", png(2**31 - 1, 2**31 - 1, zlib.compress(b"\0" * 100))
    yield "wide.png", png(2**31 - 1, 1, zlib.compress(b"\0" * 100))
    rows = zlib.compressobj(9)
    yield (
        "bomb.png",
        png(60_000, 60_000, b"".join([*(rows.compress(bytes(7501)) for _ in range(60_000)), rows.flush()]), bits=1),
    )
    small = pyvips.Image.new_from_array(gradient(16, 16)).copy(interpretation="b-w")
    jpeg = bytearray(small.jpegsave_buffer())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    yield "huge.jpg", bytes(jpeg)
    for tag, name in ((256, "wide.tif"), (257, "high.tif"), (277, "bands.tif"), (258, "bits.tif")):
        tiff = bytearray(small.tiffsave_buffer())
        place = struct.unpack_from("<I", tiff, 4)[0]
        for entry in range(place + 2, place + 2 + 12 * struct.unpack_from("<H", tiff, place)[0], 12):
            if struct.unpack_from("<H", tiff, entry)[0] == tag:
                struct.pack_into("<HII", tiff, entry + 2, 4, 1, 2**31 - 1)
        yield name, bytes(tiff)
    yield "empty.webp", b""
    yield "text.mp4", b"not a film at all\n" * 50
    yield "chain.tif", b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8)


def tree_of(folder: Path, count: int) -> tuple[set[str], set[str]]:
    """Fill `folder` with `count` damaged files between good ones; returns the names of good and of all files, as the tree has them."""
    folder.mkdir()
    rng = random.Random(7)
    good = {path.name for path in originals(folder)}
    contents = {name: (folder / name).read_bytes() for name in sorted(good)}
    for n in range(count):
        name = rng.choice(sorted(contents))
        (folder / f"{n:03}-{name}").write_bytes(damaged(contents[name], rng))
    for name, content in liars():
        (folder / name).write_bytes(content)
    if os.name == "posix":
        (folder / "loop").symlink_to(folder, target_is_directory=True)
        (folder / "itself.png").symlink_to("itself.png")
        (folder / "dangling.jpg").symlink_to("nowhere.jpg")
        (folder / "new\nline.png").write_bytes(contents["b.png"])
        good.add("new\nline.png")
        with open(os.fsencode(folder) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123 - a name that is no text
            file.write(contents["b.png"])
    return good, {path.name for path in folder.iterdir() if not path.is_dir()}


@pytest.mark.parametrize("count", [16, pytest.param(500, marks=pytest.mark.slow)])
def test_no_file_stops_the_others(tmp_path: Path, weights: Path, count: int) -> None:
    good, every = tree_of(tmp_path / "in", count)
    before = {name: (tmp_path / "in" / name).stat().st_mtime_ns for name in good}
    report = tmp_path / "report.html"
    ran = subprocess.run(
        [sys.executable, "-m", "batchcolor", "colorize", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--weights", str(weights),
         "--device", "cpu", "--json", "--report", str(report)],
        capture_output=True, check=False, timeout=120 + 2 * count,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr[-3000:].decode(errors="replace")
    assert b"Traceback" not in ran.stderr
    rows = [json.loads(line) for line in ran.stdout.decode("utf-8", "surrogateescape").splitlines()]
    outcomes = {Path(row["source"]).name: row for row in rows if "source" in row}
    assert outcomes.keys() == every
    assert len(rows) == len(every) + 1
    for name, row in outcomes.items():
        assert row["seconds"] < HANG_S, name
        assert row["status"] != "failed" or ("internal error" not in row["error"] and name.split("\n")[0] in row["error"]), row
    assert {name for name in good if outcomes[name]["status"] != "done"} == set()
    page = report.read_text("utf-8")
    assert page.count('"status":') == len(every)
    done = {Path(row["target"]).name for row in outcomes.values() if row["status"] != "failed"}
    assert {Path(name).name for name in results(tmp_path / "out")} == done
    assert {name: (tmp_path / "in" / name).stat().st_mtime_ns for name in good} == before


def test_a_real_bomb_is_refused_by_its_header(tmp_path: Path, weights: Path) -> None:
    bombs = dict(liars())
    assert len(bombs["bomb.png"]) < 1_000_000
    (tmp_path / "bomb.png").write_bytes(bombs["bomb.png"])
    ran = subprocess.run(
        [sys.executable, "-m", "batchcolor", "probe", str(tmp_path / "bomb.png")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 3
    assert "60000 x 60000" in ran.stderr


def test_honest_blank_pages_are_no_bombs(tmp_path: Path) -> None:
    from batchcolor.photos import probe

    blank = pyvips.Image.black(9000, 9000) + 255
    blank.cast("uchar").copy(interpretation="b-w").pngsave(str(tmp_path / "blank.png"))
    assert probe(tmp_path / "blank.png").width == 9000
    assert np.isfinite((tmp_path / "blank.png").stat().st_size)
