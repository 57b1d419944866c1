"""Files that other programs read: the Dockerfile, the workflow, the citation. Docker itself is run by the workflow."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

import batchcolor
from batchcolor.cli import cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

Instruction = tuple[str, str]


def stages() -> dict[str, list[Instruction]]:
    """(name, arguments) of the Dockerfile's instructions, by stage; those of a stage that it is built from come first."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.M))
    found: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            base, _, stage = arguments.partition(" AS ")
            current = found[stage] = list(found.get(base, []))
        else:
            current.append((name, arguments.strip()))
    return found


def values(stage: str, name: str) -> list[str]:
    return [arguments for instruction, arguments in stages()[stage] if instruction == name]


def command(arguments: str) -> click.Command:
    """The command of batchcolor's that a JSON array names, its arguments parsed."""
    program, *words = json.loads(arguments.removeprefix("CMD "))
    assert program == "batchcolor"
    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group) and words:
        name, group_command, words = group.resolve_command(context, words)
        assert name is not None
        assert group_command is not None
        group = group_command
    group.make_context("batchcolor", list(words))
    return group


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_runs_without_root_and_can_tell_its_health(target: str) -> None:
    user = values(target, "USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # numbers, so that Kubernetes can check them (runAsNonRoot)
    assert f"--owner {user.partition(':')[0]} " in " ".join(values(target, "RUN"))
    (health,) = values(target, "HEALTHCHECK")
    assert command(health[health.index("CMD") :]).name == "verify"
    assert json.loads(values(target, "ENTRYPOINT")[-1]) == ["batchcolor"]
    assert list(stages())[-1] == "cpu"  # what `docker build .` makes


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_installs_the_wheel_with_extras_that_there_are(target: str) -> None:
    (install,) = [run for run in values(target, "RUN") if "/wheels/*.whl" in run]
    extras = re.findall(r"whl\)?\[(\w+)\]", install)
    assert extras == (["torch"] if target == "cuda" else [])
    assert set(extras) <= PROJECT["optional-dependencies"].keys()
    assert "--constraint /constraints.txt" in install


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = {source for arguments in values("wheel", "COPY") for source in shlex.split(arguments)[:-1]}
    mounted = set(re.findall(r"type=bind,source=([\w.]+)", (ROOT / "Dockerfile").read_text("utf-8")))
    assert copied | mounted <= allowed
    assert all((ROOT / name).exists() for name in allowed)
    needed = {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "batchcolor", "trainer"}
    assert needed <= copied


def test_the_workflow_runs_files_that_there_are() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML reads the workflow; it comes with Ray")
    workflow: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    jobs = workflow["jobs"]
    systems = set(jobs["test"]["strategy"]["matrix"]["os"])
    assert systems == {"ubuntu-latest", "windows-latest", "macos-latest"}
    for job in jobs.values():
        for step in job["steps"]:
            for path in re.findall(r"(?:tests|\.ci)/[\w./]+", step.get("run", "")):
                assert (ROOT / path).exists(), path
            for extra in re.findall(r"\.\[(\w+)\]", step.get("run", "")):
                assert extra in PROJECT["optional-dependencies"]


def test_the_citation_is_of_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {batchcolor.__version__}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation
