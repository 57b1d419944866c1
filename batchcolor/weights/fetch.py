"""Fetch known weights: the only part of the program that uses the network.

A download is written to `FILE.part` in the cache and resumes where it stopped. It gets its final name once its size, digest
and tensors have been verified. A web page in place of the file, or a corrupt file, is removed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import httpx
from filelock import FileLock, Timeout

from ..errors import BatchcolorError, ModelError, OutputError
from ..runtime.cache_dir import CACHE_VARIABLE
from ..runtime.version import __version__
from .catalogue import KnownWeights, Mirror
from .store import Record, place_of, read_record, require_reader, sha256_of, write_record

Progress = Callable[[int, int | None], None]
"""Called with the bytes received and the total, if the server announces it."""

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_MOST_BYTES = 2 << 30  # where no size was published: a server that never ends must not fill the disk
_SLOWEST, _PATIENCE_S = (
    1000,
    60.0,
)  # bytes a second, over so long: a server that sends less has stalled (as git's http.lowSpeedLimit)
_ATTEMPTS = 5  # at one mirror; each must bring new bytes


class _RefusedError(Exception):
    """This mirror does not deliver the file; the next one is tried."""


class _InterruptedError(Exception):
    """The connection ended early; the received bytes stay."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A partial download, and beside it its origin, so that no other mirror's bytes are appended to it."""

    path: Path

    @property
    def note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() and not self.path.is_symlink() else 0

    def origin(self) -> tuple[str, str]:
        """URL and validator (a strong ETag or a date, else "") of the bytes so far; empty where unknown."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return str(note["url"]), str(note["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def begin(self, url: str, validator: str) -> None:
        if self.path.is_symlink() and (self.path.is_file() or not self.path.exists()):
            self.path.unlink()  # what it leads to is no part of ours
        self.path.write_bytes(b"")
        self.note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def fetch_weights(known: KnownWeights, *, again: bool = False, progress: Progress | None = None) -> Path:
    """The path of `known` in the cache, fetched if it is missing. again: fetch it even if it is there.

    Every mirror is tried in turn, beginning with the one that a partial download came from. Raises `ModelError` with each
    mirror's reason where none delivers the file, `OutputError` where the cache cannot be written.
    """
    path = place_of(known)
    if known.embedded:
        if path.is_file():
            return path
        raise ModelError(
            f"the weights {known.name!r} come with batchcolor and are never fetched, but {path} is missing; "
            "type: pip install --force-reinstall batchcolor"
        )
    require_reader(known)
    if not again and path.is_file():
        record = read_record(path)
        if record is not None and record.sha256 == sha256_of(path):
            return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _download_lock(path):
            part = _Part(path.with_name(f"{path.name}.part"))
            mirror, digest = _fetch_part(known, part, progress or (lambda here, total: None))
            size = part.size()
            _flush_to_disk(part.path)
            part.path.replace(path)
            part.remove()
            write_record(path, Record(mirror.url, size, digest, datetime.now(UTC).isoformat(timespec="seconds")))
    except OSError as exc:
        raise OutputError(
            f"{path.parent}: the cache cannot be written ({exc.strerror or exc}); "
            f"free some space there, or name another folder in {CACHE_VARIABLE}"
        ) from exc
    return path


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _download_lock(path: Path) -> Iterator[None]:
    """Only one process at a time writes the file's `.part`; the system frees the lock of one that died."""
    try:
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=0):
            yield
    except Timeout as exc:
        raise ModelError(f"{path.name} is being fetched by another batchcolor right now; wait for it") from exc


def _fetch_part(known: KnownWeights, part: _Part, progress: Progress) -> tuple[Mirror, str]:
    """Fill `part` from the first mirror that gives the right file: its mirror and digest. Raises `ModelError`, OSError."""
    begun_at, _ = part.origin()
    reasons = []
    headers = {"User-Agent": f"batchcolor/{__version__}", "Accept-Encoding": "identity"}
    with httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=True) as client:
        for mirror in sorted(known.mirrors, key=lambda m: m.url != begun_at):
            try:
                return mirror, _fetch_from(client, mirror, known, part, progress)
            except _RefusedError as exc:
                reasons.append(f"{mirror.url}: {exc}")
            except _InterruptedError as exc:
                kept = part.size()
                reasons.append(f"{mirror.url}: {exc}" + (f", {kept} bytes stay for the next attempt" if kept else ""))
    raise ModelError(
        f"the weights {known.name!r} could not be fetched ({'; '.join(reasons)}); type the same command again later, "
        "or fetch the file on another machine and give its path"
    )


def _fetch_from(client: httpx.Client, mirror: Mirror, known: KnownWeights, part: _Part, progress: Progress) -> str:
    """The digest of the whole and right file in `part`. Raises `_RefusedError`, `_InterruptedError`, OSError."""
    reason: _RefusedError | _InterruptedError | None = None
    for _ in range(_ATTEMPTS):
        before = part.size() if part.origin()[0] == mirror.url else 0
        try:
            _download(client, mirror, part, progress)
        except _InterruptedError as exc:
            reason, here = exc, part.size()
            restarted = before > 0 and here == 0
            if here <= before and not restarted:
                break
            continue
        try:
            return _check(part.path, mirror, known)
        except _RefusedError as exc:
            part.remove()
            if before == 0:
                raise
            reason = exc  # the bytes of an earlier try may be the bad ones: once more from the beginning
    assert reason is not None
    raise reason


