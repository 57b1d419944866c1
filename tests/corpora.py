"""Photographs that others made: colorize whole folders of them and check every result with programs that are not ours.

    python -m tests.corpora FOLDER... [--output DIR] [--details]

Each folder's photos are colorized by one run of the command line, colour ones too (`--color-pages recolor`). A result is wrong where its
size, depth, number of pages or lightness is not its source's, as Pillow and tifffile decode them through their profiles, or where a tag
that exiftool finds in the source is missing and no warning says so. A refusal is false where it speaks of damage and Pillow decodes the
file without complaint. Prints a table in Markdown; exits with 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import itertools
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyvips
import tifffile
from PIL import Image, ImageCms, ImageFile, ImageOps, TiffImagePlugin

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.suffixes import PHOTO_SUFFIXES

Image.MAX_IMAGE_PIXELS = None
TiffImagePlugin.DEBUG = False
ImageFile.LOAD_TRUNCATED_IMAGES = False

# Mean difference of L over the middle of a picture: what 8 bits and lossy coding cost.
TOLERANCE = {".png": 0.6, ".tif": 0.6, ".tiff": 0.6, ".bmp": 0.6, ".webp": 1.5, ".avif": 1.5}
LOSSY = 1.2
SMALL, BLOCK = 512, 4  # pixels of the middle that is compared, and of the blocks over which it is averaged
MOST_PAGES = 20  # that are compared
MOST_BYTES = 4 << 30  # of memory for a picture that is decoded to judge a refusal
DEEP_FORMATS = (".png", ".tif", ".tiff", ".avif")
# Groups and tags of exiftool that describe the file, its pixels or a thumbnail, and rightly change with them.
LAYOUT_GROUPS = re.compile(
    r"^(System|File|ExifTool|Composite|JFIF|ICC.*|ICC_Profile|IFD1|SubIFD\d*|MPF\d*|MPImage\d*|Adobe|RIFF|Meta.*|QuickTime|AVI1|PNG-pHYs|"
    r"JFXX|HEIF|Jpeg2000|Ducky|APP14|GlobParamIFD|IFD\d+\.?\d*Layout|Track\d+|Trailer|Samsung|MotionPhoto|GoogleTrailer)$"
)
LAYOUT_TAGS = re.compile(
    r"^(ImageWidth|ImageHeight|ImageSize|Bits.*|BitDepth|Compression|Photometric.*|FillOrder|Strip.*|Tile.*|Rows.*|SamplesPerPixel|Planar.*|"
    r"Predictor|SampleFormat|ExtraSamples|ColorMap|SubfileType|OldSubfileType|T4Options|T6Options|JPEG.*|YCbCr.*|ReferenceBlackWhite|"
    r"ColorType|Interlace|Filter|Gamma|SRGBRendering|WhitePoint.*|Primary.*|Red[XY]|Green[XY]|Blue[XY]|Palette|SignificantBits|Transparency|"
    r"Thumbnail.*|PreviewImage.*|Preview.*|OtherImage.*|JpgFromRaw.*|Orientation|[XY]Resolution|ResolutionUnit|PixelUnits|PixelsPerUnit[XY]|"
    r"XMPToolkit|DigitalSourceType|ProfileName|.*Digest|ModifyDate|Cells.*|Inset.*|Group3.*|SMin.*|SMax.*|Min.*Value|Max.*Value|"
    r"Threshholding|CellWidth|CellLength|Indexed|InkSet|NumberOfInks|DotRange|Halftone.*|Free.*|GrayResponse.*|Transfer.*|Photoshop2.*|"
    r"ICC_Profile|ProfileDescription|AnimationFrames|AnimationPlays|PixelAspectRatio|ImageSourceData|Photoshop.*Thumbnail|NumChannels|Warning)$"
)


@dataclass
class Tally:
    """What became of one corpus. wrong, crashed, false_damage: a line each."""

    name: str
    files: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fields: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    false_damage: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        done = self.statuses["done"] + self.statuses["copied"]
        cells = (
            self.name,
            self.files,
            done,
            self.statuses["failed"],
            len(self.wrong),
            len(self.crashed),
            len(self.false_damage),
        )
        return f"| {' | '.join(map(str, cells))} | {self.fields} | {self.lost} |"


HEADER = (
    "| corpus | photos | done | refused | wrong | crashes | false damage | metadata fields | of them lost, and named |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, help="keep the results here")
    parser.add_argument("--details", action="store_true", help="print every refusal")
    options = parser.parse_args(arguments)
    tallies = []
    for folder in options.folders:
        with tempfile.TemporaryDirectory() as made:
            output = options.output / folder.name if options.output else Path(made) / "out"
            tallies.append(checked(folder, Path(made) / "in", output, details=options.details))
        for line in (*tallies[-1].wrong, *tallies[-1].crashed, *tallies[-1].false_damage):
            print(line, flush=True)
        print(HEADER, tallies[-1].row, sep="\n", flush=True)
    print(HEADER, *(tally.row for tally in tallies), sep="\n")
    reasons: Counter[str] = sum((tally.reasons for tally in tallies), Counter())
    print("\nRefusals:", *(f"{count:5}  {reason}" for reason, count in reasons.most_common()), sep="\n")
    return int(any(tally.wrong or tally.crashed or tally.false_damage for tally in tallies))


def checked(folder: Path, sources: Path, output: Path, *, details: bool) -> Tally:
    """Colorize the photos of `folder`, of which `sources` becomes a copy, and check what came of them."""
    tally = Tally(folder.name)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in PHOTO_SUFFIXES and not any(part.startswith(".") for part in path.parts):
            copy = sources / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            tally.files += 1
    if not tally.files:
        return tally
    before = digests(sources)
    command = [
        sys.executable,
        "-m",
        "batchcolor",
        "colorize",
        sources,
        "-o",
        output,
        "--json",
        "--quiet",
        "--color-pages",
        "recolor",
    ]
    ran = subprocess.run([*map(str, command), "--no-provenance"], capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    rows = [row for row in rows if "source" in row]
    if ran.returncode not in (0, 1, 3) or len(rows) != tally.files:
        tally.crashed.append(f"{folder}: exit {ran.returncode}, {len(rows)} outcomes: {ran.stderr[-500:]}")
    if digests(sources) != before:
        tally.wrong.append(f"{folder}: a source was changed")
    told_before, told_after = tags(sources), tags(output)
    for row in rows:
        tally.statuses[row["status"]] += 1
        if row["status"] == "failed":
            refused(row, tally, details=details)
            continue
        source, target = Path(row["source"]), Path(row["target"])
        try:
            problems = [
                *compared(source, target),
                *lost_tags(row, told_before.get(source, {}), told_after.get(target, {}), tally),
            ]
        except Exception as exc:
            problems = [f"could not be compared ({type(exc).__name__}: {exc})"]
        tally.wrong += [f"wrong: {source.relative_to(sources)}: {problem}" for problem in problems]
    return tally


def digests(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def refused(row: dict[str, Any], tally: Tally, *, details: bool) -> None:
    error, source = row["error"], Path(row["source"])
    reason = re.sub(r"\d+", "N", re.sub(r"\(.*?\)", "(...)", error.removeprefix(f"{source}: ")))
    tally.reasons[reason] += 1
    if details:
        print("refused:", error, flush=True)
    if "internal error" in error or "crashed" in error or "was killed" in error:
        tally.crashed.append(f"crash: {error}")
    elif "damaged" in error and decodes(source):
        tally.false_damage.append(f"not damaged: {error}")


@contextlib.contextmanager
def memory_limited(most: int) -> Iterator[None]:
    """A picture that claims to be larger fails with `MemoryError`, instead of taking all memory."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def decodes(path: Path) -> bool:
    """Whether Pillow decodes every page without an error or a warning, and ImageMagick has no complaint about the bytes either."""
    try:
        with warnings.catch_warnings(), memory_limited(MOST_BYTES):
            warnings.simplefilter("error")
            with Image.open(path) as image:
                image.verify()  # checksums, too
            with Image.open(path) as image:
                for number in range(getattr(image, "n_frames", 1)):
                    image.seek(number)
                    image.load()
    except Exception:
        return False
    magick = subprocess.run(["convert", "-regard-warnings", str(path), "null:"], capture_output=True, text=True, check=False)
    return not re.search("corrupt|premature|truncat|damaged|CRC|checksum", magick.stderr, re.IGNORECASE)


