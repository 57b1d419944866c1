"""What every test needs: an environment of its own, so that no test sees the user's settings, cache or proxies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples everywhere and every time, and no judgement on how long they take: a busy machine is not a bug.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--snapshot-update", action="store_true", help="Write the snapshots of tests/snapshots anew.")


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No BATCHCOLOR_* or proxy variable from outside; the cache is a fresh folder, returned."""
    for name in list(os.environ):
        if name.startswith("BATCHCOLOR_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    cache = tmp_path_factory.mktemp("cache") / "batchcolor"
    monkeypatch.setenv("BATCHCOLOR_CACHE", str(cache))
    return cache
