"""The watch over all tests sees what it is there to see (tests/conftest.py)."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.watching.runs import noted_addresses, observed
from tests.watching.sitecustomize import NOTES

CONNECT = """
import contextlib, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, contextlib.suppress(OSError):
    datagrams.connect(('192.0.2.1', 9))  # nothing is sent, and nobody lives there (RFC 5737)
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_unexpected_connection: None) -> Path:
    """A file for the notes of this test, out of sight of the watch over it."""
    monkeypatch.setenv(NOTES, str(tmp_path / "notes"))
    return tmp_path / "notes"


def test_connections_of_this_process_and_its_children_are_noted(notes: Path) -> None:
    assert not noted_addresses(notes)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, contextlib.suppress(OSError):
        datagrams.connect(("192.0.2.2", 9))
    subprocess.run([sys.executable, "-c", CONNECT], check=True, timeout=60)
    assert noted_addresses(notes) == {"192.0.2.1", "192.0.2.2"}


def test_a_watched_run_tells_its_writes(tmp_path: Path) -> None:
    log = tmp_path / "cache"
    seen = observed(["models"], tmp_path, {"BATCHCOLOR_CACHE": str(log)})
    assert seen.code == 0
    assert seen.addresses == frozenset()
    assert os.fspath(tmp_path / "elsewhere") not in seen.writes
