"""Metadata before and after, field by field, as exiftool reads it."""

from __future__ import annotations

import atexit
import functools
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import pyvips

from batchcolor.photos import PhotoResult, Provenance, colorize_photos
from batchcolor.settings import PhotoSettings
from tests.support import EXIFTOOL, formula_colorizer, gradient, needs

pytestmark = needs(EXIFTOOL)

PROVENANCE = Provenance("lite", "ab" * 32)
FAMILIES = {
    "EXIF": [
        "-EXIF:Artist=Ansel Ä.", "-EXIF:Copyright=The Archive", "-EXIF:Make=Leica", "-EXIF:Model=M3", "-EXIF:Software=Scan 9",
        "-EXIF:DateTimeOriginal=1944:06:06 06:30:00", "-EXIF:ExposureTime=1/125", "-EXIF:UserComment=found in the attic",
        "-EXIF:LensModel=Elmar", "-EXIF:ImageUniqueID=00112233445566778899aabbccddeeff", "-EXIF:OwnerName=Family",
    ],
    "GPS": ["-GPSLatitude=49.3", "-GPSLatitudeRef=N", "-GPSLongitude=0.6", "-GPSLongitudeRef=W"],
    "XMP": [
        "-XMP-dc:Title=Beach", "-XMP-dc:Creator=Anna", "-XMP-dc:Creator=Bert", "-XMP-dc:Subject=sea", "-XMP-dc:Description-de=Am Meer",
        "-XMP-dc:Description=At the sea", "-XMP-xmp:Rating=4", "-XMP-photoshop:City=Caen", "-XMP-xmpRights:Marked=True",
        "-XMP-iptcExt:DigitalSourceType=http://cv.iptc.org/newscodes/digitalsourcetype/print",
    ],
    "IPTC": [
        "-IPTC:Headline=Landing", "-IPTC:Keywords=war", "-IPTC:Keywords=sea", "-IPTC:By-line=R. Capa", "-IPTC:Caption-Abstract=Köln",
        "-CodedCharacterSet=utf8",
    ],
}  # fmt: skip
# What describes the pixels, and so rightly changes with them.
LAYOUT = {
    f"IFD0:{name}"
    for name in (
        *("SubfileType", "ImageWidth", "ImageHeight", "BitsPerSample", "Compression", "PhotometricInterpretation", "FillOrder"),
        *(
            "StripOffsets",
            "SamplesPerPixel",
            "RowsPerStrip",
            "StripByteCounts",
            "PlanarConfiguration",
            "Predictor",
            "SampleFormat",
        ),
    )
}
HOLDS = {  # which families exiftool can put into which format, and whether 16 bits are possible
    ".jpg": (["EXIF", "GPS", "XMP", "IPTC"], [8]),
    ".tif": (["EXIF", "GPS", "XMP", "IPTC"], [8, 16]),
    ".png": (["EXIF", "GPS", "XMP", "IPTC"], [8, 16]),
    ".webp": (["EXIF", "GPS", "XMP"], [8]),
}
CASES = [(suffix, depth, family) for suffix, (families, depths) in HOLDS.items() for depth in depths for family in families]


def gray_photo(path: Path, depth: int) -> Path:
    image = pyvips.Image.new_from_array(gradient(80, 120, 2**depth - 1))
    image.copy(interpretation="b-w" if depth == 8 else "grey16", xres=11.811, yres=11.811).write_to_file(str(path))
    return path


