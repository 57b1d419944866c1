"""The public API: the examples of docs/api.md run, and importing the package stays cheap."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips

import batchcolor
from tests.films.made import Made, make_film
from tests.support import gradient

PAGE = Path(__file__).parents[1] / "docs" / "api.md"


def test_every_public_name_exists_and_is_documented() -> None:
    page = PAGE.read_text("utf-8")
    for name in batchcolor.__all__:
        assert getattr(batchcolor, name).__name__ == name
        assert name in page, f"docs/api.md does not mention {name}"
    assert set(batchcolor.__all__) <= set(dir(batchcolor))
    with pytest.raises(AttributeError, match="no_such_name"):
        batchcolor.no_such_name  # noqa: B018


def test_importing_the_package_imports_no_library() -> None:
    code = "import sys; before = set(sys.modules); import batchcolor; print(sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in ast.literal_eval(ran.stdout)} <= {"batchcolor"} | sys.stdlib_module_names


def test_the_examples_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gray = pyvips.Image.new_from_array(gradient(60, 80)).copy(interpretation="b-w")
    gray.jpegsave("portrait.jpg")
    (tmp_path / "scans" / "family").mkdir(parents=True)
    for name in ("scans/a.jpg", "scans/family/b.png"):
        gray.write_to_file(name)
    make_film(tmp_path / "reel.mkv", Made())
    namespace: dict[str, object] = {"__name__": "example"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec", dont_inherit=True), namespace)
    for name in ("portrait-colour.png", "colour/a.jpg", "colour/family/b.png"):
        assert pyvips.Image.new_from_file(name).bands == 3
    assert namespace["film"].frames == len(Made().pts)  # type: ignore[attr-defined]


@pytest.mark.parametrize("shape", [(5,), (4, 4, 2), (4, 4, 4), (0, 4), (1, 2, 3, 3)])
def test_pixels_of_another_shape_are_refused_by_name(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        batchcolor.colorize_array(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 33), (8, 300), (60, 80, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_of_every_size_and_depth_keep_their_lightness(shape: tuple[int, ...], dtype: type) -> None:
    from batchcolor.color.conversion import rgb_to_lab

    peak = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, peak + 1, shape).astype(dtype)
    made = batchcolor.colorize_array(pixels)
    assert (made.shape, made.dtype) == ((*shape[:2], 3), dtype)

    def lightness(rgb: np.ndarray) -> np.ndarray:
        three = rgb if rgb.ndim == 3 else np.repeat(rgb[..., None], 3, 2)
        return rgb_to_lab(three.transpose(2, 0, 1).astype(np.float64) / peak)[0]

    assert float(np.abs(lightness(made) - lightness(pixels)).max()) < 1.0
