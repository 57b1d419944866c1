"""An output tree with three photos, and the page that is served over it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvips

from batchcolor.app import run_archive
from batchcolor.settings import RunOptions
from tests.support import gradient

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `in` and its results `out`: two photos, and one of a hostile name."""
    folder = tmp_path_factory.mktemp("review")
    (folder / "in" / "family").mkdir(parents=True)
    names = ("family/a.jpg", "b.png", HOSTILE if os.name == "posix" else "c.jpg")
    for name in names:
        image = pyvips.Image.new_from_array(gradient(240, 320)).copy(interpretation="b-w")
        (folder / "in" / name).write_bytes(image.write_to_buffer(Path(name).suffix))
    (folder / "in" / "broken.jpg").write_bytes(b"no picture")
    summary = run_archive([folder / "in"], folder / "out", options=RunOptions(jobs=1))
    assert (summary.failed, summary.counts) == (1, summary.counts)
    return folder


@pytest.fixture
def served(archive: Path) -> Iterator[str]:
    """The address of the page, of a server in a process of its own."""
    command = [sys.executable, "-m", "batchcolor", "review", str(archive / "out"), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        try:
            yield address
        finally:
            server.terminate()
            server.wait(30)
