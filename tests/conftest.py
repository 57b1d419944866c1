"""Fixtures of every test: an environment without the user's settings, cache and proxies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from tests.watching.runs import HOOKS, noted_addresses
from tests.watching.sitecustomize import NOTES
from tools.webdriver import Browser, driver, session

# The same examples everywhere and every time, and no judgement on how long they take: a busy machine is not a bug.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--snapshot-update", action="store_true", help="Write the snapshots of tests/snapshots anew.")


# Where the programs under test may speak: servers that a test itself starts on this machine, and Ray, which has a network of its own.
_MAY_USE_LOOPBACK = (
    "tests/cli/test_models.py",
    "tests/report/test_browser.py",
    "tests/review/",
    "tests/weights/",
    "tests/examples/",
    "tests/trainer/",
)
_MAY_USE_ANYTHING = re.compile("ray", re.IGNORECASE)
_LOOPBACK = re.compile(r"127\.|::1$|localhost$|None$|$")


@pytest.fixture(autouse=True)
def no_unexpected_connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Fails a test during which this process, or a Python process that it started, spoke to the network or looked up a name."""
    notes = tmp_path_factory.mktemp("notes") / "notes"
    monkeypatch.setenv(NOTES, str(notes))
    monkeypatch.setenv("PYTHONPATH", str(HOOKS), prepend=os.pathsep)
    yield
    if _MAY_USE_ANYTHING.search(request.node.nodeid):
        return
    found = noted_addresses(notes)
    if request.node.nodeid.startswith(_MAY_USE_LOOPBACK):
        found = {host for host in found if not _LOOPBACK.match(host)}
    assert not found, f"the network was used: {', '.join(sorted(found))}"


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of a run of tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def clean_environment(shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No BATCHCOLOR_* or proxy variable from outside; the cache is one for all tests, so that each table and network is made once."""
    for name in list(os.environ):
        if name.startswith("BATCHCOLOR_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BATCHCOLOR_CACHE", str(shared_folder / "cache"))


@pytest.fixture
def empty_cache(clean_environment: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this test alone, which does not exist yet."""
    cache = tmp_path_factory.mktemp("cache") / "batchcolor"
    monkeypatch.setenv("BATCHCOLOR_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def weights(shared_folder: Path) -> Path:
    """A small lite with random weights whose colours can be seen: a real checkpoint, with its graph, that runs anywhere at once."""
    path = shared_folder / "small.safetensors"
    with FileLock(shared_folder / "small.lock"):
        if not path.exists():
            _save_small_weights(path)
    return path


def _save_small_weights(path: Path) -> None:
    import torch

    from batchcolor.engines.stored_graph import with_graph
    from batchcolor.generators import build
    from batchcolor.generators.checkpoint import Checkpoint, save

    torch.manual_seed(0)
    configuration = {"encoder": "lite0", "widths": [32, 24, 16, 16]}
    generator = build("lite", configuration)
    torch.nn.init.normal_(generator.head[-1].weight, std=0.1)
    save(with_graph(Checkpoint("lite", configuration, generator.state_dict(), {"network_size": 64})), path)


@pytest.fixture(scope="session")
def chromedriver() -> Iterator[httpx.Client]:
    with driver() as client:
        yield client


@pytest.fixture
def browser(chromedriver: httpx.Client) -> Iterator[Browser]:
    """Headless Chromium with an empty profile."""
    with session(chromedriver) as opened:
        yield opened
