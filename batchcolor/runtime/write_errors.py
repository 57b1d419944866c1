"""What the file system refuses to write, in one sentence with what to do about it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutputError

_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM), "check the permissions of the file and its folder"),
    errno.EROFS: "it lies on a file system that is read-only; choose another place",
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space, or choose another place"),
    errno.EFBIG: "the file system holds no file of this size; choose another place",
    errno.ENAMETOOLONG: "the file system holds no name of this length; choose a shorter one",
    errno.EISDIR: "a folder has this name; rename it, or choose another place",
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EEXIST), "a file stands where a folder is needed; rename it, or choose another place"
    ),
    errno.ENOENT: "its folder has been removed meanwhile; run again",
    **dict.fromkeys((errno.EIO, errno.ESTALE, errno.ETIMEDOUT), "the disk or network share fails; check it, then run again"),
}


def write_error(target: Path, error: OSError) -> OutputError:
    """The error to raise where `target` could not be written."""
    remedy = _REMEDIES.get(error.errno or 0, "check the disk or network share it lies on")
    return OutputError(f"{target}: cannot be written ({error.strerror or error}); {remedy}")


@contextlib.contextmanager
def write_errors(target: Path) -> Iterator[None]:
    """For a body that does nothing but write `target`, or a temporary file for it: its `OSError` becomes an `OutputError`.

    A body that also reads other files does not belong here: what is wrong with them is not wrong with `target`.
    """
    try:
        yield
    except OSError as exc:
        raise write_error(target, exc) from exc
