"""Optional dependencies (extras), such as PyTorch: whether they are installed, and the message if not."""

from __future__ import annotations

import importlib.util


def torch_installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def needs_torch(what: str) -> str:
    """The error message for missing PyTorch. what: the subject, such as "--engine torch"."""
    return f"{what} needs PyTorch, which is not installed; type: pip install 'batchcolor[torch]'"
