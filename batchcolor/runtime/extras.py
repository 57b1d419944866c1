"""What belongs to extras of the package, such as PyTorch: whether it is installed, and the sentence for when it is not."""

from __future__ import annotations

import importlib.util


def torch_installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def needs_torch(what: str) -> str:
    """The sentence of an error where PyTorch is missing. what: the subject, such as "--engine torch"."""
    return f"{what} needs PyTorch, which is not installed; type: pip install 'batchcolor[torch]'"
