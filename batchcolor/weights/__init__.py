"""Weights: the catalogue, finding them on this machine, and fetching them.

Only `batchcolor.weights.fetch` uses the network, and only when called; `find_weights` and `open_checkpoint` never do.
"""

from __future__ import annotations

from .catalogue import CATALOGUE, KnownWeights, Mirror
from .store import InstalledWeights, Verification, find_weights, list_weights, open_checkpoint, verify

__all__ = [
    "CATALOGUE",
    "InstalledWeights",
    "KnownWeights",
    "Mirror",
    "Verification",
    "find_weights",
    "list_weights",
    "open_checkpoint",
    "verify",
]
