"""A ktlo that takes webhooks of one Alertmanager."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def runtime(tmp_path, monkeypatch) -> Iterator[Runtime]:
    monkeypatch.setenv("AM_SECRET", "open-sesame")
    opened = Runtime(Settings(), tmp_path / "data")
    opened.add_source("alertmanager", {"name": "prod", "webhook_secret": "env:AM_SECRET"})
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime, visiting):
    return visiting(make_app(runtime, Access()))
