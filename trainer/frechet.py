"""The Fréchet distance between two sets of pictures (FID; Heusel et al. 2017, arXiv 1706.08500, eq. 6), with the features of VGG16.

Each picture is described by the last convolution of VGG16 (relu5_3, ImageNet weights, LPIPS's normalization of the input), averaged over
its area: 512 numbers. Two Gaussians are fitted to the two sets. The distance depends on the features and on how many pictures there are:
compare it only with distances by the same protocol on the same pictures, never with FIDs that papers compute with Inception.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .perceptual import lpips


def vgg16_features(rgb: np.ndarray) -> np.ndarray:
    """float64 `(512,)` of a picture, uint8 sRGB `(H, W, 3)`. Raises `ModelError` where VGG16's weights are not installed."""
    picture = torch.from_numpy(rgb.transpose(2, 0, 1).copy())[None].float() / 255
    with torch.inference_mode():
        last = lpips("vgg16").features(picture)[-1]
    return last.mean((2, 3))[0].double().numpy()


def frechet_distance(features: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Distance of the Gaussians fitted to two sets of feature vectors, each set of at least two.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)). With S = R^T R, as a QR decomposition of the centered features gives it, the trace of
    the root is the sum of the singular values of R1 R2^T: no root of a singular matrix has to be taken where there are fewer pictures
    than features.
    """
    (mean, root), (other_mean, other_root) = _gaussian(features), _gaussian(others)
    traces = np.square(root).sum() + np.square(other_root).sum()
    shared = np.linalg.svd(root @ other_root.T, compute_uv=False).sum()
    return float(np.square(mean - other_mean).sum() + max(0.0, traces - 2 * shared))


def _gaussian(features: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and R with R^T R the covariance."""
    matrix = np.stack(features)
    mean = matrix.mean(0)
    root: np.ndarray = np.linalg.qr((matrix - mean) / np.sqrt(len(matrix) - 1), mode="r")  # type: ignore[assignment]
    return mean, root
