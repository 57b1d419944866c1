"""What stands for an item in addresses of pages: the name of its result below the output tree, as base64url (RFC 4648)."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from .manifest_versions import relative_key


def item_id(target: Path, output: Path) -> str:
    """The id of the item of `output` whose result is `target`."""
    return id_of_key(relative_key(os.path.abspath(target), os.path.abspath(output)))  # noqa: PTH100 - as the manifest has it


def id_of_key(key: bytes) -> str:
    """key: as the manifest has it."""
    return base64.urlsafe_b64encode(key).decode("ascii").rstrip("=")


def key_of_id(id_: str) -> bytes:
    """The manifest's key. Raises `ValueError` for what is no id."""
    try:
        return base64.b64decode(id_.encode("ascii") + b"=" * (-len(id_) % 4), altchars=b"-_", validate=True)
    except binascii.Error as exc:
        raise ValueError(str(exc)) from exc
