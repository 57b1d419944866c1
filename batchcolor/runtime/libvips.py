"""libvips, configured for runs of days. Import `pyvips` from here only.

pyvips forwards libvips' warnings to Python's logging. A warning that arrives while another is being forwarded aborts the process (GLib
treats it as recursion), and damaged files cause many warnings. So the handler is removed and warnings are switched off. Errors are still
raised as exceptions.
"""

from __future__ import annotations

import os

os.environ.setdefault("VIPS_WARNING", "0")  # read once, when libvips starts

import pyvips

if hasattr(pyvips, "_remove_log_handler"):
    pyvips._remove_log_handler()

# libvips caches results of recent operations; a batch run never repeats one, so the cache would only use memory.
pyvips.cache_set_max(0)

__all__ = ["pyvips"]
