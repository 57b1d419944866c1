"""The packages and files that the wheel contains."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    found = sorted(
        str(path.parent.relative_to(ROOT)).replace("/", ".").replace("\\", ".")
        for path in (ROOT / "batchcolor").rglob("__init__.py")
    )
    assert sorted(listed) == sorted([*found, "batchcolor_train"])


def requirements() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {required.name: required for required in map(Requirement, project["dependencies"])}


@pytest.mark.parametrize(
    ("system", "machine", "openvino"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("linux", "riscv64", False),
        ("linux", "ppc64le", False),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("win32", "AMD64", True),
        ("win32", "ARM64", False),
        ("freebsd14", "amd64", False),
    ],
)
def test_every_platform_gets_one_of_the_two_engines(system: str, machine: str, openvino: bool) -> None:
    platform = {"sys_platform": system, "platform_machine": machine, "python_version": "3.12"}
    wanted = {name for name in ("openvino", "torch") if (marker := requirements()[name].marker) and marker.evaluate(platform)}
    assert wanted == ({"openvino"} if openvino else {"torch"})


def test_the_light_installation_stays_light() -> None:
    assert set(requirements()) & {"scikit-image", "scipy", "matplotlib", "pillow", "pandas", "ray", "nncf"} == set()
    weights = sum(path.stat().st_size for path in (ROOT / "batchcolor").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert weights < 45e6  # before compression
