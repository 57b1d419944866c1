"""`batchcolor colorize` as a user calls it: real processes, real files, documented exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips

from tests.support import commands_of, gradient, results


def photo(path: Path, height: int = 60, width: int = 80) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(gradient(height, width)).copy(interpretation="b-w").write_to_file(str(path))
    return path


def batchcolor(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "batchcolor", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=120,
    )


def colorize(*arguments: object, weights: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return batchcolor("colorize", "--device", "cpu", *arguments, "--weights", weights, **environment)


def test_a_tree_is_mirrored_and_ends_with_zero(tmp_path: Path, weights: Path) -> None:
    for name in ("a.jpg", "sub/b.png", "sub/c.tif"):
        photo(tmp_path / "in" / name)
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", weights=weights)
    assert ran.returncode == 0, ran.stderr
    assert results(tmp_path / "out") == [
        "a.jpg",
        "sub/b.png",
        "sub/c.tif",
    ]
    assert "3 done, 0 failed" in ran.stderr
    assert ran.stdout == ""


def test_one_photo_to_a_file_name(tmp_path: Path, weights: Path) -> None:
    ran = colorize(photo(tmp_path / "a.png"), "-o", tmp_path / "new" / "b.tif", weights=weights)
    assert ran.returncode == 0, ran.stderr
    assert pyvips.Image.new_from_file(str(tmp_path / "new" / "b.tif")).bands == 3


def test_json_prints_one_object_for_each_item_and_nothing_else(tmp_path: Path, weights: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no")
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", "--json", weights=weights)
    *items, last = map(json.loads, ran.stdout.splitlines())
    rows = {Path(row["source"]).name: row for row in items}
    assert last["summary"]["done"] == last["summary"]["failed"] == 1
    assert rows["a.jpg"]["status"] == "done"
    assert rows["bad.jpg"]["status"] == "failed"
    assert "bad.jpg" in rows["bad.jpg"]["error"]
    assert ran.returncode == 1


def test_quiet_says_nothing_but_errors(tmp_path: Path, weights: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", "--quiet", weights=weights)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no")
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", "--quiet", weights=weights)
    assert ran.returncode == 1
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "bad.jpg" in ran.stderr


@pytest.mark.parametrize("content", [None, b"", b"text"], ids=["empty folder", "empty file", "no picture"])
def test_nothing_readable_is_three(tmp_path: Path, weights: Path, content: bytes | None) -> None:
    (tmp_path / "in").mkdir()
    if content is not None:
        (tmp_path / "in" / "a.jpg").write_bytes(content)
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", weights=weights)
    assert ran.returncode == 3
    assert "Error" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_missing_source_exits_with_3(tmp_path: Path, weights: Path) -> None:
    ran = colorize(tmp_path / "none.jpg", "-o", tmp_path / "out", weights=weights)
    assert ran.returncode == 3
    assert "none.jpg" in ran.stderr


def test_missing_weights_exit_with_4_and_name_the_remedy(tmp_path: Path) -> None:
    source = photo(tmp_path / "a.jpg")
    ran = batchcolor("colorize", source, "-o", tmp_path / "out", "--weights", "siggraph17")
    assert ran.returncode == 4
    assert "batchcolor models fetch siggraph17" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_five(tmp_path: Path, weights: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "out").write_text("a file where the folder should be")
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", weights=weights)
    assert ran.returncode == 5, ran.stderr
    assert len([line for line in ran.stderr.splitlines() if line.startswith("Error")]) == 1


def test_a_missing_device_exits_with_6(tmp_path: Path, weights: Path) -> None:
    ran = colorize(photo(tmp_path / "a.jpg"), "-o", tmp_path / "out", "--device", "cuda:63", weights=weights)
    assert ran.returncode == 6
    assert "cuda:63" in ran.stderr


def test_wrong_usage_is_two(tmp_path: Path) -> None:
    assert batchcolor("colorize", tmp_path).returncode == 2
    assert batchcolor("colorize", tmp_path, "-o", tmp_path, "--codec", "vhs").returncode == 2


def test_originals_are_refused_as_targets_and_stay(tmp_path: Path, weights: Path) -> None:
    source = photo(tmp_path / "a.jpg")
    before = source.read_bytes()
    ran = colorize(tmp_path, "-o", tmp_path, weights=weights)
    assert ran.returncode == 2
    assert "overwrite the original" in ran.stderr
    assert source.read_bytes() == before


def test_names_in_any_script_are_kept(tmp_path: Path, weights: Path) -> None:
    names = ["Großmutter (1912).jpg", "ここ.png", "with\nnewline.jpg", " leading space.tif"]
    for name in names:
        photo(tmp_path / "in" / "x.jpg").rename(tmp_path / "in" / name)
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", weights=weights)
    assert ran.returncode == 0, ran.stderr
    assert results(tmp_path / "out") == sorted(names)


def test_a_name_that_is_not_utf8_fails_alone_with_one_sentence(tmp_path: Path, weights: Path) -> None:
    photo(tmp_path / "in" / "good.jpg")
    photo(tmp_path / "in" / "x.jpg").rename(
        tmp_path / "in" / os.fsdecode(b"Gro\xdfmutter.jpg")
    )  # Latin-1, as old archives have it
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", weights=weights)
    probed = batchcolor("probe", tmp_path / "in")
    assert (ran.returncode, probed.returncode) == (1, 1)
    assert results(tmp_path / "out") == ["good.jpg"]
    for errors in (ran.stderr, probed.stderr):
        assert "not UTF-8" in errors
        assert "Traceback" not in errors
        assert "internal error" not in errors


def test_options_come_from_flags_then_environment_then_toml(tmp_path: Path, weights: Path) -> None:
    source = photo(tmp_path / "a.png")
    config = tmp_path / "batchcolor.toml"
    config.write_text("saturation = 0.0\n")

    def chroma(name: str, *flags: object, **environment: str) -> float:
        ran = colorize(source, "-o", tmp_path / name, "--config", config, *flags, weights=weights, **environment)
        assert ran.returncode == 0, ran.stderr
        pixels = pyvips.Image.new_from_file(str(tmp_path / name)).numpy().astype(int)
        return float(np.ptp(pixels, axis=2).mean())

    assert chroma("toml.png") == 0
    by_environment = chroma("environment.png", BATCHCOLOR_COLORIZE_SATURATION="1.0")
    assert by_environment > 1
    assert chroma("flag.png", "--saturation", 0, BATCHCOLOR_COLORIZE_SATURATION="1.0") == 0


def test_an_unknown_key_in_the_toml_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('colour = "yes"\n')
    ran = batchcolor("colorize", tmp_path, "-o", tmp_path / "out", "--config", tmp_path / "c.toml")
    assert ran.returncode == 2
    assert "colour" in ran.stderr


def test_help_of_every_command_has_an_example() -> None:
    from batchcolor.cli import cli

    for name, command in commands_of(cli):
        assert "Example" in (command.help or ""), name
