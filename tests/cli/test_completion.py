"""Shells complete commands and options, without importing the network's libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def batchcolor(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "batchcolor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment}).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_accepts_the_completion_script(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(batchcolor("completion", shell))
    assert "_BATCHCOLOR_COMPLETE" in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)


@pytest.mark.parametrize(("typed", "expected"), [("batchcolor col", "colorize"), ("batchcolor colorize --sat", "--saturation")])
def test_it_completes_commands_and_options(typed: str, expected: str) -> None:
    last = str(len(typed.split()) - 1)
    answer = batchcolor(_BATCHCOLOR_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=last)
    assert f"plain,{expected}" in answer.splitlines()
