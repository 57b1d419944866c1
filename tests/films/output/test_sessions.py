"""NVENC takes a few films at a time: the others wait, and nobody waits for the dead."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from batchcolor.films.output import sessions
from batchcolor.films.output.sessions import encoder_session
from batchcolor.settings import EncoderKind


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(sessions, "cuda_gpu_count", lambda: 1)
    monkeypatch.setattr(sessions, "NVENC_SESSIONS", 2)
    monkeypatch.setattr(sessions, "_folder", lambda: tmp_path / "nvenc")
    return tmp_path / "nvenc"


@pytest.mark.parametrize("encoder", ["nvenc", "auto"])
def test_no_more_than_the_limit_encode_at_once(encoder: EncoderKind) -> None:
    encoding, most, lock = 0, 0, threading.Lock()

    def encode(_n: int) -> bool:
        nonlocal encoding, most
        with encoder_session(encoder, lambda: False) as held:
            with lock:
                encoding += 1
                most = max(most, encoding)
            time.sleep(0.05)
            with lock:
                encoding -= 1
        return held

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(encode, range(6)))
    assert most == 2


def test_who_waits_can_be_stopped() -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(encoder_session("nvenc", lambda: False))
        answers = iter([False, False, True])
        with encoder_session("nvenc", lambda: next(answers)) as held:
            assert not held


def test_the_session_of_a_killed_process_is_free(one_gpu: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from batchcolor.films.output.sessions import _slot\n"
        f"with _slot(Path({str(one_gpu)!r}), 1, lambda: False): print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
    with sessions._slot(one_gpu, 1, lambda: False) as held:
        assert held


@pytest.mark.parametrize(("encoder", "gpus"), [("software", 1), ("qsv", 1), ("auto", 0)])
def test_others_need_no_session(monkeypatch: pytest.MonkeyPatch, one_gpu: Path, encoder: EncoderKind, gpus: int) -> None:
    monkeypatch.setattr(sessions, "cuda_gpu_count", lambda: gpus)
    with encoder_session(encoder, lambda: True) as held:
        assert held
    assert not one_gpu.exists()
