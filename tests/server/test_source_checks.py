"""What a source cannot read is known as long as it is so: looked at each day, kept, and told on the Sources page."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ktlo.server.app import make_app
from ktlo.server.checks import EVERY, Checks
from ktlo.server.collecting import Collecting
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.sources.protocol import Health, Missing, Status

SHALLOW = "git:acme/shallow"
READY = Health(Status.READY, "It can be read.")


@pytest.fixture
def runtime(tmp_path: Path, house_copy: Path) -> Iterator[Runtime]:
    """With a shallow clone, which cannot tell its history."""
    clone = tmp_path / "shallow"
    command = ["git", "clone", "-q", "--depth", "1", f"file://{house_copy / 'shop'}", str(clone)]
    subprocess.run(command, check=True)
    opened = Runtime(Settings(), tmp_path / "data")
    opened.add_source("git", {"path": str(clone), "name": "acme/shallow"})
    yield opened
    opened.close()


@pytest.fixture
def looked_at(runtime: Runtime) -> Runtime:
    """A server has read its sources once, and has ended."""
    collecting = Collecting(runtime)
    collecting.schedule(60)
    collecting.start()
    collecting.wait(60)
    collecting.close()
    return runtime


def test_a_server_looks_at_its_sources_by_itself_and_its_next_start_still_knows(
    looked_at: Runtime, visiting: Any
) -> None:
    visitor = visiting(make_app(looked_at, Access()))
    page = visitor.page("/sources")
    assert '<a href="#source-1">1 that cannot read everything</a>' in page
    assert "this is a shallow clone" in page
    (told,) = visitor.get("/api/v1/sources/completeness").json()
    assert told["checked"]["missing"][0]["what"] == "history: this is a shallow clone"


def test_when_nothing_is_missing_any_more_nothing_is_told_any_more(looked_at: Runtime, visiting: Any) -> None:
    Checks(looked_at.store).keep(SHALLOW, READY)
    page = visiting(make_app(looked_at, Access())).page("/sources")
    assert "cannot read everything" not in page


def test_a_command_that_reads_a_source_does_not_look_at_it_too(runtime: Runtime) -> None:
    collecting = Collecting(runtime)
    collecting.start()
    collecting.wait(60)
    assert collecting.checks.last(SHALLOW) is None


def test_a_source_is_looked_at_once_a_day(runtime: Runtime) -> None:
    checks = Checks(runtime.store)
    assert checks.is_due(SHALLOW, dt.datetime.now(dt.UTC))
    at = checks.keep(SHALLOW, READY).at
    assert [
        checks.is_due(SHALLOW, at + later)
        for later in (dt.timedelta(), EVERY / 2, EVERY, -dt.timedelta(hours=1))
    ] == [False, False, True, True]


def test_a_check_is_the_same_for_the_next_process(runtime: Runtime) -> None:
    missing = (Missing("releases (403)", "no releases", "Renew the token"), Missing("“x” 🙂", "", ""))
    health = Health(Status.LIMITED, "Most can be read.", missing)
    kept = Checks(runtime.store).keep(SHALLOW, health)
    assert Checks(runtime.store).last(SHALLOW) == kept
    assert kept.health == health
