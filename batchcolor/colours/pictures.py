"""Pictures that files of chosen colours name: references and masks, read, brought to size and laid over the picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import UsageError
from ..runtime.libvips import pyvips

_ASPECT_APART = 0.15  # of the two pictures' aspects: what trimming a border changes
_ALIGNED_SIDE = 192  # pixels; a shift of a fifth of one there is a hair's breadth
_ALIGNED_LEAST = 0.6  # correlation of lightness after aligning under which it is another picture
_FLAT = 1.5  # L units of contrast under which nothing can be told from lightness


class Layer(NamedTuple):
    """Colours laid over a picture: ab float32 `(2, h, w)`, and how far they count, float32 `(h, w)`, 0..1."""

    ab: np.ndarray
    weight: np.ndarray


def read_reference(path: Path, L: np.ndarray) -> Layer:
    """The reference at `path` for a picture of lightness L, float32 `(h, w)`, 0..100, at L's size and aligned with it.

    Raises `UsageError` for a file that cannot be read, and for a picture that does not match.
    """
    height, width = L.shape
    lab, weight = _read_lab(path, height, width)
    aligned = _aligned(lab[0], L)
    if aligned is None:
        raise UsageError(
            f"{path}: does not show the same picture (its lightness does not match); give a coloured copy of this very picture"
        )
    if not np.array_equal(aligned, np.eye(2, 3, dtype=np.float32)):
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        planes = [
            cv2.warpAffine(plane, aligned, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE) for plane in lab[1:]
        ]
        weight = cv2.warpAffine(weight, aligned, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT)
        return Layer(np.stack(planes), weight)
    return Layer(lab[1:], weight)


def read_mask(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A mask at `shape` = (h, w): float32, 0..1. Raises `UsageError`."""
    image = _open(path)
    try:
        if image.hasalpha():
            image = image.flatten(background=[0])
        if image.bands > 1:
            image = image.colourspace("b-w")
        planes = _at_size(image.cast("float"), *shape)
    except pyvips.Error as exc:
        raise _unreadable(path, exc) from exc
    most = 65535.0 if image.format == "ushort" else 255.0
    return np.ascontiguousarray(np.clip(planes.reshape(shape) / most, 0, 1), np.float32)


def check_picture(path: Path) -> None:
    """Raises `UsageError` where the picture cannot be decoded."""
    try:
        _open(path).avg()
    except pyvips.Error as exc:
        raise _unreadable(path, exc) from exc


def _open(path: Path) -> pyvips.Image:
    try:
        return pyvips.Image.new_from_file(str(path), fail_on="error").autorot()
    except (pyvips.Error, UnicodeEncodeError) as exc:
        raise _unreadable(path, exc) from exc


def _unreadable(path: Path, exc: Exception) -> UsageError:
    reason = str(exc).strip().splitlines() or ["unknown"]
    return UsageError(f"{path}: cannot be read as a picture ({reason[-1].strip()}); give a PNG, TIFF or JPEG")


def _read_lab(path: Path, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """CIELAB `(3, h, w)` and weight `(h, w)` at this size. Colours under transparent parts do not bleed into opaque ones."""
    image = _open(path)
    aspect = (image.width / image.height) / (width / height)
    if not 1 - _ASPECT_APART < aspect < 1 + _ASPECT_APART:
        raise UsageError(
            f"{path}: is {image.width} x {image.height} pixels, another shape than the picture's; crop or turn it to match"
        )
    try:
        alpha = (
            image[image.bands - 1].cast("float") / (65535.0 if image.format == "ushort" else 255.0)
            if image.hasalpha()
            else None
        )
        colours = image.extract_band(0, n=image.bands - 1) if alpha is not None else image
        lab = colours.colourspace("lab").cast("float")
        if alpha is not None:
            lab = (lab * alpha).bandjoin(alpha)
        made = _at_size(lab, height, width)
    except pyvips.Error as exc:
        raise _unreadable(path, exc) from exc
    planes = np.ascontiguousarray(made.transpose(2, 0, 1), np.float32)
    if alpha is None:
        return planes, np.ones((height, width), np.float32)
    weight = np.clip(planes[3], 0, 1)
    return planes[:3] / np.maximum(weight, 1e-3), weight


def _at_size(image: pyvips.Image, height: int, width: int) -> np.ndarray:
    """Samples float32 `(height, width, bands)`: shrunk while it is decoded, so that a scan of any size will do."""
    made = image.resize(width / image.width, vscale=height / image.height, kernel="linear").numpy()
    made = made.reshape(made.shape[0], made.shape[1], -1)
    if made.shape[:2] != (height, width):  # of rounding
        made = cv2.resize(made, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return made


def _aligned(reference: np.ndarray, L: np.ndarray) -> np.ndarray | None:
    """The affine map `(2, 3)` from the picture's pixels to the reference's; None where they do not show the same.

    ECC: Evangelidis and Psarakis 2008, doi 10.1109/TPAMI.2008.113, on whitened lightness, which neither toning nor exposure changes.
    """
    height, width = L.shape
    scale = min(1.0, _ALIGNED_SIDE / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    here, there = (
        cv2.GaussianBlur(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0) for plane in (L, reference)
    )
    identity = np.eye(2, 3, dtype=np.float32)
    if min(here.std(), there.std()) < _FLAT:
        return identity  # a flat picture matches everything, and nothing speaks against it
    before = _correlation(here, there)
    warp = identity.copy()
    try:
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
        after, warp = cv2.findTransformECC(here, there, warp, cv2.MOTION_AFFINE, criteria, None, 1)
    except cv2.error:
        after = before
    if max(before, after) < _ALIGNED_LEAST:
        return None
    if after < before + 0.005 or not _is_slight(warp, size):
        return identity if before >= _ALIGNED_LEAST else None
    across, down = width / size[0], height / size[1]
    warp[0, 1] *= across / down
    warp[1, 0] *= down / across
    warp[:, 2] *= (across, down)
    return np.asarray(warp, np.float32)


def _is_slight(warp: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether a map moves no corner by more than an eighth of the picture."""
    corners = np.array([[x, y, 1] for x in (0, size[0]) for y in (0, size[1])], np.float32)
    return bool((np.abs(corners @ warp.T - corners[:, :2]) <= np.array(size) / 8).all())


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-6))
