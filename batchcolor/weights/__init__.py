"""Weights: which are known, where they lie, and how they are fetched.

`find_weights` and `open_checkpoint` never touch the network; `batchcolor.weights.fetch` alone does, and only when asked.
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
