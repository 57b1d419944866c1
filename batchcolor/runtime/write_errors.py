"""Messages for write errors: what the file system refused, and what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutputError

_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM), "check the permissions of the file and its folder"),
    errno.EROFS: "the file system is read-only; choose another place",
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space, or choose another place"),
    errno.EFBIG: "the file system holds no file of this size; choose another place",
    errno.ENAMETOOLONG: "the file system holds no name of this length; choose a shorter one",
    errno.EISDIR: "a folder has this name; rename it, or choose another place",
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EEXIST), "a file has the name of a folder that is needed; rename it, or choose another place"
    ),
    errno.ENOENT: "its folder was removed during the run; run again",
    **dict.fromkeys((errno.EIO, errno.ESTALE, errno.ETIMEDOUT), "the disk or network share fails; check it, then run again"),
}


def write_error(target: Path, error: OSError) -> OutputError:
    """The error for a `target` that could not be written."""
    remedy = _REMEDIES.get(error.errno or 0, "check its disk or network share")
    return OutputError(f"{target}: cannot be written ({error.strerror or error}); {remedy}")


@contextlib.contextmanager
def write_errors(target: Path) -> Iterator[None]:
    """Translates an `OSError` of the body into an `OutputError` that names `target`.

    The body must do nothing but write `target` or a temporary file for it: an error in reading another file would be blamed on `target`.
    """
    try:
        yield
    except OSError as exc:
        raise write_error(target, exc) from exc