def compared(source: Path, target: Path) -> Iterator[str]:
    """What differs that must not."""
    before, after = list(pages(source)), list(pages(target))
    if not before:
        return  # nobody but us reads it
    if len(before) != len(after) and len(before) == declared(source):
        yield f"{len(before)} pages became {len(after)}"
        return
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        where = f"page {number + 1}: " if len(before) > 1 else ""
        if one.size != other.size:
            yield f"{where}{one.size} became {other.size}"
            continue
        if one.deep and not other.deep and target.suffix.lower() in DEEP_FORMATS:
            yield f"{where}16 bits became 8"
        difference = float(np.abs(one.L - other.L).mean())
        if difference > (LOSSY if one.coarse else TOLERANCE.get(target.suffix.lower(), LOSSY)):
            yield f"{where}lightness differs by {difference:.2f} in the mean"


def declared(path: Path) -> int:
    with Image.open(path) as image:
        return min(MOST_PAGES, image.n_frames) if image.format == "TIFF" else 1


@dataclass
class PageSeen:
    """A page as another program decodes it. size: (width, height), upright; L: float32, of blocks of its middle. coarse: whether Pillow
    has divided 8-bit colours by their alpha."""

    size: tuple[int, int]
    deep: bool
    L: np.ndarray
    coarse: bool = False


