"""Generators as OpenVINO models: from the graph that a checkpoint carries, else converted by PyTorch once a user and cached."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..generators.checkpoint import Checkpoint
from ..runtime.cache_dir import cache_root
from ..runtime.extras import needs_torch, torch_installed
from ..runtime.openvino import ov
from .stored_graph import model_of

log = logging.getLogger(__name__)

_MODEL = "model.xml"
_GENERATOR = "__module.generator."  # what traced names of the generator's modules begin with
_BESIDE_THE_FLOW = ("Constant", "Convert", "FakeQuantize")


def convert(core: ov.Core, checkpoint: Checkpoint, *, hints: bool = False) -> Any:
    """The checkpoint's generator as an `ov.Model`: L float32 `(N, 1, H, W)` -> ab; sides in multiples of the generator's own.

    hints: whether ab and mask of hints are its second and third input.

    A checkpoint without a graph is converted by PyTorch and then read from the cache; a damaged entry is converted again. A cache that
    cannot be written only costs time. Raises `ModelError` where OpenVINO does not support the network, or PyTorch is missing.
    """
    if checkpoint.graph and not hints:
        return model_of(core, checkpoint)
    return cached(core, cache_folder(checkpoint, "hints" if hints else ""), lambda: _convert(checkpoint, hints), checkpoint)


def _convert(checkpoint: Checkpoint, hints: bool) -> Any:
    if not torch_installed():
        raise ModelError(needs_torch(f"converting these {checkpoint.architecture} weights, which carry no OpenVINO graph,"))
    from .torch_tracing import traced

    return traced(checkpoint.generator(), hints=hints)


def with_features(model: Any, taps: Sequence[str]) -> Any:
    """A copy of the model whose outputs are ab and, behind it, those of the generator's modules that `taps` names.

    Tracing, quantizing and storing keep torch's names: the last operation that bears a module's name gives the module's output.
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
    """The model that `make` returns, cached in `folder`."""
    core.set_property({"ENABLE_MMAP": False})  # Windows removes no file that is mapped
    if (folder / _MODEL).is_file():
        try:
            return core.read_model(folder / _MODEL)
        except RuntimeError:
            log.info("%s: damaged; converting again", folder)
            shutil.rmtree(folder, ignore_errors=True)
    try:
        model = make()
        try:
            return _saved(core, model, folder)
        except (OSError, RuntimeError) as exc:
            log.info("%s: cannot be written (%s); the next start converts again", folder, exc)
            with tempfile.TemporaryDirectory(prefix="batchcolor-") as elsewhere:
                return _saved(core, model, Path(elsewhere) / folder.name)
    except (OSError, RuntimeError) as exc:
        raise ModelError(f"OpenVINO does not support this {checkpoint.architecture}: {exc}; use --engine torch") from exc


def cache_folder(checkpoint: Checkpoint, kind: str = "") -> Path:
    return cache_root() / "openvino" / (f"{cache_key(checkpoint)}-{kind}" if kind else cache_key(checkpoint))


def cache_key(checkpoint: Checkpoint) -> str:
    """Differs for other weights, another network, and another OpenVINO."""
    return hashlib.sha256(f"{checkpoint.digest} {ov.get_version()}".encode()).hexdigest()[:32]


def _saved(core: ov.Core, model: Any, folder: Path) -> Any:
    """Write the model's two files to a temporary folder, rename it to `folder`, and read them; the first process to finish wins.

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
