"""Checks the names of results in the plan, before anything is read or written."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import BatchcolorError, OutputError, UsageError
from ..settings import Settings
from .walk import Kind

# What FFmpeg's muxers take, verified by tests/films/output/test_containers.py; the writer refuses other suffixes.
CODECS_OF_SUFFIX: dict[str, tuple[str, ...]] = {
    ".mkv": ("h264", "hevc", "av1", "prores", "ffv1"),
    ".mp4": ("h264", "hevc", "av1", "ffv1"),
    ".m4v": ("h264", "hevc", "av1", "ffv1"),
    ".mov": ("h264", "hevc", "prores", "dnxhr"),
}
_USUAL_NAME_BYTES = 255
# Learn.microsoft.com, "Naming Files, Paths, and Namespaces": devices, whatever follows a dot behind them.
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")]
)
_WINDOWS_CHARACTERS = frozenset('<>:"|?*')


class TargetChecks:
    """What is wrong with a target of the tree `output`; holds what is known of its folders, of which many results share one."""

    def __init__(self, output: Path, *, system: str = os.name) -> None:
        self._output, self._system = os.path.realpath(output), system
        self._longest: dict[Path, int] = {}
        self._outside: dict[Path, str | None] = {}

    def __call__(self, source: Path, target: Path, kind: Kind, settings: Settings) -> BatchcolorError | None:
        """The error for an item that cannot become `target`; None where nothing is wrong."""
        longest = self._longest.get(target.parent)
        if longest is None:
            longest = self._longest[target.parent] = longest_name(target.parent)
        if len(os.fsencode(target.name)) > longest:
            return OutputError(
                f"{source}: its result would have a name of {len(os.fsencode(target.name))} bytes, and the file system takes {longest}; "
                "rename the source"
            )
        if self._system == "nt" and (
            part := next(filter(is_reserved_by_windows, target.parts[len(target.anchor) > 0 :]), None)
        ):
            return OutputError(
                f"{source}: its result would be {target}, and Windows has no file named {part}; rename the source"
            )
        elsewhere = self._led_outside(target.parent)
        if elsewhere is not None:
            return UsageError(
                f"{source}: its result {target} would be written to {elsewhere}, outside the output folder, because of a link; "
                "remove the link, or name the folder that it leads to as --output"
            )
        return _codec_error(source, target, settings) if kind is Kind.FILM else None

    def _led_outside(self, folder: Path) -> str | None:
        """Where a link within the tree leads results of `folder`, if not to the tree."""
        if folder not in self._outside:
            real = os.path.realpath(folder)
            inside = real == self._output or real.startswith(self._output.rstrip(os.sep) + os.sep)
            self._outside[folder] = None if inside else real
        return self._outside[folder]


def longest_name(folder: Path) -> int:
    """Bytes that a name may have in `folder`, which need not exist yet."""
    existing = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), None)
    try:
        return os.pathconf(existing, "PC_NAME_MAX") if existing is not None else _USUAL_NAME_BYTES
    except (AttributeError, OSError, ValueError):  # AttributeError: Windows
        return _USUAL_NAME_BYTES


def is_reserved_by_windows(name: str) -> bool:
    """Whether Windows takes a name for a device, or has no file with such a name."""
    stem = name.partition(".")[0].rstrip(" ").lower()
    odd = name not in (".", "..") and name.endswith((" ", "."))
    return stem in _WINDOWS_DEVICES or odd or any(c in _WINDOWS_CHARACTERS or ord(c) < 32 for c in name)


def _codec_error(source: Path, target: Path, settings: Settings) -> UsageError | None:
    suffix, codec = target.suffix.lower(), settings.film.codec
    held = CODECS_OF_SUFFIX.get(suffix)
    if held is None or codec in held:
        return None
    others = " or ".join(other for other, codecs in CODECS_OF_SUFFIX.items() if codec in codecs)
    return UsageError(
        f"{source}: {suffix} cannot hold {codec}, and its result would be {target}; choose --codec {' or '.join(held)}, or colorize it "
        f"by itself with an --output that ends in {others}"
    )
