"""Finding weights on this machine: in the package, in the user's cache, or at any path. Nothing here uses the network."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import BatchcolorError, ModelError
from ..runtime.atomic_write import atomic_write_bytes
from ..runtime.cache_dir import cache_root
from ..runtime.extras import needs_torch, torch_installed
from ..runtime.file_hash import file_sha256
from .catalogue import CATALOGUE, KnownWeights

if TYPE_CHECKING:
    from ..generators.checkpoint import Checkpoint

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Record:
    """The origin of fetched weights, stored as JSON beside the file. size: bytes. fetched: UTC, ISO 8601."""

    url: str
    size: int
    sha256: str
    fetched: str


@dataclass(frozen=True, slots=True)
class InstalledWeights:
    """Weights of the catalogue and their file; path, size (bytes) and sha256 are None where it is not on this machine."""

    known: KnownWeights
    path: Path | None
    size: int | None
    sha256: str | None


Comparison = Literal["as published", "as fetched", "nothing to compare with", "changed", "damaged", "missing"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. problem: a sentence for the user, or None where all is well. tensors: how many were loaded."""

    name: str
    path: Path | None
    sha256: str | None
    comparison: Comparison
    architecture: str | None = None
    tensors: int = 0
    problem: str | None = None


def weights_folder() -> Path:
    """The folder of fetched weights in the cache."""
    return cache_root() / "weights"


def place_of(known: KnownWeights) -> Path:
    """The path at which known weights are expected."""
    return (_PACKAGE if known.embedded else weights_folder()) / known.file


def record_path(weights: Path) -> Path:
    return weights.with_suffix(".json")


def read_record(weights: Path) -> Record | None:
    """The record beside fetched weights; None where it is missing or damaged."""
    try:
        return Record(**json.loads(record_path(weights).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(weights: Path, record: Record) -> None:
    """Raises `OutputError`."""
    atomic_write_bytes(record_path(weights), (json.dumps(asdict(record), indent=2) + "\n").encode())


def known_weights(name: str) -> KnownWeights:
    """The catalogue's entry; `ModelError` lists the known names and the nearest of them."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(name.lower(), CATALOGUE, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    raise ModelError(
        f"no weights are called {name!r}{meant}; known: {', '.join(sorted(CATALOGUE))}; a file is given as a path (./{name})"
    )


def is_name(name_or_path: str) -> bool:
    """A known name wins; what has a path separator or a suffix is a path; all else is a name, known or mistyped."""
    if name_or_path in CATALOGUE:
        return True
    separators = {"/", os.sep, os.altsep or os.sep}
    return not (any(s in name_or_path for s in separators) or Path(name_or_path).suffix or name_or_path.startswith("~"))


def find_weights(name_or_path: str) -> Path:
    """The file of known weights, or the path itself. Raises `ModelError`, saying what to type, where there is no such file."""
    if is_name(name_or_path):
        known = known_weights(name_or_path)
        path = place_of(known)
        if path.is_file():
            return path
        if known.embedded:
            raise ModelError(
                f"the built-in weights {known.name!r} are missing from this installation ({path}); "
                "type: pip install --force-reinstall batchcolor"
            )
        require_reader(known)  # fetching alone would not help
        raise ModelError(f"the weights {known.name!r} are not on this machine; type: batchcolor models fetch {known.name}")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a weights file; name the .safetensors or .pth file in it")
    if not path.is_file():
        raise ModelError(
            f"{path}: no such weights file; give the path of a .safetensors or .pth file, or a name ({', '.join(CATALOGUE)})"
        )
    return path


def open_checkpoint(name_or_path: str) -> Checkpoint:
    """The checkpoint of known weights or of a file. Raises `ModelError` where it is missing, damaged or something else."""
    from ..generators.checkpoint import load  # numpy: only once weights are really opened

    if not is_name(name_or_path):
        return load(find_weights(name_or_path))
    known = known_weights(name_or_path)
    require_reader(known)
    path = find_weights(name_or_path)
    checkpoint = load(path)
    if checkpoint.architecture != known.architecture:
        raise ModelError(f"{path}: holds {checkpoint.architecture}, not {known.architecture}; {_again(known)}")
    return checkpoint


def require_reader(known: KnownWeights) -> None:
    """Raises `ModelError` where this installation cannot read the file, before it is fetched or looked for."""
    if known.needs_torch and not torch_installed():
        raise ModelError(needs_torch(f"--weights {known.name}"))


def _again(known: KnownWeights) -> str:
    if known.embedded:
        return "type: pip install --force-reinstall batchcolor"
    return f"type: batchcolor models fetch {known.name} --again"


def list_weights() -> list[InstalledWeights]:
    """The catalogue, and which of it is on this machine.

    The digest recorded when fetching is trusted while the size agrees, which keeps listing fast; `verify` computes it again.
    """
    holdings = []
    for known in CATALOGUE.values():
        path = place_of(known)
        if not path.is_file():
            holdings.append(InstalledWeights(known, None, None, None))
            continue
        size = path.stat().st_size
        record = read_record(path)
        digest = record.sha256 if record is not None and record.size == size else sha256_of(path)
        holdings.append(InstalledWeights(known, path, size, digest))
    return holdings


def sha256_of(path: Path) -> str:
    """SHA-256 of a weights file, hexadecimal. Raises `ModelError` where it cannot be read."""
    try:
        return file_sha256(path)
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read ({exc.strerror or exc}); check the file's permissions") from exc


def verify(name_or_path: str) -> Verification:
    """Hash the file again, compare with what was recorded and published, and load it into its network; without PyTorch, only read it.

    A problem with the weights is returned, never raised.
    """
    try:
        path = find_weights(name_or_path)
        digest = sha256_of(path)
    except ModelError as exc:
        return Verification(name_or_path, None, None, "missing", problem=str(exc))
    known = known_weights(name_or_path) if is_name(name_or_path) else None
    comparison = _compare(known, path, digest)
    if comparison == "changed" and known is not None:
        problem = f"{path}: not the bytes that were fetched or published; {_again(known)}"
        return Verification(name_or_path, path, digest, comparison, problem=problem)
    try:
        checkpoint = open_checkpoint(name_or_path)
        if torch_installed():
            checkpoint.generator()
        elif not checkpoint.graph:
            raise ModelError(needs_torch(f"{path}: loading these weights into their network"))
    except BatchcolorError as exc:
        return Verification(name_or_path, path, digest, "damaged", problem=str(exc))
    return Verification(name_or_path, path, digest, comparison, checkpoint.architecture, len(checkpoint.tensors))


def _compare(known: KnownWeights | None, path: Path, digest: str) -> Comparison:
    record = read_record(path) if known is not None and not known.embedded else None
    if record is not None and record.sha256 != digest:
        return "changed"
    published = [mirror.sha256 for mirror in known.mirrors if mirror.sha256] if known is not None else []
    if any(digest.startswith(beginning) for beginning in published):
        return "as published"
    return "as fetched" if record is not None else "nothing to compare with"
