"""libvips is given files alone, reads photos alone, and its warnings never reach Python, where two at once would end the process
(tests/cli/test_hostile.py makes hundreds)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from batchcolor.runtime.libvips import open_image, pyvips, thumbnail

SCRIPT = """
from batchcolor.runtime.libvips import pyvips
import os
print(pyvips._log_handler_id, os.environ["VIPS_WARNING"])
"""


def test_warnings_stay_inside() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "None 0\n"


NAMES = [
    "a.jpg[page=1]",
    "a.png[]",
    "b[1].jpg",
    "c[.png",
    "d].jpg",
    "e.tif[page=0]",
    "f'[\".png",
    "g.png[] ",
    "http:",
    "reel:1.jpg",
    "-",
]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_whatever_it_looks_like(tmp_path: Path, name: str) -> None:
    picture = pyvips.Image.new_from_array(np.zeros((20, 30), np.uint8)).copy(interpretation="b-w")
    (tmp_path / name).write_bytes(picture.pngsave_buffer())
    assert (open_image(tmp_path / name).width, thumbnail(tmp_path / name, 15, 10).width) == (30, 15)


@pytest.mark.parametrize("kind", ["svg", "csv", "v", "gif", "ppm"])
def test_only_photos_are_read_whatever_the_suffix_says(tmp_path: Path, kind: str) -> None:
    picture = tmp_path / "a.png"
    contents = {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
        "csv": b"1,2\n3,4\n",
        "v": b"\xb6\xa6\xf2\x08" + bytes(200),
        "gif": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        "ppm": b"P5 2 2 255\n1234",
    }
    picture.write_bytes(contents[kind])
    with pytest.raises(pyvips.Error, match="not in a known format"):
        open_image(picture)
