"""SHA-256 of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from batchcolor.runtime.file_hash import file_sha256, files_sha256


def test_one_file_and_several_one_behind_the_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first, ")
    (tmp_path / "b").write_bytes(b"second")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"first, ").hexdigest()
    assert files_sha256([tmp_path / "a", tmp_path / "b"]) == hashlib.sha256(b"first, second").hexdigest()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for call in (lambda: file_sha256(tmp_path / "pipe"), lambda: files_sha256([tmp_path / "pipe"])):
        with pytest.raises(OSError, match="is no regular file"):
            call()