def pages(path: Path) -> Iterator[PageSeen]:
    """Every page upright; none where Pillow cannot read it."""
    try:
        image = Image.open(path)
    except Exception:
        return
    with image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = min(MOST_PAGES, image.n_frames) if image.format == "TIFF" else 1
        deep_pages, associated = tiff_facts(path) if image.format == "TIFF" else ({}, set())
        for number in range(count):
            try:
                image.seek(number)
                image.load()
            except Exception:
                return
            if image.format == "AVIF":
                image.info.pop("xmp", None)  # there only the container says how its picture is turned (MIAF, 7.3.6.7)
            upright = ImageOps.exif_transpose(image)
            gamma = None if {"icc_profile", "srgb"} & image.info.keys() else image.info.get("gamma")
            deep = deep_pages.get(number, image.mode.startswith("I;16") or png_depth(path) == 16)
            if upright.mode == "La":  # Pillow divides the colours of RGB alone, and misses an alpha in a plane of its own
                stored = tifffile.imread(path, key=number).astype(np.float32)
                gray, alpha = stored if stored.shape[0] == 2 else np.moveaxis(stored, -1, 0)
                divided = np.where(alpha > 0, gray * 255 / np.maximum(alpha, 1), gray)
                upright = Image.fromarray(np.rint(np.minimum(divided, 255)).astype(np.uint8))
            L = lightness(upright, image.info.get("icc_profile"), gamma)
            yield PageSeen(upright.size, deep, L, coarse=number in associated)


def tiff_facts(path: Path) -> tuple[dict[int, bool], set[int]]:
    """Of each page, whether it has more than 8 bits; and the pages whose colours are multiplied by their alpha."""
    deep: dict[int, bool] = {}
    associated = set()
    try:
        with tifffile.TiffFile(path) as file:
            for number, page in enumerate(itertools.islice(file.pages, MOST_PAGES)):
                deep[number] = page.bitspersample > 8
                if page.extrasamples and page.extrasamples[0] == 1:
                    associated.add(number)
    except Exception:
        return {}, set()
    return deep, associated


def png_depth(path: Path) -> int:
    head = path.open("rb").read(26)
    return head[24] if head.startswith(b"\x89PNG") else 8


def lightness(image: Image.Image, profile: bytes | None, gamma: float | None = None) -> np.ndarray:
    """L of the middle, averaged over blocks, through the profile or gamma where it has one; transparent parts as they are stored."""
    image = middle(image)
    if image.mode == "CMYK" and not profile:
        profile = pyvips.Image.profile_load(
            "cmyk"
        )  # inks without a profile have no colour of their own: libvips' standard press
    if image.mode.startswith("I"):
        deep = np.asarray(image, np.float32)
        peak = 65535.0 if deep.max(initial=0) > 255 or image.mode.startswith("I;16") else 255.0
        image = Image.fromarray(np.clip(deep / peak * 255 + 0.5, 0, 255).astype(np.uint8))
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        image = image.convert("RGBA").convert("RGB") if image.mode in ("RGBA", "RGBa") else image.getchannel(0)
    if image.mode == "1":
        image = image.convert("L")
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            flags = ImageCms.Flags.BLACKPOINTCOMPENSATION if image.mode == "CMYK" else ImageCms.Flags.NONE
            intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
            srgb = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, own, srgb, intent, "RGB", flags=flags) or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that does not fit its picture says nothing
    rgb = np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    if gamma and abs(gamma / 0.45455 - 1) > 0.05:  # of a PNG, which Pillow leaves to the reader
        linear = rgb ** (1 / gamma)
        rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)
    L = rgb_to_lab(np.ascontiguousarray(rgb))[0]
    small = max(1, L.shape[1] // BLOCK), max(1, L.shape[0] // BLOCK)
    return cv2.resize(L, small, interpolation=cv2.INTER_AREA)


def middle(image: Image.Image) -> Image.Image:
    """At most `SMALL` pixels a side, from the middle of the picture."""
    left, top = (max(0, (side - SMALL) // 2) for side in image.size)
    return image.crop((left, top, min(image.width, left + SMALL), min(image.height, top + SMALL)))


def tags(folder: Path) -> dict[Path, dict[str, Any]]:
    """What exiftool finds in every file below a folder."""
    command = ["exiftool", "-j", "-G1", "-a", "-n", "-u", "-r", "-q", "-q", "-charset", "filename=utf8", str(folder)]
    ran = subprocess.run(command, capture_output=True, check=False)
    found = json.loads(ran.stdout.decode("utf-8", "replace") or "[]")
    return {Path(each.pop("SourceFile")): each for each in found}


def lost_tags(row: dict[str, Any], before: dict[str, Any], after: dict[str, Any], tally: Tally) -> list[str]:
    """Tags that are gone although no warning says that anything is."""
    names = {name.partition(":")[2] for name in after}
    lost = []
    for name in before:
        group, _, tag = name.partition(":")
        if LAYOUT_GROUPS.match(group) or LAYOUT_TAGS.match(tag):
            continue
        tally.fields += 1
        if tag not in names:
            lost.append(name)
    tally.lost += len(lost)
    named = any("was written without" in warning or "XMP" in warning for warning in row.get("warnings", ()))
    return [] if named or not lost else [f"lost without a word: {', '.join(sorted(lost)[:8])}"]


if __name__ == "__main__":
    sys.exit(main())
