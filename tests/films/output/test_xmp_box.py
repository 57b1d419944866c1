"""XMP of MP4 and QuickTime results: what made the colours, beside what the source's XMP said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from batchcolor.films import colorize_film
from batchcolor.films.output.xmp_box import append_xmp, read_xmp
from batchcolor.runtime.file_hash import file_sha256
from batchcolor.settings import FilmSettings, PhotoSettings, Settings
from tests.films.made import Made, make_film, packets
from tests.support import EXIFTOOL, formula_colorizer, needs

OWN = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:source>Reel 7</dc:source></rdf:Description></rdf:RDF></x:xmpmeta>'  # noqa: E501


@needs(EXIFTOOL)
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_xmp_says_what_made_the_colours_and_keeps_the_rest(tmp_path: Path, suffix: str) -> None:
    source = make_film(tmp_path / f"in.{suffix}", Made(sound=True))
    append_xmp(source, OWN)
    target = tmp_path / f"out.{suffix}"
    result = colorize_film(source, target, Settings(film=FilmSettings()), colorizer=formula_colorizer)
    assert result.warnings == ()
    command = ["exiftool", "-j", "-G1", "-XMP:all", str(target)]
    (said,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert said["XMP-dc:Source"] == "Reel 7"
    found = {name.partition(":")[2]: value for name, value in said.items()}
    assert found["DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert found["Tool"].startswith("batchcolor ")
    assert (found["Model"], found["SourceSHA256"]) == ("lite", file_sha256(source))
    assert packets(target, "audio") == packets(source, "audio")


def test_the_source_type_is_a_setting_and_nothing_is_said_without_provenance(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", Made(pts=(0, 40, 80)))
    for name, photo in {
        "a": PhotoSettings(source_type="algorithmicallyEnhanced"),
        "b": PhotoSettings(provenance=False),
    }.items():
        colorize_film(source, tmp_path / f"{name}.mp4", Settings(photo=photo), colorizer=formula_colorizer)
    assert b"/algorithmicallyEnhanced" in (read_xmp(tmp_path / "a.mp4") or b"")
    assert read_xmp(tmp_path / "b.mp4") is None


def test_a_file_that_is_no_mp4_has_no_xmp(tmp_path: Path) -> None:
    for data in (b"", b"\0" * 7, b"\0\0\0\1free\0", b"\0\0\0\4free" * 3, b"RIFF" * 20):
        (tmp_path / "file").write_bytes(data)
        assert read_xmp(tmp_path / "file") is None
