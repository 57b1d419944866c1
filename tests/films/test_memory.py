"""Memory does not grow with the length of a film. Each film runs in a process of its own, to measure its peak alone."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import av
import pytest

from batchcolor.films import colorize_film
from batchcolor.films.chunks import job
from batchcolor.films.input.probe import probe
from batchcolor.films.input.side_data import frame_side_data, stream_side_data
from batchcolor.films.memory import film_bytes
from batchcolor.settings import FilmSettings, Settings
from benchmarks.memory import peak_mb as benchmark_peak_mb
from tests.films.made import Made, make_film
from tests.films.test_resume import decoded, shots
from tests.support import formula_colorizer

resource = pytest.importorskip("resource", reason="peaks of memory are asked of POSIX")

_SCRIPT = """
import resource, sys
from pathlib import Path
from batchcolor.films import colorize_film
from batchcolor.films.memory import film_bytes
from batchcolor.settings import FilmSettings, Settings
from tests.support import formula_colorizer
settings = Settings(film=FilmSettings(preset="ultrafast"))
result = colorize_film(Path(sys.argv[1]), Path(sys.argv[2]), settings, colorizer=formula_colorizer)
print(result.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(film: Path, target: Path) -> float:
    ran = subprocess.run([sys.executable, "-c", _SCRIPT, film, target], capture_output=True, text=True, check=True)
    frames, peak = map(int, ran.stdout.split())
    print(f"{frames} frames: {peak / 1024:.0f} MB")
    return peak / (1024 if sys.platform != "darwin" else 1024 * 1024)


@pytest.mark.slow
def test_twenty_minutes_take_as_much_memory_as_one(tmp_path: Path) -> None:
    def film(minutes: int) -> Path:
        made = Made(width=320, height=240, picture=shots, sound=True, pts=tuple(range(0, minutes * 60_000, 40)))
        return make_film(tmp_path / f"{minutes}.mkv", made)

    one, twenty = (peak_mb(film(minutes), tmp_path / "out.mkv") for minutes in (1, 20))
    assert twenty <= 1.1 * one


def test_large_pictures_are_decoded_twice_instead_of_waiting_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_film(tmp_path / "in.mkv", Made(picture=shots, pixel_format="yuv420p10le", pts=tuple(range(0, 40 * 80, 40))))
    settings = Settings(film=FilmSettings(codec="ffv1"))
    colorize_film(source, tmp_path / "held.mkv", settings, colorizer=formula_colorizer)
    monkeypatch.setattr(job, "is_large", lambda *_: True)
    colorize_film(source, tmp_path / "again.mkv", settings, colorizer=formula_colorizer)
    assert decoded(tmp_path / "held.mkv") == decoded(tmp_path / "again.mkv")


def test_a_picture_whose_side_data_was_read_is_freed_at_once(tmp_path: Path) -> None:
    """Without waiting for Python to look for circles, for which a film of large pictures gives it little cause."""

    def frames() -> int:
        return sum(type(each) is av.VideoFrame for each in gc.get_objects())

    source = make_film(tmp_path / "in.mkv", Made())
    gc.collect()
    gc.disable()
    try:
        before = frames()
        with av.open(str(source)) as container:
            for frame in container.decode(video=0):
                frame_side_data(frame)
                stream_side_data(frame)
        del frame
        assert frames() == before
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "pixel_format", "codec"),
    [((640, 480), "yuv420p", "h264"), ((1920, 1080), "yuv420p", "h264"), ((3840, 2160), "yuv420p10le", "prores")],
)
def test_no_worker_takes_more_memory_than_is_expected_of_it(
    tmp_path: Path, size: tuple[int, int], pixel_format: str, codec: str
) -> None:
    frames = range(0, 40 * (16 if codec == "prores" else 90), 40)
    made = Made(*size, pixel_format=pixel_format, picture=shots, pts=frames, encoder={"preset": "ultrafast", "bf": "2"})
    film = make_film(tmp_path / "in.mkv", made)
    peak = benchmark_peak_mb(film, tmp_path / "out.mov", "--codec", codec)
    expected = film_bytes(probe(film), FilmSettings(codec=codec)) / 1e6
    print(f"{size[0]}x{size[1]} as {codec}: {peak:.0f} MB of {expected:.0f}")
    assert 0.5 * expected < peak <= expected
