"""The one door to libvips, set up for runs of days and for strangers' files.

pyvips sends libvips' warnings to Python's logging. A warning that comes while another one is on its way there ends the whole process
(GLib calls that recursion and aborts), and damaged files warn a lot; so that handler is taken out and libvips is told to keep warnings to
itself. Errors are not touched: they are exceptions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("VIPS_WARNING", "0")  # read once, when libvips starts

import pyvips

if hasattr(pyvips, "_remove_log_handler"):
    pyvips._remove_log_handler()

# libvips keeps results of recent operations for reuse; a batch run never asks twice, so that would only be memory.
pyvips.cache_set_max(0)

# libvips chooses a reader by a file's first bytes, whatever its name, and has readers for its own data, for text and for pictures that
# refer to other files. A file with a photo's suffix must reach none of them.
_READERS = ("Jpeg", "Png", "Tiff", "Webp", "Heif", "Jp2k")
pyvips.operation_block_set("VipsForeignLoad", True)
for _reader in _READERS:
    pyvips.operation_block_set(f"VipsForeignLoad{_reader}", False)


def open_image(path: Path, *, page: int = 0, **options: Any) -> pyvips.Image:
    """The picture in the file `path`, decoded from top to bottom when it is asked for. options: of libvips' reader.

    A source, because in a name libvips would take brackets for options: `a.jpg[page=1]` is the name of a file. Raises `pyvips.Error`, and
    `UnicodeEncodeError` for a name that is not UTF-8.
    """
    paged = {"page": page} if page else {}  # only some readers know of pages
    return pyvips.Image.new_from_source(_source(path), "", access="sequential", **paged, **options)


def thumbnail(path: Path, width: int, height: int, *, page: int = 0, **options: Any) -> pyvips.Image:
    """A small copy of the picture in `path`, upright, JPEG and WebP decoded at a fraction of their size. Raises as `open_image`."""
    paged = {"option_string": f"page={page}"} if page else {}
    return pyvips.Image.thumbnail_source(_source(path), width, height=height, **paged, **options)


def _source(path: Path) -> Any:
    return pyvips.Source.new_from_file(str(path))


__all__ = ["open_image", "pyvips", "thumbnail"]
