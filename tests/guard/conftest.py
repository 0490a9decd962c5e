"""A small repository, small databases of real shape, and a service that answers as OSV's API does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from drawn import draw
from shop import OsvService, lock, put, record


@pytest.fixture
def mirror(tmp_path):
    """A folder of records: one that matches `left`, one for something nobody uses."""
    folder = tmp_path / "advisories"
    folder.mkdir()
    high = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]
    put(folder, record("GHSA-left", "left", aliases=["CVE-2026-1"], severity=high))
    put(folder, record("GHSA-other", "other", aliases=["CVE-2026-2"]))
    return folder


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "shop"
    lock(folder, left="2.0.0", right="1.0.0")
    return folder


@pytest.fixture
def osv_service():
    service = OsvService()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def secret() -> Callable[..., str]:
    """Draws a GitHub token; another one for another number."""
    return lambda number=0: draw("ghp_<aA0:30>{crc}", number)
