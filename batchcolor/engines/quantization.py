"""Generators in 8-bit integers: post-training quantization by NNCF (github.com/openvinotoolkit/nncf), calibrated on real lightness.

The embedded weights come with a quantized model, made by `python -m trainer quantize` from training photographs. Others are quantized
when `--precision int8` is first requested, from photographs that come with scikit-image (extra `int8`), and cached.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..color.conversion import rgb_to_lab
from ..errors import DeviceError, ModelError
from ..generators.checkpoint import Checkpoint
from ..runtime.openvino import ov
from ..weights.catalogue import CATALOGUE
from ..weights.store import place_of
from .openvino_conversion import cache_folder, cached, convert

log = logging.getLogger(__name__)

_OF_WEIGHTS = ["batchcolor", "weights"]  # where a quantized model names the weights it was made from
_CROPS, _SIDE = 96, 256
_DARKEST, _BRIGHTEST = 1.4, 0.7  # exponents: scans are darker and brighter than photographs of today


def calibration() -> Iterator[np.ndarray]:
    """Lightness planes float32 `(1, 1, 256, 256)`, 0..100: parts of the photographs that come with scikit-image, always the same."""
    from skimage import data  # of the extra int8

    rng = np.random.default_rng(0)
    pictures = (data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.stereo_motorcycle()[0])
    for n in range(_CROPS):
        picture = pictures[n % len(pictures)]
        height, width = picture.shape[:2]
        side = int(rng.integers(160, min(height, width)))
        y, x = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        part = cv2.resize(picture[y : y + side, x : x + side], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        L = rgb_to_lab(part[:, :: 1 - 2 * (n % 2)].transpose(2, 0, 1).astype(np.float32) / 255)[0]
        yield (100 * (L / 100) ** np.float32(rng.uniform(_BRIGHTEST, _DARKEST)))[None, None].astype(np.float32)


def is_ready(checkpoint: Checkpoint) -> bool:
    """Whether `quantized_model` only has to read a file."""
    return _embedded(checkpoint) is not None or (_folder(checkpoint) / "model.xml").is_file()


def quantized_model(core: ov.Core, checkpoint: Checkpoint) -> Any:
    """The checkpoint's generator as an `ov.Model` that computes in 8-bit integers, else as `convert`.

    Raises `DeviceError` where it has to be made first and NNCF is not installed, `ModelError` where it cannot be made.
    """
    embedded = _embedded(checkpoint)
    if embedded is not None:
        return core.read_model(embedded)
    return cached(core, _folder(checkpoint), lambda: quantize(core, checkpoint), checkpoint)


def quantize(core: ov.Core, checkpoint: Checkpoint, crops: Sequence[np.ndarray] | None = None) -> Any:
    """As `quantized_model`, made now: seconds for lite, minutes for siggraph17. crops: for calibration, as `calibration` yields them."""
    crops = crops or list(calibration())
    if importlib.util.find_spec("nncf") is None:
        raise DeviceError("int8 for these weights has to be made first, by NNCF; type: pip install 'batchcolor[int8]'")
    os.environ.setdefault("NNCF_CI", "1")  # its own way to be told not to report its use over the network
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    log.warning("quantizing %s to int8, once; this takes seconds to minutes", checkpoint.architecture)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # its progress bars; stdout belongs to results
            model = nncf.quantize(
                convert(core, checkpoint),
                nncf.Dataset(crops),
                preset=nncf.QuantizationPreset.MIXED,  # activations of both signs
                subset_size=len(crops),
            )
    except RuntimeError as exc:
        raise ModelError(f"this {checkpoint.architecture} cannot be quantized: {exc}; use --precision float32") from exc
    made = _with_equal_chroma(core, model, convert(core, checkpoint), crops)
    made.set_rt_info(checkpoint.digest, _OF_WEIGHTS)
    return made


def _with_equal_chroma(core: ov.Core, model: Any, original: Any, crops: Sequence[np.ndarray]) -> Any:
    """The model with its ab multiplied so that it is as colourful as the original: rounding takes a few per cent of chroma."""
    chroma = [_mean_chroma(core, each, crops) for each in (original, model)]
    gain = np.float32(chroma[0] / max(chroma[1], 1e-3))
    last = model.get_results()[0].input_value(0)
    return ov.Model([ov.opset13.multiply(last, ov.opset13.constant(gain))], model.get_parameters(), model.get_friendly_name())


def _mean_chroma(core: ov.Core, model: Any, crops: Sequence[np.ndarray]) -> float:
    request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.f32}).create_infer_request()
    answers = (np.asarray(next(iter(request.infer([L]).values()))) for L in crops)
    return float(np.mean([np.hypot(ab[:, 0], ab[:, 1]).mean() for ab in answers]))


def embedded_path(name: str) -> Path:
    """Where the quantized model of embedded weights lies; its values lie beside it, in a file that ends in .bin."""
    return place_of(CATALOGUE[name]).with_name(f"{name}-int8.xml")


def _folder(checkpoint: Checkpoint) -> Path:
    return cache_folder(checkpoint, "int8")


def _embedded(checkpoint: Checkpoint) -> Path | None:
    """The model in the package that was made from exactly these weights."""
    digest = checkpoint.digest
    for name, known in CATALOGUE.items():
        path = embedded_path(name) if known.embedded and known.architecture == checkpoint.architecture else None
        if path is not None and path.is_file() and digest in _tail(path):
            return path
    return None


def _tail(path: Path) -> str:
    """The end of a model's description, where its notes are."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        return file.read().decode("utf-8", "replace")
