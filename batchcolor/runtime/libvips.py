"""The one door to libvips, set up for runs of days.

pyvips sends libvips' warnings to Python's logging. A warning that comes while another one is on its way there ends the whole process
(GLib calls that recursion and aborts), and damaged files warn a lot; so that handler is taken out and libvips is told to keep warnings to
itself. Errors are not touched: they are exceptions.
"""

from __future__ import annotations

import os

os.environ.setdefault("VIPS_WARNING", "0")  # read once, when libvips starts

import pyvips

if hasattr(pyvips, "_remove_log_handler"):
    pyvips._remove_log_handler()

# libvips keeps results of recent operations for reuse; a batch run never asks twice, so that would only be memory.
pyvips.cache_set_max(0)

__all__ = ["pyvips"]
