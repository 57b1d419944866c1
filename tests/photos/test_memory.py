"""Memory does not grow with the size or number of pictures; measured in separate processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips

from tests.support import gradient

SCRIPT = """
import json, resource, sys
from pathlib import Path
from batchcolor.photos import PhotoResult, colorize_photos
from batchcolor.settings import PhotoSettings
from tests.support import formula_colorizer

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)

source, out, count, mark = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
colorizer, peaks = formula_colorizer(), []
start = peak_mb()
for n in range(count):
    pair = [(source, out / f"{n % 20}{source.suffix}")]
    assert list(colorize_photos(pair, colorizer, PhotoSettings())) == [PhotoResult()]
    if n + 1 in (mark, count):
        peaks.append(peak_mb())
print(json.dumps({"start": start, "peaks": peaks}))
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the resource module counts memory on POSIX systems only")


def peaks(source: Path, out: Path, count: int, mark: int) -> dict[str, list[float]]:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(source), str(out), str(count), str(mark)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    result: dict[str, list[float]] = json.loads(ran.stdout)
    return result


@pytest.mark.slow
def test_ten_thousand_photos_need_no_more_memory_than_two_hundred(tmp_path: Path) -> None:
    pyvips.Image.new_from_array(gradient(300, 400)).copy(interpretation="b-w").jpegsave(str(tmp_path / "in.jpg"))
    measured = peaks(tmp_path / "in.jpg", tmp_path / "out", 10_000, 200)["peaks"]
    print(f"peak resident memory after 200 and 10,000 photos: {measured[0]:.0f} and {measured[1]:.0f} MB")
    assert measured[1] - measured[0] < 20  # MB


@pytest.mark.slow
@pytest.mark.parametrize("megapixels", [100, 200])
def test_a_large_photo_of_sixteen_bits_passes_in_strips(tmp_path: Path, megapixels: int) -> None:
    row = (np.linspace(0, 65535, 12500).astype(np.uint16))[None]
    image = pyvips.Image.new_from_array(np.ascontiguousarray(row)).copy(interpretation="grey16")
    image.replicate(1, megapixels * 80).tiffsave(str(tmp_path / "large.tif"))
    measured = peaks(tmp_path / "large.tif", tmp_path / "out", 1, 1)
    peak, start = measured["peaks"][0], measured["start"]
    print(f"{megapixels} megapixels: peak resident memory {peak:.0f} MB, {peak - start:.0f} MB more than at the start")
    assert peak - start < 500
    assert peak < 1000
