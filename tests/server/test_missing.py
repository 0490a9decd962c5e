"""Items that a tracker no longer shows: from its answers to the metric, the Sources page, and one click; and back."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ktlo.effort.derive import derive
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import MissingItem
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.sources.collector import collect
from ktlo.sources.redmine.source import RedmineSource

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

from test_a_right_that_was_lost import Redmine

OPTIONS = {"url": "https://redmine.example.org", "since": "2026-08-01"}
SOURCE = "redmine:redmine.example.org"
SINCE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


class House:
    """A ktlo that reads a tracker of twenty open bugs, before pages and command line."""

    def __init__(self, folder: Path) -> None:
        self.runtime = Runtime(Settings(), folder)
        self.runtime.add_source("redmine", OPTIONS)
        self.tracker = Redmine()

    def read(self) -> None:
        """A day later."""
        self.tracker.now += dt.timedelta(hours=25)
        source = RedmineSource(
            RedmineSource.config(**OPTIONS), None, httpx.MockTransport(self.tracker.answer)
        )
        outcome = asyncio.run(
            collect(source, self.runtime.store, self.runtime.state, now=lambda: self.tracker.now)
        )
        assert outcome.status == "complete", outcome.message
        derive(self.runtime.store, self.runtime.state, self.runtime.settings)

    def hide(self, *numbers: int) -> dict[int, Any]:
        return {number: self.tracker.items.pop(number) for number in numbers}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    made.read()
    yield made
    made.runtime.close()


@pytest.fixture
def visitor(house: House, visiting: Any) -> Iterator[Any]:
    app = make_app(house.runtime, Access())
    yield visiting(app)
    app.state.collecting.close()


def open_bugs(visitor: Any) -> int:
    """How many bugs the metric counts as open."""
    answer = visitor.get("/api/v1/metrics/bug_age").json()
    return int(answer["figures"][0]["statistics"]["open"]["value"])


def hidden(visitor: Any) -> list[dict[str, Any]]:
    (found,) = visitor.get("/api/v1/sources/completeness", params={"source": SOURCE}).json()
    return list(found["hidden"])


def test_what_is_hidden_counts_as_last_seen_until_a_click_says_that_it_was_deleted_and_comes_back(
    house: House, visitor: Any
) -> None:
    assert open_bugs(visitor) == 20
    assert "not shown to ktlo any more" not in visitor.page("/sources")
    away = house.hide(*range(1, 16))
    house.read()
    assert open_bugs(visitor) == 20
    (group,) = hidden(visitor)
    assert (group["items"], group["project"]) == ({"issues": 15}, "shop")
    page = visitor.page("/sources")
    assert "15 issues of shop are not shown to ktlo any more" in page
    assert "1 with items that are not shown any more" in page
    which = visitor.page(f"/sources/missing?source={SOURCE}")
    assert "15 items may be hidden from ktlo" in which
    assert which.count("as it was last seen") == 15
    rows = visitor.get(f"/sources/missing.json?source={SOURCE}").json()
    assert {row["external_id"] for row in rows} == {str(number) for number in range(1, 16)}
    assert rows == visitor.get(f"/api/v1/sources/missing?source={SOURCE}").json()

    answer = visitor.post("/sources/deleted", data={"source": SOURCE, "project": "shop"})
    assert answer.headers["location"] == "/sources?done=deleted"
    assert open_bugs(visitor) == 5
    assert hidden(visitor) == []
    assert "no: it is taken for gone" in visitor.page(f"/sources/missing?source={SOURCE}")
    house.read()
    assert open_bugs(visitor) == 5

    house.tracker.items |= away
    house.read()
    assert open_bugs(visitor) == 20
    assert "Everything that was asked for is there" in visitor.page(f"/sources/missing?source={SOURCE}")


def test_what_is_not_hidden_cannot_be_said_to_be_deleted(house: House, visitor: Any) -> None:
    for params, words in (
        ({"source": SOURCE}, f"nothing of {SOURCE} is hidden"),
        ({"source": SOURCE, "project": "shop"}, f"nothing of shop of {SOURCE} is hidden"),
        ({"source": "redmine:elsewhere"}, "redmine:elsewhere"),
    ):
        answer = visitor.post("/api/v1/sources/deleted", params=params)
        assert answer.status_code >= 400
        assert words in answer.text
    assert visitor.get("/api/v1/sources/missing?source=redmine:elsewhere").status_code == 404


def test_the_command_line_says_and_does_the_same(house: House, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from ktlo.cli.main import commands

    house.hide(*range(1, 16))
    house.read()
    house.runtime.close()
    runner, data = CliRunner(), ["--data", str(tmp_path / "data")]
    said = runner.invoke(commands(), ["sources", "completeness", SOURCE, *data])
    assert f"ktlo sources deleted {SOURCE} shop" in said.output
    listed = runner.invoke(commands(), ["sources", "missing", SOURCE, "--json", *data])
    assert len(json.loads(listed.stdout)) == 15
    done = runner.invoke(commands(), ["sources", "deleted", SOURCE, "shop", *data])
    assert "15 items taken for deleted" in done.output
    again = runner.invoke(commands(), ["sources", "deleted", SOURCE, *data])
    assert again.exit_code == 1
    assert "is hidden" in str(again.exception)


def test_the_command_that_is_advised_for_items_without_a_project_takes_no_other_projects_along(
    house: House, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from ktlo.cli.main import commands

    notes = [
        MissingItem(
            source=SOURCE, noun="issues", external_id=name, project=project, since=SINCE, is_gone=False
        )
        for name, project in (("1", ""), ("2", ""), ("3", "shop"))
    ]
    house.runtime.store.insert(TABLES["missing_items"], to_arrow(notes, MissingItem))
    house.runtime.close()
    runner, data = CliRunner(), ["--data", str(tmp_path / "data")]
    said = runner.invoke(commands(), ["sources", "completeness", SOURCE, *data]).output
    advised = re.findall(r"if they were deleted: ktlo (.*)", said)
    assert len(advised) == 2
    done = runner.invoke(commands(), [*shlex.split(advised[0]), *data])
    assert "2 items taken for deleted" in done.output
    left = runner.invoke(commands(), ["sources", "completeness", SOURCE, *data]).output
    assert re.findall(r"if they were deleted: ktlo (.*)", left) == advised[1:]
