"""libvips, configured for runs of days and for files from strangers. Import `pyvips` from here only.

pyvips forwards libvips' warnings to Python's logging. A warning that arrives while another is being forwarded aborts the process (GLib
treats it as recursion), and damaged files cause many warnings. So the handler is removed and warnings are switched off. Errors are still
raised as exceptions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("VIPS_WARNING", "0")  # read once, when libvips starts

import pyvips

if hasattr(pyvips, "_remove_log_handler"):
    pyvips._remove_log_handler()

# libvips caches results of recent operations; a batch run never repeats one, so the cache would only use memory.
pyvips.cache_set_max(0)

# libvips chooses a reader by a file's first bytes, whatever its name, and has readers for programs' own data, for text and for pictures
# that refer to other files. A file with a photo's suffix must reach none of them.
READERS = (
    "Jpeg",
    "Png",
    "Tiff",
    "Webp",
    "Heif",
    "Jp2k",
)
pyvips.operation_block_set("VipsForeignLoad", True)
for _reader in READERS:
    pyvips.operation_block_set(f"VipsForeignLoad{_reader}", False)


def open_image(path: Path, *, page: int = 0, **options: Any) -> pyvips.Image:
    """The picture in the file `path`, decoded from top to bottom on demand. options: of libvips' reader.

    A source, because in a name libvips would take brackets for options: `a.jpg[page=1]` is the name of a file. Raises `pyvips.Error`, and
    `UnicodeEncodeError` for a name that is not UTF-8.
    """
    paged = {"page": page} if page else {}  # only some readers know of pages
    return pyvips.Image.new_from_source(_source(path), "", access="sequential", **paged, **options)


def thumbnail(path: Path, width: int, height: int, *, page: int = 0, **options: Any) -> pyvips.Image:
    """A small upright copy of the picture in `path`; JPEG and WebP are decoded at a fraction of their size. Raises as `open_image`."""
    paged = {"option_string": f"page={page}"} if page else {}
    return pyvips.Image.thumbnail_source(_source(path), width, height=height, **paged, **options)


def _source(path: Path) -> Any:
    return pyvips.Source.new_from_file(str(path))


__all__ = ["open_image", "pyvips", "thumbnail"]
