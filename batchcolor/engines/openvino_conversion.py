"""Generators as OpenVINO models, converted once a user and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openvino as ov

from ..errors import ModelError
from ..generators.checkpoint import Checkpoint
from ..runtime.cache_dir import cache_root

log = logging.getLogger(__name__)

_MODEL = "model.xml"
_GENERATOR = "__module.generator."  # what traced names of the generator's modules begin with
_BESIDE_THE_FLOW = ("Constant", "Convert", "FakeQuantize")


def convert(core: ov.Core, checkpoint: Checkpoint, *, hints: bool = False) -> Any:
    """The checkpoint's generator as an `ov.Model`: L float32 `(N, 1, H, W)` -> ab; sides in multiples of the generator's own.

    hints: whether it takes ab and mask of hints as its second and third input.

    Taken from the cache where it is there; a damaged entry is converted again. A cache that cannot be written to only costs time.
    Raises `ModelError` where OpenVINO cannot take the network.
    """
    folder = cache_folder(checkpoint, "hints" if hints else "")
    return cached(core, folder, lambda: _convert(checkpoint, hints), checkpoint)


def _convert(checkpoint: Checkpoint, hints: bool) -> Any:
    from .torch_tracing import traced  # torch: only where a network is not in the cache yet

    return traced(checkpoint.generator(), hints=hints)


def with_features(model: Any, taps: Sequence[str]) -> Any:
    """A copy of the model whose outputs are ab and, behind it, those of the generator's modules that `taps` names.

    Tracing and quantizing keep torch's names: the last operation that bears a module's name gives the module's output.
    """
    copy = model.clone()
    operations = copy.get_ordered_ops()
    for tap in taps:
        inside = (f"{_GENERATOR}{tap}.", f"{_GENERATOR}{tap}/")
        *_, last = (
            op for op in operations if op.get_friendly_name().startswith(inside) and op.get_type_name() not in _BESIDE_THE_FLOW
        )
        copy.add_outputs([last.output(0)])
    return copy


def cached(core: ov.Core, folder: Path, make: Callable[[], Any], checkpoint: Checkpoint) -> Any:
    """What `make` makes of the checkpoint, kept in `folder` of the cache."""
    core.set_property({"ENABLE_MMAP": False})  # Windows removes no file that is mapped
    if (folder / _MODEL).is_file():
        try:
            return core.read_model(folder / _MODEL)
        except RuntimeError:
            log.info("%s: damaged, making it again", folder)
            shutil.rmtree(folder, ignore_errors=True)
    try:
        model = make()
        try:
            return _kept(core, model, folder)
        except (OSError, RuntimeError) as exc:
            log.info("%s: the model cannot be kept (%s); the next start makes it again", folder, exc)
            with tempfile.TemporaryDirectory(prefix="batchcolor-") as elsewhere:
                return _kept(core, model, Path(elsewhere) / folder.name)
    except (OSError, RuntimeError) as exc:
        raise ModelError(f"OpenVINO cannot take this {checkpoint.architecture}: {exc}; use --engine torch") from exc


def cache_folder(checkpoint: Checkpoint, kind: str = "") -> Path:
    """Differs for other weights, another network, and another OpenVINO."""
    key = hashlib.sha256(f"{digest_of(checkpoint)} {ov.get_version()}".encode()).hexdigest()[:32]
    return cache_root() / "openvino" / (f"{key}-{kind}" if kind else key)


def digest_of(checkpoint: Checkpoint) -> str:
    """SHA-256 of the network and its weights, hexadecimal."""
    digest = hashlib.sha256()
    digest.update(json.dumps([checkpoint.architecture, checkpoint.configuration], sort_keys=True).encode())
    for name, array in sorted(checkpoint.arrays().items()):
        digest.update(name.encode())
        digest.update(array.data)
    return digest.hexdigest()


def _kept(core: ov.Core, model: Any, folder: Path) -> Any:
    """Write the model's two files aside, rename their folder, and read them: whoever comes first keeps his.

    Read back even when just made: a saved model rounds a little otherwise (4e-6 ab), and equal input shall give equal output.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".batchcolor-", dir=folder.parent) as parent:
        temporary = Path(parent) / folder.name
        temporary.mkdir()
        ov.save_model(model, temporary / _MODEL, compress_to_fp16=False)
        whole = core.read_model(temporary / _MODEL)
        with contextlib.suppress(OSError):  # another process was quicker, and its files are the same
            temporary.rename(folder)
    return whole
