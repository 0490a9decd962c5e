"""Opsgenie's own incidents where a right, a plan, or the form of an answer is missing."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from opsgenie_incidents import Incidents
from pydantic import ValidationError
from test_opsgenie import after, source

from ktlo.errors import UserError
from ktlo.sources.opsgenie import OpsgenieSource
from ktlo.sources.opsgenie.source import OpsgenieConfig
from ktlo.sources.protocol import Status
from ktlo.sources.rest import connection


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")


def made(account: Incidents, **options: Any) -> OpsgenieSource:
    return source(account, **{"incidents": "incidents", **options})


def test_without_a_timeline_the_end_is_that_of_the_impact_and_one_that_nothing_tells_is_not_made_up() -> None:
    account, seen = Incidents(), Seen()
    account.refused["/v2/incident-timelines"] = 403
    assert run(made(account), seen) is None
    assert (seen.item("I2")["resolved_at"], seen.item("I2")["acknowledged_at"]) == (after(33), None)
    assert (seen.item("I5")["state"], seen.item("I5")["resolved_at"]) == ("resolved", None)
    assert sum("the end is that of its impact" in reason for reason in seen.rejected) == 1
    assert sum("tells when it was resolved" in reason for reason in seen.rejected) == 1
    health = asyncio.run(made(account).check())
    assert health.status is Status.LIMITED
    assert [one.what.partition(" (")[0] for one in health.missing] == ["timelines of incidents"]


@pytest.mark.parametrize("status", [402, 403, 404])
@pytest.mark.parametrize(
    ("path", "loses"),
    [
        ("/v1/services", "services"),
        ("/v2/teams", "teams"),
        ("/v2/users", "mails"),
        ("/v2/schedules", "on call"),
    ],
)
def test_a_list_that_may_not_be_read_costs_itself_only(path: str, loses: str, status: int) -> None:
    account, seen = Incidents(), Seen()
    account.refused[path] = status
    assert run(made(account), seen) is None
    assert len(seen.shown("incidents")) == 10
    assert any(loses in reason and str(status) in reason for reason in seen.rejected)
    health = asyncio.run(made(account).check())
    assert health.status is Status.LIMITED
    assert any(path.split("/")[2] in one.what and one.cost and one.fix for one in health.missing)
    found = seen.item("I2")
    assert found["service"] == ("s-2" if path == "/v1/services" else "search")
    assert found["team"] == ("" if path == "/v2/teams" else "Payments")
    assert found["responders"][0] == ("Ada Lovelace" if path == "/v2/users" else "ada@example.org")


@pytest.mark.parametrize("status", [402, 403, 404])
def test_a_plan_without_incidents_is_said_and_schedules_are_read_all_the_same(status: int) -> None:
    account, seen = Incidents(), Seen()
    account.refused |= {"/v1/": status}
    assert run(made(account), seen) is None
    assert seen.shown("incidents") == []
    assert any(str(status) in reason and "a plan that has incidents" in reason for reason in seen.rejected)
    assert account.timelines.asked
    health = asyncio.run(made(account).check())
    assert health.status is Status.LIMITED
    assert [one.what.partition(" (")[0] for one in health.missing] == ["incidents", "/v1/services"]
    assert "incidents: alerts" in health.missing[0].fix


def test_a_whole_account_is_ready() -> None:
    health = asyncio.run(made(Incidents()).check())
    assert (health.status, health.missing) == (Status.READY, ())


def test_an_account_without_incidents_has_nothing_to_tell() -> None:
    account, seen = Incidents(), Seen()
    account.incidents, account.services = [], []
    assert run(made(account), seen) is None
    assert (seen.rows, seen.rejected) == ({}, [])


def test_a_list_in_another_order_than_was_asked_for_is_told() -> None:
    account, seen = Incidents(), Seen()
    sorting = account.listed

    def unsorted(query: dict[str, str]) -> tuple[dict[str, Any], int]:
        return sorting({**query, "order": "asc"} if query["sort"] == "updatedAt" else query)

    account.listed = unsorted  # type: ignore[method-assign]
    assert run(made(account), seen) is None
    assert len(seen.shown("incidents")) == 10
    assert any("did not sort incidents by their last change" in reason for reason in seen.rejected)


def test_an_odd_form_costs_itself_only() -> None:
    account, seen = Incidents(), Seen()
    account.incidents[0]["createdAt"] = "soon"
    account.incidents[2]["status"] = "vanished"
    account.incidents[3]["updatedAt"] = "0001-01-01T00:00:00Z"
    account.incidents[5]["impactEndDate"] = "2026-09-01T12:00:00"
    account.history["I4"][0]["eventTime"] = "12026-09-01T12:00:00Z"
    account.services[0]["name"] = 7
    assert run(made(account), seen) is None
    assert {row["external_id"] for row in seen.shown("incidents")} == {"I1", "I4", "I6", "I7", "I8", "I9"}
    assert seen.item("I1")["service"] == "s-1"
    places = {(one.place, one.is_kept) for batch in seen.batches for one in batch.rejected}
    assert places == {
        ("/v1/incidents", False),
        ("/v2/incident-timelines/I4/entries", True),
        ("/v1/services", True),
    }


def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    account, seen = Incidents(), Seen()
    account.incidents[1]["description"] = "🔥" * 3_000
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 8_000)
    assert run(made(account), seen) is None
    assert {row["external_id"] for row in seen.shown("incidents")} == {f"I{n}" for n in range(10) if n != 1}
    assert any("It is left out" in reason for reason in seen.rejected)


def test_incidents_are_not_listened_for() -> None:
    with pytest.raises(ValidationError, match="give `token`"):
        OpsgenieConfig(incidents="incidents", webhook_secret="env:X")


def test_a_402_is_a_refusal_where_alerts_count_too() -> None:
    account = Incidents()
    account.refused["/v2/schedules"] = 402
    health = asyncio.run(source(account).check())
    assert [one.what.partition(" (")[0] for one in health.missing] == ["webhook_secret", "schedules"]


def test_a_key_that_is_not_accepted_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "old")
    failure = run(made(Incidents()), Seen())
    assert isinstance(failure, UserError)
    assert "API key management" in failure.fix
    assert asyncio.run(made(Incidents()).check()).status is Status.UNREACHABLE


def test_429_is_waited_out() -> None:
    account, seen, asked = Incidents(), Seen(), [0]

    def answer(request: httpx.Request) -> httpx.Response:
        asked[0] += 1
        if asked[0] % 5 == 1:
            return httpx.Response(429, json={"message": "Too many"}, headers={"retry-after": "0"})
        return account.answer(request)

    config = OpsgenieConfig(token="env:OG_KEY", incidents="incidents", since=dt.date(2026, 8, 1))
    assert run(OpsgenieSource(config, transport=httpx.MockTransport(answer)), seen) is None
    assert len(seen.shown("incidents")) == 10
