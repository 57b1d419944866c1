"""Notes every connection and every change of the file system by Python code, as lines of JSON in the file that NOTES names.

Python imports this module by itself where its folder is in PYTHONPATH, so that children are watched as well. It stands alone.
"""

import json
import os
import sys
import threading

NOTES = "BATCHCOLOR_TESTS_NOTES"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {  # audit events of CPython: which of their arguments are paths
    "os.rename": (0, 1), "os.link": (1,), "os.symlink": (1,), "os.mkdir": (0,), "os.rmdir": (0,), "os.remove": (0,),
    "os.chmod": (0,), "os.chown": (0,), "os.utime": (0,), "os.truncate": (0,),
}  # fmt: skip
# Where their arguments begin that say to which open folder the paths are relative; -1: to none.
_FOLDER = {
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
    "os.mkdir": 2,
    "os.rmdir": 1,
    "os.remove": 1,
    "os.chmod": 2,
    "os.utime": 3,
}
_ADDRESSES = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
_noting = threading.local()


def _note(kind, value):
    path = os.environ.get(NOTES)
    if not path or getattr(_noting, "now", False):
        return
    _noting.now = True
    try:
        line = json.dumps([kind, os.fsdecode(value)]) + "\n"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode("utf-8", "backslashreplace"))
        os.close(descriptor)
    except OSError:
        pass
    finally:
        _noting.now = False


def _watch(event, arguments):
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes) and flags is not None and flags & _WRITING:
            _note("write", os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - links stay links
    elif event in _CHANGES:
        if any(isinstance(each, int) and each >= 0 for each in arguments[_FOLDER.get(event, len(arguments)) :]):
            return  # relative to an open folder, which strace sees
        for at in _CHANGES[event]:
            if isinstance(arguments[at], str | bytes | os.PathLike):
                _note("write", os.path.abspath(os.fsdecode(arguments[at])))  # noqa: PTH100 - as above
    elif event in _ADDRESSES:
        address = arguments[_ADDRESSES[event]]
        host = address[0] if isinstance(address, tuple) and address else address
        if event.startswith("socket.get") or isinstance(address, tuple):  # addresses of the Unix family are names of files
            _note("address", str(host))


if not getattr(sys, "_batchcolor_watched", False):
    sys._batchcolor_watched = True
    sys.addaudithook(_watch)
