"""Films made by the ffmpeg executable, and what it and ffprobe say of them: the judges of times and counts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="the ffmpeg and ffprobe executables judge here"
)
# A gray picture that moves, with an edge; hue=s=0 takes its colours away.
_PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds},hue=s=0"


def _run(*command: object) -> str:
    ran = subprocess.run([str(each) for each in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def make(
    path: Path,
    codec: Sequence[object],
    *,
    sound: Sequence[object] | None = None,
    size: str = "64x48",
    rate: object = 25,
    seconds: float = 1.2,
    before: Sequence[object] = (),
) -> Path:
    """A film of `seconds`. codec, sound: options of the ffmpeg program for either; before: such as stand before the inputs."""
    inputs: list[object] = ["-f", "lavfi", "-i", _PICTURE.format(size=size, rate=rate, seconds=seconds)]
    if sound is not None:
        inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    options = [*codec, *(sound or ())]
    _run("ffmpeg", "-v", "error", "-y", *before, *inputs, "-pix_fmt", "yuv420p", "-strict", "-2", *options, f"file:{path}")
    return path


def decoded_frames(path: Path) -> int:
    """Frames that the ffmpeg program decodes."""
    said = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-i", f"file:{path}", "-map", "0:V:0", "-fps_mode", "passthrough", "-f", "null", "-",
         "-progress", "-"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    ).stdout  # fmt: skip
    return int([line for line in said.splitlines() if line.startswith("frame=")][-1].removeprefix("frame="))


def packet_times(path: Path, stream: str) -> list[float]:
    """Times of display of a stream's packets, seconds, in order; as ffprobe has them. stream: v:0, a:0, ..."""
    said = json.loads(
        _run("ffprobe", "-v", "quiet", "-select_streams", stream, "-show_entries", "packet=pts_time,size", "-of", "json",
             f"file:{path}")
    )  # fmt: skip
    return sorted(float(each["pts_time"]) for each in said["packets"] if "pts_time" in each and int(each["size"]))


def frame_times(path: Path, stream: str) -> list[float]:
    """Times of display of a stream's decoded frames, seconds, in order; as ffprobe has them."""
    said = _run("ffprobe", "-v", "quiet", "-select_streams", stream, "-show_entries", "frame=best_effort_timestamp_time",
                "-of", "csv=p=0", f"file:{path}")  # fmt: skip
    return sorted(float(line.strip(",")) for line in said.split() if line.strip(",") not in ("", "N/A"))


def first_frame_s(path: Path) -> float:
    """When the first frame is shown, seconds; as the ffmpeg program takes it."""
    said = _run("ffprobe", "-v", "quiet", "-select_streams", "V:0", "-read_intervals", "%+#12", "-show_entries",
                "frame=best_effort_timestamp_time", "-of", "csv=p=0", f"file:{path}")  # fmt: skip
    return min(float(line.strip(",")) for line in said.split() if line.strip(",") not in ("", "N/A"))
