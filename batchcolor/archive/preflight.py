"""What another machine must have before it gets jobs: the same files under the same paths, a writable output, and the same weights."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError, OutputError, SourceError
from ..runtime.atomic_write import PREFIX
from ..runtime.write_errors import write_error
from ..weights.store import find_weights, sha256_of
from .plan import Item

_TRIAL_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Preflight:
    """Called on a machine, raises what it lacks.

    samples: a file of every folder of sources, and its size in bytes. token: a file in the output that holds `secret`; weights: as the
    user named them; digest: SHA-256 of their file.
    """

    samples: tuple[tuple[Path, int], ...]
    token: Path
    secret: str
    weights: str
    digest: str

    def __call__(self) -> None:
        """Raises `SourceError`, `OutputError` or `ModelError`: one sentence, without the machine's name."""
        for path, size in self.samples:
            if not path.is_file() or path.stat().st_size != size:
                raise SourceError(
                    f"{path}: is missing there; sources must be on storage that every machine sees under the same path"
                )
        self._check_output()
        if sha256_of(find_weights(self.weights)) != self.digest:
            raise ModelError(f"{self.weights}: these weights differ there; copy the same file to every machine")

    def _check_output(self) -> None:
        folder = self.token.parent
        try:
            same = self.token.read_text(encoding="ascii") == self.secret
        except (OSError, ValueError):
            same = False
        if not same:
            raise OutputError(
                f"{folder}: is not the same folder there; the output must be on storage that every machine sees under the same path"
            )
        trial = folder / f"{PREFIX}{secrets.token_hex(8)}"
        try:
            with trial.open("wb") as file:
                file.write(bytes(_TRIAL_BYTES))
                file.flush()
                os.fsync(file.fileno())  # a network share may say only now that it is full
        except OSError as exc:
            raise write_error(folder, exc) from exc
        finally:
            with contextlib.suppress(OSError):
                trial.unlink(missing_ok=True)


@contextlib.contextmanager
def preflight(sources: Sequence[Path], items: Sequence[Item], output: Path, weights: str) -> Iterator[Preflight]:
    """Those of a run over `items`, found below `sources`. output: the folder of the results.

    Writes a small file into the output for as long as the context is open. Raises `OutputError` where it cannot, `ModelError` for weights
    that are not here.
    """
    folders = {source if source.is_dir() else source.parent: source for source in sources}
    samples = [next((item.source for item in items if item.source.is_relative_to(top)), None) for top in folders.values()]
    known = Preflight(
        samples=tuple((path, path.stat().st_size) for path in samples if path is not None and path.is_file()),
        token=output / f"{PREFIX}{secrets.token_hex(8)}",
        secret=secrets.token_hex(16),
        weights=weights,
        digest=sha256_of(find_weights(weights)),
    )
    try:
        output.mkdir(parents=True, exist_ok=True)
        known.token.write_text(known.secret, encoding="ascii")
    except OSError as exc:
        raise write_error(output, exc) from exc
    try:
        yield known
    finally:
        with contextlib.suppress(OSError):
            known.token.unlink(missing_ok=True)
