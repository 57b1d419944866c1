"""What can go wrong, and with which exit code the command line answers.

    BatchcolorError
    ├── UsageError          2   the call itself makes no sense
    ├── SourceError         3   a photo or film cannot be read
    ├── ModelError          4   weights missing, damaged or of an unknown architecture
    ├── OutputError         5   a result cannot be written
    ├── ClusterError        7   no Ray, no cluster at the address, or none of its machines can do the jobs
    ├── BusyError          75   another run is working on the output tree
    ├── WorkerLost          1   a worker process died, again and again
    └── DeviceError         6   the device named is not there
        ├── OutOfMemory     6   a batch did not fit
        └── DeviceLost      6   a GPU failed, and this process cannot use it any more

Every message is one sentence that names the path and says what to do. The codes are part of the stable interface
(docs/reference/output.md).
A single item's error never ends a run: it becomes an outcome (`batchcolor.archive.run`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the command line; 2 and 130 follow click and the shell."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    NOTHING_READABLE = 3
    MODEL = 4
    OUTPUT = 5
    DEVICE = 6
    CLUSTER = 7
    BUSY = 75  # EX_TEMPFAIL of sysexits.h: try again later
    INTERRUPTED = 130


class BatchcolorError(Exception):
    """Base of all errors with a one-sentence message for the user."""

    exit_code: ClassVar[ExitCode] = ExitCode.SOME_FAILED


class UsageError(BatchcolorError, ValueError):
    """The request contradicts itself (source equal to target, two sources for one target)."""

    exit_code = ExitCode.USAGE


class SourceError(BatchcolorError):
    """A source cannot be read: missing, unreadable, damaged or not a picture or film."""

    exit_code = ExitCode.NOTHING_READABLE


class ModelError(BatchcolorError):
    """Weights are missing, damaged, or do not fit the architecture they name."""

    exit_code = ExitCode.MODEL


class OutputError(BatchcolorError):
    """A result cannot be written: no permission, no space, or a folder in its place."""

    exit_code = ExitCode.OUTPUT


class BusyError(BatchcolorError):
    """Another run is working on the same output tree."""

    exit_code = ExitCode.BUSY


class DeviceError(BatchcolorError):
    """The requested device or precision is not available on this machine."""

    exit_code = ExitCode.DEVICE


class ClusterError(BatchcolorError):
    """Jobs cannot run on other machines: no Ray, no cluster at the address, or no machine that can run them."""

    exit_code = ExitCode.CLUSTER


class OutOfMemory(DeviceError):
    """A batch did not fit into the device's memory; smaller ones may."""


class DeviceLost(DeviceError):
    """A GPU failed in a way that only a new process recovers from (an illegal access, a fault of its memory)."""


class WorkerLost(BatchcolorError):
    """All worker processes that ran a job died."""