class ExifTool:
    """One exiftool for all commands: starting Perl takes longer than what is asked of it."""

    _END = re.compile(r"\{ended (\d+)\}\n")

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["exiftool", "-stay_open", "True", "-@", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf8",
        )

    def run(self, *arguments: object) -> str:
        """What exiftool prints. Raises `CalledProcessError` where its exit code were not 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = [*map(str, arguments), "-echo3", "{ended ${status}}", "-execute", ""]
        self._process.stdin.write("\n".join(command))
        self._process.stdin.flush()
        printed = ""
        for line in self._process.stdout:
            if (end := self._END.fullmatch(line)) is not None:
                if end[1] != "0":
                    raise subprocess.CalledProcessError(int(end[1]), command, printed)
                return printed
            printed += line.removeprefix("{ready}\n")
        raise AssertionError("exiftool has ended")

    def close(self) -> None:
        self._process.communicate("-stay_open\nFalse\n", timeout=60)


@functools.cache
def exiftool() -> ExifTool:
    opened = ExifTool()
    atexit.register(opened.close)
    return opened


def tell(path: Path, *arguments: str) -> None:
    exiftool().run("-q", "-m", "-overwrite_original", "-charset", "utf8", *arguments, path)


def told(path: Path, *which: str) -> dict[str, object]:
    found = exiftool().run("-j", "-G1", "-a", "-s", "-struct", "-n", "-charset", "utf8", *which, path)
    (fields,) = json.loads(found)
    return {name: value for name, value in fields.items() if name != "SourceFile"}


def colorize(source: Path, target: Path, provenance: Provenance | None = None, **settings: object) -> PhotoResult:
    (result,) = colorize_photos(
        [(source, target)], formula_colorizer(), PhotoSettings(**settings), provenance=provenance  # type: ignore[arg-type]
    )  # fmt: skip
    assert result.error is None, result.error
    return result


@pytest.mark.parametrize(("suffix", "depth", "family"), CASES)
def test_every_field_of_a_family_survives(tmp_path: Path, suffix: str, depth: int, family: str) -> None:
    source = gray_photo(tmp_path / f"in{suffix}", depth)
    tell(source, *FAMILIES[family])
    colorize(source, tmp_path / f"out{suffix}")
    group = {"GPS": "EXIF"}.get(family, family)
    before, after = told(source, f"-{group}:all"), told(tmp_path / f"out{suffix}", f"-{group}:all")
    expected = {name: value for name, value in before.items() if name not in LAYOUT}
    assert len(expected) >= len({argument.split("=")[0] for argument in FAMILIES[family]}) - 1  # the test has something to lose
    assert {name: value for name, value in after.items() if name not in LAYOUT} == expected


@pytest.mark.parametrize("suffix", [*HOLDS, ".avif"])
def test_provenance_is_added_and_nothing_else_changes(tmp_path: Path, suffix: str) -> None:
    source = gray_photo(tmp_path / f"in{suffix}", 8)
    tell(source, *FAMILIES["XMP"])
    colorize(source, tmp_path / f"out{suffix}", PROVENANCE)
    before, after = told(source, "-XMP:all"), told(tmp_path / f"out{suffix}", "-XMP:all")
    digital = next(name for name in after if name.endswith(":DigitalSourceType"))
    assert after.pop(digital) == "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    before.pop(digital)
    assert str(after.pop("XMP-batchcolor:Tool")).startswith("batchcolor ")
    assert after.pop("XMP-batchcolor:Model") == "lite"
    assert after.pop("XMP-batchcolor:ModelSHA256") == "ab" * 32
    before.pop("XMP-x:XMPToolkit", None), after.pop("XMP-x:XMPToolkit", None)
    assert after == before


@pytest.mark.parametrize("suffix", list(HOLDS))
def test_provenance_without_any_metadata_before(tmp_path: Path, suffix: str) -> None:
    source = gray_photo(tmp_path / f"in{suffix}", 8)
    colorize(source, tmp_path / f"out{suffix}", PROVENANCE)
    assert told(tmp_path / f"out{suffix}", "-XMP-iptcExt:all")
    colorize(source, tmp_path / f"bare{suffix}")
    assert not told(tmp_path / f"bare{suffix}", "-XMP:all")


def test_maker_notes_and_unknown_tags_of_jpeg_exif_stay_byte_for_byte(tmp_path: Path) -> None:
    source = gray_photo(tmp_path / "in.jpg", 8)
    tell(source, *FAMILIES["EXIF"], "-EXIF:InteropIndex=R98", "-EXIF:OffsetTimeOriginal=+02:00")
    exif = subprocess.run(["exiftool", "-b", "-Exif", str(source)], check=True, capture_output=True, timeout=60).stdout
    colorize(source, tmp_path / "out.jpg")
    assert exif in (tmp_path / "out.jpg").read_bytes()


def test_a_thumbnail_of_the_gray_picture_is_not_passed_on(tmp_path: Path) -> None:
    source, thumbnail = gray_photo(tmp_path / "in.jpg", 8), gray_photo(tmp_path / "small.jpg", 8)
    tell(source, "-Artist=A", f"-ThumbnailImage<={thumbnail}")
    assert told(source, "-ThumbnailImage")
    colorize(source, tmp_path / "out.jpg")
    assert told(tmp_path / "out.jpg", "-IFD0:Artist")
    assert not told(tmp_path / "out.jpg", "-ThumbnailImage", "-IFD1:all")


@pytest.mark.parametrize(("source_suffix", "target_suffix"), [(".tif", ".jpg"), (".jpg", ".tif"), (".png", ".jpg"), (".tif", ".png"),
                                                              (".jpg", ".webp"), (".jpg", ".avif"), (".avif", ".tif")])  # fmt: skip
def test_converting_takes_the_metadata_along(tmp_path: Path, source_suffix: str, target_suffix: str) -> None:
    source, target = gray_photo(tmp_path / f"in{source_suffix}", 8), tmp_path / f"out{target_suffix}"
    tell(source, *FAMILIES["EXIF"], *FAMILIES["GPS"], *FAMILIES["XMP"])
    colorize(source, target)
    for which in (
        "-EXIF:Artist",
        "-EXIF:Copyright",
        "-EXIF:LensModel",
        "-EXIF:DateTimeOriginal",
        "-GPS:GPSLatitude",
        "-XMP:Creator",
    ):
        assert list(told(target, which).values()) == list(told(source, which).values()) != [], which


def test_iptc_is_carried_from_tiff_to_jpeg_and_reported_as_lost_in_webp(tmp_path: Path) -> None:
    source = gray_photo(tmp_path / "in.tif", 8)
    tell(source, *FAMILIES["IPTC"])
    colorize(source, tmp_path / "out.jpg")
    assert told(tmp_path / "out.jpg", "-IPTC:Headline", "-IPTC:Keywords") == told(source, "-IPTC:Headline", "-IPTC:Keywords")
    result = colorize(source, tmp_path / "out.webp")
    assert any("IPTC" in warning for warning in result.warnings)


def test_comments_and_texts_cross_formats_or_are_missed_aloud(tmp_path: Path) -> None:
    commented, texted = gray_photo(tmp_path / "a.jpg", 8), gray_photo(tmp_path / "b.png", 8)
    tell(commented, "-File:Comment=on the back: 1912")
    tell(texted, "-PNG:Title=Harbour")
    assert colorize(commented, tmp_path / "a.png").warnings == ()
    assert told(tmp_path / "a.png", "-PNG:Comment") == {"PNG:Comment": "on the back: 1912"}
    assert pyvips.Image.new_from_file(str(tmp_path / "a.png"), fail_on="error").avg() > 0
    for target in ("b.jpg", "b.webp", "b.tif"):
        assert any("PNG text" in warning for warning in colorize(texted, tmp_path / target).warnings)
        assert not told(tmp_path / target, "-File:Comment")
    for target in ("c.webp", "c.tif"):
        assert any("a comment" in warning for warning in colorize(commented, tmp_path / target).warnings)


def test_transparency_is_missed_aloud_in_jpeg(tmp_path: Path) -> None:
    gray = pyvips.Image.new_from_array(gradient(60, 80)).copy(interpretation="b-w")
    gray.bandjoin(200).pngsave(str(tmp_path / "in.png"))
    assert any("transparency" in warning for warning in colorize(tmp_path / "in.png", tmp_path / "out.jpg").warnings)
    assert colorize(tmp_path / "in.png", tmp_path / "out.webp").warnings == ()


def test_results_pass_exiftools_own_validation(tmp_path: Path) -> None:
    for suffix in HOLDS:
        source = gray_photo(tmp_path / f"in{suffix}", 8)
        tell(source, *FAMILIES["EXIF"], *FAMILIES["GPS"], *FAMILIES["XMP"])
        colorize(source, tmp_path / f"out{suffix}", PROVENANCE)
        found = exiftool().run("-validate", "-warning", "-error", "-a", tmp_path / f"out{suffix}")
        assert "Error" not in found, (suffix, found)
        assert np.isfinite(pyvips.Image.new_from_file(str(tmp_path / f"out{suffix}")).avg())
