"""What may not be the name of a result is refused in the plan, with what would do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from batchcolor.archive.item_settings import ItemSettings
from batchcolor.archive.plan import is_file_name, plan
from batchcolor.archive.target_checks import CODECS_OF_SUFFIX, TargetChecks, is_reserved_by_windows
from batchcolor.archive.walk import Kind
from batchcolor.errors import OutputError, SourceError, UsageError
from batchcolor.films.output.encoders import CODECS
from batchcolor.films.output.streams import MUXERS
from batchcolor.settings import FilmSettings, Settings
from batchcolor.settings.options import VideoCodec


def with_codec(codec: str) -> ItemSettings:
    return ItemSettings(Settings(film=FilmSettings(codec=codec)))  # type: ignore[arg-type]


def test_every_container_and_codec_is_decided() -> None:
    assert CODECS_OF_SUFFIX.keys() == MUXERS.keys()
    assert {codec for held in CODECS_OF_SUFFIX.values() for codec in held} == set(get_args(VideoCodec)) == set(CODECS)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mov", "av1"), (".mov", "ffv1"), (".mp4", "prores"), (".m4v", "prores"), (".mkv", "dnxhr")]
)
def test_a_codec_that_the_container_cannot_hold_is_refused_with_what_would_work(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    (tmp_path / f"reel{suffix.upper()}").touch()
    planned = plan([tmp_path / f"reel{suffix.upper()}"], tmp_path / "out", with_codec(codec))
    ((item, error),) = planned.refused
    assert isinstance(error, UsageError)
    assert str(item.source) in str(error)
    assert f"{suffix} cannot hold {codec}" in str(error)
    assert "h264" in str(error)
    other = next(other for other, held in CODECS_OF_SUFFIX.items() if codec in held)
    assert str(error).endswith(other) or other in str(error)
    assert plan([item.source], tmp_path / f"alone{other}", with_codec(codec)).refused == ()


@pytest.mark.skipif(os.name != "posix", reason="names of Windows are counted in other units")
def test_a_name_that_would_be_too_long_is_refused(tmp_path: Path) -> None:
    for length in (251, 252):
        (tmp_path / f"{'é' * ((length - 4) // 2)}{'x' * (length % 2)}.avi").touch()
    planned = plan([tmp_path], tmp_path / "out")
    ((item, error),) = planned.refused
    assert isinstance(error, OutputError)
    assert len(os.fsencode(item.source.name)) == 252
    assert "256 bytes" in str(error)
    assert len(planned.items) == 1


@pytest.mark.parametrize(
    "name", ["NUL", "nul.tar.gz", "com1.png", "AUX ", "a.", "b ", "a:b.png", "what?.jpg", "x\x01.png", "COM¹.jpg"]
)
def test_names_that_windows_keeps_for_itself(name: str) -> None:
    assert is_reserved_by_windows(name)
    error = TargetChecks(Path("out"), system="nt")(Path("in/a.png"), Path("out") / name / "a.png", Kind.PHOTO, Settings())
    assert isinstance(error, OutputError)


@pytest.mark.parametrize("name", ["null.png", "console.jpg", "com10.png", "a b.png", "..", ".hidden", "ü.tif"])
def test_other_names_pass(name: str) -> None:
    assert not is_reserved_by_windows(name)


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_that_leads_out_of_the_output_is_not_followed(tmp_path: Path) -> None:
    for folder in ("album", "inside"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "a.png").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "real").mkdir(parents=True)
    (tmp_path / "out" / "album").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out" / "inside").symlink_to(tmp_path / "out" / "real")
    (tmp_path / "linked").symlink_to(tmp_path / "out")
    for output in (tmp_path / "out", tmp_path / "linked"):
        planned = plan([tmp_path / "in"], output)
        ((item, error),) = planned.refused
        assert isinstance(error, UsageError)
        assert item.source.parent.name == "album"
        assert str(tmp_path / "elsewhere") in str(error)


def test_an_output_with_a_slash_at_its_end_is_a_folder(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.touch()
    assert is_file_name([source], str(tmp_path / "b.png"))
    assert not is_file_name([source], f"{tmp_path / 'b.png'}/")
    (item,) = plan([source], f"{tmp_path / 'b.png'}/").items
    assert item.target == tmp_path / "b.png" / "a.png"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
@pytest.mark.parametrize("name", ["pipe.png", "pipe.mkv", "pipe"])
def test_a_pipe_is_never_opened(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (refused,) = plan([tmp_path / name], tmp_path / "out").refused
    assert isinstance(refused[1], SourceError)
    assert "is a pipe" in str(refused[1])
    assert not plan([tmp_path], tmp_path / "out").items


def test_an_output_that_is_a_file_is_no_folder_for_results(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").touch()
    for output in (tmp_path / "in" / "a.png", f"{tmp_path / 'in' / 'a.png'}/"):
        with pytest.raises(OutputError, match="is a file"):
            plan([tmp_path / "in"], output)
