"""Run the command line and learn what it did: which addresses it spoke to, which files it changed."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .sitecustomize import NOTES

HOOKS = Path(__file__).parent
_CALLS = (
    "connect,sendto,sendmsg,open,openat,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,unlink,"
    "unlinkat,chmod,fchmodat,utimensat,truncate,mknod,mknodat"
)
_CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|\?)")
# A name, with the folder that it is relative to where the call is told one: unlinkat(5</tmp/out>, "lock", 0).
_NAME = re.compile(r'(?:(?:AT_FDCWD|\d+)<((?:[^>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Observed:
    """A finished command. writes: absolute paths created, changed, renamed or removed; addresses: hosts spoken to or looked up."""

    code: int
    stdout: bytes
    stderr: bytes
    writes: frozenset[str]
    addresses: frozenset[str]


def observed(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout_s: float = 300) -> Observed:
    """Run `python -m batchcolor` in `cwd`, watched by Python's audit events, and by strace where the machine lets it."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        trace = ["strace", "-ff", "-qq", "-y", "--seccomp-bpf", "-s", "8192", "-e", f"trace={_CALLS}", "-o", f"{folder}/trace"]
        before = trace if can_trace() else []
        environment = {**environment, "PYTHONPATH": os.pathsep.join([str(HOOKS), str(HOOKS.parents[1])]), NOTES: str(notes)}
        running = subprocess.Popen(
            [*before, sys.executable, "-m", "batchcolor", *arguments],
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            stdout, stderr = running.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)  # strace leaves behind what it watches
            running.communicate()
            raise
        writes, addresses = set[str](), set[str]()
        for kind, value in _noted(notes):
            (writes if kind == "write" else addresses).add(value)
        for file in Path(folder).glob("trace.*"):
            for kind, value in _traced(file, cwd):
                (writes if kind == "write" else addresses).add(value)
    return Observed(
        running.returncode, stdout, stderr, frozenset(w for w in writes if not w.startswith(folder)), frozenset(addresses)
    )


@functools.cache
def can_trace() -> bool:
    """Whether strace is here and may look at processes."""
    program = shutil.which("strace")
    return (
        program is not None
        and subprocess.run(
            [program, "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, "true"], check=False, capture_output=True
        ).returncode
        == 0
    )


def noted_addresses(notes: Path) -> set[str]:
    """Hosts in a file of notes."""
    return {value for kind, value in _noted(notes) if kind == "address"}


def _noted(notes: Path) -> Iterator[tuple[str, str]]:
    if notes.exists():
        for line in notes.read_text("utf-8").splitlines():
            kind, value = json.loads(line)
            yield kind, value


def _traced(trace: Path, cwd: Path) -> Iterator[tuple[str, str]]:
    """What the calls of one thread did; those that failed did nothing."""
    for line in trace.read_bytes().decode("latin-1").splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        name, arguments, result = call.groups()
        if name in ("connect", "sendto", "sendmsg"):
            # A connection that is refused has been tried.
            if "AF_INET" in arguments and (
                host := re.search(r'inet_addr\("([^"]+)"|inet_pton\(AF_INET6, "([^"]+)"', arguments)
            ):
                yield "address", host[1] or host[2]
            continue
        if result.startswith("-") or (name in ("open", "openat") and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", arguments)):
            continue
        for folder, quoted in _NAME.findall(arguments):
            yield "write", os.path.normpath(os.path.join(cwd, _unquoted(folder), _unquoted(quoted)))  # noqa: PTH118 - any bytes


def _unquoted(text: str) -> str:
    return os.fsdecode(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