def _download(client: httpx.Client, mirror: Mirror, part: _Part, progress: Progress) -> None:
    """Add to `part` what is missing of it. Raises `_RefusedError`, `_InterruptedError`, OSError."""
    url, validator = part.origin()
    start = part.size() if url == mirror.url else 0
    if start and start == mirror.size:
        return  # stopped between the last byte and the check
    headers = {"Range": f"bytes={start}-"} if start else {}
    if start and validator:
        headers["If-Range"] = validator
    try:
        with client.stream("GET", mirror.url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
                if response.headers.get("Content-Range", "") == f"bytes */{start}":
                    return
                _restart(part)
            start = _accept(response, mirror, part, start)
            _receive(response, mirror, part, start, progress)
    except httpx.TransportError as exc:
        raise _InterruptedError(str(exc) or type(exc).__name__) from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise _RefusedError(str(exc)) from exc


def _restart(part: _Part) -> NoReturn:
    """The received bytes are not the beginning of the file that the server has now."""
    part.remove()
    raise _InterruptedError("has another file now than when the download began")


def _accept(response: httpx.Response, mirror: Mirror, part: _Part, start: int) -> int:
    """Where the body begins in the file: `start`, or 0 if the server ignores ranges.

    Raises `_RefusedError`, and `_InterruptedError` where the partial file is removed and the download starts over.
    """
    status = response.status_code
    if status not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        raise _RefusedError(f"answers {status} {response.reason_phrase}".rstrip())
    if "html" in response.headers.get("Content-Type", "").lower():
        raise _RefusedError("sends a web page instead of the file")
    if status == httpx.codes.PARTIAL_CONTENT:
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if begins is None or int(begins[1]) != start:
            if start:
                _restart(part)
            raise _RefusedError("sends another range than requested")
    else:
        start = 0
    total = _total(response, start)
    if mirror.size is not None and total is not None and total != mirror.size:
        if start:
            _restart(part)
        raise _RefusedError(f"offers {total} bytes, but {mirror.size} were published")
    return start


def _receive(response: httpx.Response, mirror: Mirror, part: _Part, start: int, progress: Progress) -> None:
    total = _total(response, start) or mirror.size
    here = start
    blocks = response.iter_raw()  # as they arrive, so that a connection's end loses none
    first = next(blocks, b"")
    if start == 0:
        if first.lstrip()[:1] == b"<":
            raise _RefusedError("sends a web page instead of the file")
        part.begin(mirror.url, _validator(response))
    measured_at, measured = time.monotonic(), here
    with part.path.open("ab") as file:
        for block in itertools.chain([first], blocks):
            file.write(block)
            here += len(block)
            if (seconds := time.monotonic() - measured_at) >= _PATIENCE_S:
                if here - measured < _SLOWEST * seconds:
                    raise _InterruptedError(f"sent {here - measured} bytes in {seconds:.0f} seconds")
                measured_at, measured = time.monotonic(), here
            progress(here, total)
            if mirror.size is not None and here > mirror.size:
                break  # the check names the size
            if here > _MOST_BYTES:
                part.remove()
                raise _RefusedError(f"sends more than {_MOST_BYTES} bytes, and no weights are as large")
    if mirror.size is not None and here < mirror.size:
        raise _InterruptedError(f"ended after {here} of {mirror.size} bytes")


def _total(response: httpx.Response, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _validator(response: httpx.Response) -> str:
    """What If-Range may carry (RFC 9110, 13.1.5): a strong ETag, else the date of the last change."""
    etag: str = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    return str(response.headers.get("Last-Modified", ""))


def _check(path: Path, mirror: Mirror, known: KnownWeights) -> str:
    """The file's digest, if it is the file that was published, as far as that is known, and loads. Raises `_RefusedError`."""
    from ..generators.checkpoint import load

    size = path.stat().st_size
    if mirror.size is not None and size != mirror.size:
        raise _RefusedError(f"sent {size} bytes, but {mirror.size} were published")
    digest = sha256_of(path)
    if not digest.startswith(mirror.sha256):
        raise _RefusedError(f"sent a file with SHA-256 {digest}, not {mirror.sha256}")
    if not mirror.sha256 and zipfile.is_zipfile(path):
        _check_members(path)
    try:
        checkpoint = load(path)
        checkpoint.generator()
    except BatchcolorError as exc:
        raise _RefusedError(f"sent a file that does not load ({exc})") from exc
    if checkpoint.architecture != known.architecture:
        raise _RefusedError(f"sent weights of {checkpoint.architecture}, not of {known.architecture}")
    return digest


def _check_members(path: Path) -> None:
    """A state dict in zip form carries a CRC-32 of every tensor, which torch does not look at: the next best to a digest."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as exc:
        raise _RefusedError(f"sent a damaged file ({exc})") from exc
    if bad is not None:
        raise _RefusedError(f"sent a damaged file ({bad} has a wrong checksum)")
