from __future__ import annotations

import pytest

from .snapshot import Snapshots


@pytest.fixture
def snapshots(request: pytest.FixtureRequest) -> Snapshots:
    return Snapshots(update=bool(request.config.getoption("--snapshot-update")))
