"""What another machine must have before it gets jobs, and what it reports otherwise."""

from __future__ import annotations

import dataclasses
import errno
import os
import pickle
from pathlib import Path

import pytest

from batchcolor.archive.plan import plan
from batchcolor.archive.preflight import Preflight, preflight
from batchcolor.errors import BatchcolorError, ModelError, OutputError, SourceError


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Two folders of sources, and one file by its name."""
    for name in ("a/1.jpg", "a/2.jpg", "b/deep/3.jpg", "c/4.jpg", "c/5.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"photo")
    return [tmp_path / "a", tmp_path / "b", tmp_path / "c" / "5.jpg"]


@pytest.fixture
def known(scans: list[Path], tmp_path: Path) -> Preflight:
    """Those of a run whose token stays, as another machine gets them."""
    output = tmp_path / "colour"
    with preflight(scans, plan(scans, output).items, output, "lite") as made:
        secret = made.token.read_text()
        there: Preflight = pickle.loads(pickle.dumps(made))
    made.token.write_text(secret)
    return there


def test_a_machine_that_has_everything_says_nothing_and_leaves_nothing(known: Preflight, tmp_path: Path) -> None:
    known()
    assert list((tmp_path / "colour").iterdir()) == [known.token]


def test_the_token_is_removed_with_the_run(scans: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "colour"
    with preflight(scans, plan(scans, output).items, output, "lite"):
        assert len(list(output.iterdir())) == 1
    assert list(output.iterdir()) == []


def test_a_file_of_every_source_is_checked(known: Preflight, tmp_path: Path) -> None:
    assert [path.relative_to(tmp_path).as_posix() for path, _ in known.samples] == ["a/1.jpg", "b/deep/3.jpg", "c/5.jpg"]


def complaint(known: Preflight, kind: type[BatchcolorError]) -> str:
    with pytest.raises(kind) as caught:
        known()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_and_different_sources_are_reported(known: Preflight, tmp_path: Path) -> None:
    (tmp_path / "b" / "deep" / "3.jpg").write_bytes(b"another")
    assert complaint(known, SourceError).startswith(f"{tmp_path / 'b' / 'deep' / '3.jpg'}: is missing there")
    (tmp_path / "a" / "1.jpg").unlink()
    assert complaint(known, SourceError).startswith(f"{tmp_path / 'a' / '1.jpg'}: is missing there")


def test_an_output_that_is_another_folder(known: Preflight, tmp_path: Path) -> None:
    known.token.write_text("of another run")
    assert complaint(known, OutputError).startswith(f"{tmp_path / 'colour'}: is not the same folder there")
    known.token.unlink()
    assert complaint(known, OutputError).startswith(f"{tmp_path / 'colour'}: is not the same folder there")


def test_a_full_share_is_reported(known: Preflight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert complaint(known, OutputError).startswith(f"{tmp_path / 'colour'}: cannot be written (No space left on device)")
    assert list((tmp_path / "colour").iterdir()) == [known.token]


def test_other_weights_under_the_same_name(known: Preflight) -> None:
    assert complaint(dataclasses.replace(known, digest="0" * 64), ModelError).startswith("lite: these weights differ there")


def test_an_output_that_cannot_be_written_is_a_sentence_here(scans: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written"), preflight(scans, [], tmp_path / "file", "lite"):
        pass
