"""Libraries do not change how this process is scheduled."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from batchcolor.runtime.scheduling import unchanged_scheduling

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="not Linux")


def policies() -> set[int]:
    return {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}


def test_what_changes_within_is_changed_back() -> None:
    before = os.sched_getscheduler(0)
    with unchanged_scheduling():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    assert os.sched_getscheduler(0) == before


def test_an_av1_encoder_makes_no_thread_a_real_time_one() -> None:
    """As root it would, without this."""
    context = av.CodecContext.create("libsvtav1", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.time_base = 64, 64, "yuv420p", Fraction(1, 25)
    with unchanged_scheduling():
        context.open()
    assert not policies() & {os.SCHED_FIFO, os.SCHED_RR}
