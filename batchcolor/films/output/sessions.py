"""Encoder sessions: GPUs for consumers encode a few films at a time, and refuse the next one as if they could not encode at all."""

from __future__ import annotations

import contextlib
import getpass
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ...engines.devices import cuda_gpu_count
from ...settings import EncoderKind

# On GeForce cards, for all processes of a machine together (NVIDIA, Video Encode and Decode GPU Support Matrix). One is left to others.
NVENC_SESSIONS = 7
_POLL_S = 0.2


@contextlib.contextmanager
def encoder_session(encoder: EncoderKind, should_stop: Callable[[], bool]) -> Iterator[bool]:
    """Hold one of this machine's NVENC sessions where `encoder` may need one; waits until one is free.

    Yields False, without a session, once `should_stop` answers yes.
    """
    if encoder not in ("nvenc", "auto") or not cuda_gpu_count():
        yield True
        return
    with _slot(_folder(), NVENC_SESSIONS, should_stop) as held:
        yield held


@contextlib.contextmanager
def _slot(folder: Path, count: int, should_stop: Callable[[], bool]) -> Iterator[bool]:
    """One of `count` locks in `folder`, each free again when its process ends, however it ends."""
    folder.mkdir(mode=0o700, exist_ok=True)
    locks = [FileLock(folder / f"{n}.lock", timeout=0) for n in range(count)]
    while not should_stop():
        for lock in locks:
            with contextlib.suppress(Timeout):
                lock.acquire()
                break
        else:
            time.sleep(_POLL_S)
            continue
        try:
            yield True
        finally:
            lock.release()
        return
    yield False


def _folder() -> Path:
    """The same for all processes of a user."""
    return Path(tempfile.gettempdir()) / f"batchcolor-nvenc-{getpass.getuser()}"
