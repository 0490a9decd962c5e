"""A service desk's promises on the pages: on the item, on Reliability, and down to the cycles behind a share."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.effort.derive import derive
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.service_levels import SlaCycle
from ktlo.records.work import Issue
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
ITEM = {"item_kind": "issue", "source": "jira:desk", "item_id": "SD-2"}


def ago(hours: float) -> dt.datetime:
    return NOW - dt.timedelta(hours=hours)


def issue(key: str) -> Issue:
    return Issue(
        source="jira:desk", external_id=key, repository="", service="checkout", title=f"Laptop {key}", body="",
        issue_type="Service Request", severity="High", labels=(), state="closed", closed_as="Done", author="grace",
        assignee="ada", created_at=ago(60), closed_at=ago(40), updated_at=ago(40), url="https://desk.example/SD",
        request_type="New <b>laptop</b>",
    )  # fmt: skip


def cycle(key: str, sla: str, *, missed: bool) -> SlaCycle:
    return SlaCycle(
        source="jira:desk", item_id=key, sla_id=sla.lower(), sla=sla, cycle=1, is_running=False, is_paused=False,
        is_breached=missed, started_at=ago(60), stopped_at=ago(40), breach_at=ago(52) if missed else ago(30),
        goal_seconds=8 * 3600, elapsed_seconds=20 * 3600, told_at=ago(40),
    )  # fmt: skip


@pytest.fixture(scope="module")
def visitor(tmp_path_factory, visiting):
    runtime = Runtime(Settings(), tmp_path_factory.mktemp("desk"))
    keys = [f"SD-{number}" for number in range(1, 5)]
    runtime.store.insert(TABLES["issues"], to_arrow([issue(key) for key in keys], Issue))
    cycles = [cycle(key, "Time to resolution", missed=key == "SD-2") for key in keys]
    cycles += [cycle(key, "Time to <i>respond</i>", missed=False) for key in keys[:2]]
    runtime.store.insert(TABLES["sla_cycles"], to_arrow(cycles, SlaCycle))
    derive(runtime.store, runtime.state, runtime.settings)
    yield visiting(make_app(runtime, Access()))
    runtime.close()


def test_reliability_shows_the_share_of_each_promise_and_leads_to_its_cycles(visitor):
    page = visitor.get("/reliability").text.replace("<wbr>", "")
    assert "Service levels met" in page
    assert "75% (30% to 95%)" in page
    assert "Time to &lt;i&gt;respond&lt;/i&gt;" in page
    assert "/rows/service_levels_met?sla=Time+to+resolution" in page
    rows = visitor.get("/rows/service_levels_met.json?sla=Time+to+resolution").json()
    assert [(one["external_id"], one["is_missed"]) for one in rows] == [
        ("SD-1", 0), ("SD-3", 0), ("SD-4", 0), ("SD-2", 1),
    ]  # fmt: skip
    rows_page = visitor.get("/rows/service_levels_met").text
    assert "<span>SLA</span>" in rows_page
    assert "All SLAs" in rows_page


def test_the_item_shows_what_was_asked_for_and_its_cycles(visitor):
    page = visitor.get("/item", params=ITEM, headers={"accept": "text/html"}).text
    assert "asked for: New &lt;b&gt;laptop&lt;/b&gt;" in page
    assert "Its service levels" in page
    assert "missed" in page
    said = visitor.get("/item.json", params=ITEM).json()
    assert said["request_type"] == "New <b>laptop</b>"
    assert [(one["sla"], one["is_missed"]) for one in said["sla_cycles"]] == [
        ("Time to <i>respond</i>", False),
        ("Time to resolution", True),
    ]


def test_the_metric_is_asked_by_promise(visitor):
    figures = visitor.get("/api/v1/metrics/service_levels_met", params={"by": "sla"}).json()["figures"]
    assert {
        one["group"]: (one["statistics"]["share"]["value"], one["statistics"]["share"]["n"])
        for one in figures
    } == {
        "Time to resolution": (0.75, 4),
        "Time to <i>respond</i>": (1.0, 2),
    }
