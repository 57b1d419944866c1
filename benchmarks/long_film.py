"""A film of ten minutes: one run of `batchcolor colorize`, its start included, against a plain transcode.

    python -m benchmarks.long_film [FILM]

The film is the given one (else the demo's at 640x480) again and again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import av

from .figures import Figures
from .films import SIZES, make, transcode
from .timing import one_run_each

_SECONDS = 600


def repeated(film: Path, target: Path) -> Path:
    """The film's packets again and again, until they last ten minutes."""
    with av.open(str(film)) as source, av.open(str(target), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        begins = 0
        while begins * stream.time_base < _SECONDS:
            source.seek(0)
            end = begins
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts, packet.dts, packet.stream = packet.pts + begins, packet.dts + begins, copy
                end = max(end, packet.pts + (packet.duration or 1))
                output.mux(packet)
            begins = end
    return target


def main(film: Path | None = None) -> Figures:
    """Ratios of wall and processor time, of one run each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size, times = next(iter(SIZES.items()))
        source = repeated(film or make(folder / "short.mp4", size, times), folder / "film.mkv")
        command = [sys.executable, "-m", "batchcolor", "colorize", str(source), "-o", str(folder / "out"), "--quiet"]
        plain = partial(transcode, source, folder / "plain.mp4")
        return {
            "seconds": _SECONDS,
            **one_run_each(f"{_SECONDS} s of film", plain, partial(subprocess.run, command, check=True)),
        }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
