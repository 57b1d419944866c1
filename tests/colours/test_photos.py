"""Chosen colours in whole photos: pages, orientation, the archive's memory, the command line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
import tifffile
from click.testing import CliRunner

from batchcolor.cli import cli
from batchcolor.color.conversion import rgb_to_lab
from batchcolor.errors import ExitCode

RED = "#a03030"


def photo(height: int = 120, width: int = 160) -> np.ndarray:
    """A bright square left of the middle on a dark ground, uint8 `(120, 160)`."""
    made = np.full((height, width), 60, np.uint8)
    made[height // 3 : 2 * height // 3, width // 8 : 3 * width // 8] = 170
    return made


def ab_of(rgb: np.ndarray) -> np.ndarray:
    return rgb_to_lab(rgb.transpose(2, 0, 1).astype(np.float32) / 255)[1:]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"version = 1\n{text}\n")


def run(*arguments: object) -> object:
    result = CliRunner().invoke(cli, ["colorize", "--quiet", "--jobs", "1", *map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value


def point(x: float, y: float, colour: str = RED, more: str = "") -> str:
    return f'[[point]]\nat = [{x}, {y}]\ncolour = "{colour}"\n{more}\n'


def test_a_point_in_a_photo_is_hit_and_noted(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), photo())
    write(tmp_path / "a.colours.toml", point(0.25, 0.5, more='note = "the door"'))
    plain, chosen = tmp_path / "plain.png", tmp_path / "chosen.png"
    assert run(tmp_path / "a.png", "-o", plain) == ExitCode.OK
    assert run(tmp_path / "a.png", "-o", chosen, "--colours", tmp_path / "a.colours.toml") == ExitCode.OK
    before, after = (ab_of(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)) for path in (plain, chosen))
    wanted = ab_of(np.array([[[0xA0, 0x30, 0x30]]], np.uint8))[:, 0, 0]
    assert np.hypot(*(after[:, 60, 40] - wanted)) < 5
    assert np.hypot(*(after - before))[:, 120:].mean() < 4  # the ground to the right
    assert b"the door" in chosen.read_bytes()


@pytest.mark.parametrize("orientation", [pytest.param(3, marks=pytest.mark.slow), 6, pytest.param(8, marks=pytest.mark.slow)])
def test_places_are_those_of_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    stored = {3: np.rot90(photo(), 2), 6: np.rot90(photo(), 1), 8: np.rot90(photo(), -1)}[orientation]
    image = pyvips.Image.new_from_array(np.ascontiguousarray(stored)).copy(interpretation="b-w")
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.jpegsave(str(tmp_path / "a.jpg"), Q=95)
    write(tmp_path / "a.colours.toml", point(0.25, 0.5))
    run(tmp_path / "a.jpg", "-o", tmp_path / "out.jpg", "--colours", tmp_path / "a.colours.toml")
    upright = pyvips.Image.new_from_file(str(tmp_path / "out.jpg")).autorot().numpy()
    ab = ab_of(upright)
    assert upright.shape[:2] == (120, 160)
    assert ab[0, 60, 40] > 35
    assert ab[0, 60, 140] < ab[0, 60, 40] - 20


def test_every_page_of_a_tiff_has_its_own_points(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([photo(), photo(), photo()]), photometric="minisblack")
    write(tmp_path / "a.colours.toml", point(0.25, 0.5, more="page = 2") + point(0.25, 0.5, "#3030a0", "page = 3"))
    run(tmp_path / "a.tif", "-o", tmp_path / "out.tif", "--colours", tmp_path / "a.colours.toml")
    with tifffile.TiffFile(tmp_path / "out.tif") as made:
        first, second, third = (ab_of(page.asarray()[..., :3])[:, 60, 40] for page in made.pages)
    assert second[0] > 35
    assert third[1] < -30
    assert np.hypot(*(first - second)) > 10


def test_rules_masks_and_references_shape_a_photo(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in ("ruled.png", "masked.png", "referred.png", "plain.png"):
        cv2.imwrite(str(source / name), photo())
    chosen = tmp_path / "chosen"
    write(chosen / "masked.png.colours.toml", '[[mask]]\npicture = "mask.png"')
    write(chosen / "referred.png.colours.toml", '[[reference]]\npicture = "reference.png"')
    cv2.imwrite(str(chosen / "mask.png"), np.full((10, 10), 255, np.uint8))
    reference = cv2.applyColorMap(photo(60, 80), cv2.COLORMAP_OCEAN)
    gray = photo(60, 80).astype(np.float32)
    reference = np.dstack([gray * 1.2, gray, gray * 0.8]).clip(0, 255).astype(np.uint8)  # bluish
    cv2.imwrite(str(chosen / "reference.png"), reference)
    (chosen / "rules.toml").write_text('[[rule]]\nitems = "ruled.png"\nthen = { chroma = 0 }\n')
    run(source, "-o", tmp_path / "out", "--colours", chosen)
    ab = {path.name: ab_of(cv2.imread(str(path))[..., ::-1]) for path in (tmp_path / "out").glob("*.png")}
    assert np.abs(ab["ruled.png"]).max() < 1.5
    assert np.abs(ab["masked.png"]).max() < 1.5
    assert np.median(ab["referred.png"][1]) < -8
    assert np.abs(ab["plain.png"]).max() > 3


def test_only_touched_items_are_done_again(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.png"):
        cv2.imwrite(str(source / name), photo())
    run(source, "-o", output)

    def finished() -> dict[str, tuple[int, ...]]:
        return {
            path.relative_to(output).as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino) for path in output.rglob("*.png")
        }

    first = finished()
    write(output / ".batchcolor" / "colours" / "sub" / "c.png.colours.toml", point(0.25, 0.5))
    run(source, "-o", output)
    second = finished()
    assert [name for name in first if first[name] != second[name]] == ["sub/c.png"]
    run(source, "-o", output)
    assert finished() == second
    (output / ".batchcolor" / "colours" / "sub" / "c.png.colours.toml").unlink()
    run(source, "-o", output)
    assert [name for name in second if finished()[name] != second[name]] == ["sub/c.png"]
    with sqlite3.connect(output / ".batchcolor" / "manifest.sqlite") as rows:
        assert rows.execute("SELECT count(*) FROM items WHERE status = 'done'").fetchone() == (3,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (point(0.5, 0.5, more="page = 4"), "point 1, page = 4: the photo has 1"),
        (point(0.5, 0.5, more="time = 3"), "point 1 has a time, but this is a photo"),
        ("[[shot]]\ntime = 1\nsaturation = 0", "a photo has no shots"),
        (point(0.5, 0.5, "mauve"), "unknown colour name"),
        ('[[mask]]\npicture = "a.png.colours.toml"', "cannot be read as a picture"),
    ],
)
def test_a_wrong_file_ends_the_run_before_it_begins(
    tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from batchcolor.cli import main

    source = tmp_path / "in"
    source.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(source / name), photo())
    write(tmp_path / "chosen" / "a.png.colours.toml", text)
    with pytest.raises(SystemExit) as ended:
        main(["colorize", str(source), "-o", str(tmp_path / "out"), "--colours", str(tmp_path / "chosen")])
    assert ended.value.code == ExitCode.USAGE
    assert sentence in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.png"))
    with pytest.raises(SystemExit) as ended:
        main(["colours", "check", str(tmp_path / "chosen"), "--sources", str(source)])
    assert ended.value.code == ExitCode.USAGE
    assert sentence in capsys.readouterr().err


def test_a_folder_without_faults_is_found_so(tmp_path: Path) -> None:
    write(tmp_path / "reel.mkv.colours.toml", point(0.5, 0.5, more="time = 3"))
    write(tmp_path / "a.png.colours.toml", point(0.5, 0.5))
    result = CliRunner().invoke(cli, ["colours", "check", str(tmp_path)], standalone_mode=False)
    assert (result.return_value, result.stdout) == (ExitCode.OK, "2 files, no faults\n")
