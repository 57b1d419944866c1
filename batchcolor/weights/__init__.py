"""Weights: the catalogue of known ones, their places, and fetching.

`find_weights` and `open_checkpoint` never use the network; only `batchcolor.weights.fetch` does, on request.
"""

from __future__ import annotations

from .catalogue import CATALOGUE, KnownWeights, Mirror
from .store import Holding, Verification, find_weights, list_weights, open_checkpoint, verify

__all__ = [
    "CATALOGUE",
    "Holding",
    "KnownWeights",
    "Mirror",
    "Verification",
    "find_weights",
    "list_weights",
    "open_checkpoint",
    "verify",
]
