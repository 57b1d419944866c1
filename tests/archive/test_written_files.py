"""Files that a run writes besides its results are never an original, a result, or each other, whatever they are called."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from batchcolor.archive.written_files import check_written_files
from batchcolor.errors import UsageError
from tests.cli.test_options import run_command
from tests.films.made import Made, make_film
from tests.support import gradient


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder `in` with a photo and a film."""
    (tmp_path / "in").mkdir()
    pyvips.Image.new_from_array(gradient(40, 50)).copy(interpretation="b-w").pngsave(str(tmp_path / "in" / "a.png"))
    make_film(tmp_path / "in" / "reel.mkv", Made(pts=range(0, 200, 40)))
    return tmp_path


def stamps(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def plainly(archive: Path) -> Path:
    return archive / "in" / "a.png"


def through_dots(archive: Path) -> Path:
    return archive / "in" / ".." / "in" / "a.png"


def by_a_link(archive: Path) -> Path:
    (archive / "link.png").symlink_to(archive / "in" / "a.png")
    return archive / "link.png"


def by_a_hard_link(archive: Path) -> Path:
    os.link(archive / "in" / "a.png", archive / "hard.png")
    return archive / "hard.png"


def through_a_linked_folder(archive: Path) -> Path:
    (archive / "other").symlink_to(archive / "in", target_is_directory=True)
    return archive / "other" / "a.png"


NAMES = [plainly, through_dots, by_a_link, by_a_hard_link, through_a_linked_folder]
links = pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")


@links
@pytest.mark.parametrize("named", NAMES, ids=lambda named: named.__name__)
@pytest.mark.parametrize("option", ["--report", "--log-file"])
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_no_file_of_an_option_may_be_an_original(
    archive: Path, named: Callable[[Path], Path], option: str, more: list[str]
) -> None:
    path = named(archive)
    before = stamps(archive)
    ran = run_command(["colorize", str(archive / "in"), "-o", str(archive / "out"), option, str(path), *more])
    assert ran.exit_code == 2
    assert f"{option} {path}: is an original" in ran.output
    assert stamps(archive) == before
    assert not (archive / "out").exists()


@links
@pytest.mark.parametrize("named", NAMES, ids=lambda named: named.__name__)
def test_a_single_output_may_not_be_the_original(archive: Path, named: Callable[[Path], Path]) -> None:
    path = named(archive)
    before = stamps(archive)
    ran = run_command(["colorize", str(archive / "in" / "a.png"), "-o", str(path)])
    assert ran.exit_code == 2
    assert "original" in ran.output
    assert stamps(archive) == before


def test_a_report_may_not_be_a_result_the_log_or_what_is_read(archive: Path) -> None:
    result, log, config = archive / "out" / "a.png", archive / "log.txt", archive / "night.toml"
    config.write_text("quality = 80\n")
    arguments = ["colorize", str(archive / "in"), "-o", str(archive / "out"), "--config", str(config), "--log-file", str(log)]
    for report, what in (
        (result, "a result"),
        (log, "the file of"),
        (config, "the file of --config"),
        (archive / "in", "folder"),
    ):
        ran = run_command([*arguments, "--report", str(report)])
        assert ran.exit_code == 2, ran.output
        assert what in ran.output or "--report" in ran.output
    assert config.read_text() == "quality = 80\n"
    assert not (archive / "out").exists()


@pytest.mark.parametrize("option", ["--report", "--log-file"])
def test_nothing_is_written_under_the_name_of_a_photo_or_film(archive: Path, option: str) -> None:
    (archive / "other.JPG").write_bytes(b"of another archive")
    ran = run_command(["colorize", str(archive / "in"), "-o", str(archive / "out"), option, str(archive / "other.JPG")])
    assert ran.exit_code == 2
    assert "is the name of a photo or film" in ran.output
    assert (archive / "other.JPG").read_bytes() == b"of another archive"


def test_names_that_nothing_else_has_pass(tmp_path: Path) -> None:
    check_written_files({"--report": tmp_path / "r.html", "--log-file": tmp_path / "l.txt"}, [tmp_path / "a.png"], {})
    with pytest.raises(UsageError, match="also the file of --report"):
        check_written_files({"--report": tmp_path / "r", "--log-file": tmp_path / "r"}, [], {})


def test_a_preview_with_dry_run_lists_its_sheets_and_writes_nothing(archive: Path) -> None:
    before = stamps(archive)
    ran = run_command(["colorize", str(archive / "in"), "-o", str(archive / "out"), "--preview", "--dry-run"])
    assert ran.exit_code == 0
    assert ran.output.splitlines() == [str(archive / "out" / "reel.mkv.preview.jpg")]
    assert stamps(archive) == before
    assert not (archive / "out").exists()


@pytest.mark.parametrize("name", ["reel.mkv.preview.jpg", "REEL.MKV.preview-2.JPG"])
def test_a_sheet_may_be_no_original_and_no_result(archive: Path, name: str) -> None:
    (archive / "in" / "a.png").rename(archive / "in" / name)
    before = stamps(archive)
    for output in (archive / "in", archive / "out"):
        ran = run_command(["colorize", str(archive / "in"), "-o", str(output), "--preview"])
        assert ran.exit_code == 2, ran.output
        assert "overwrite" in ran.output
    assert stamps(archive) == before
