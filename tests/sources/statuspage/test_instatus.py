"""Instatus: ten incidents worked out by hand, its published incident, a long past, webhooks as it documents them."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import json
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from test_statuspage import NOON, after, incident, instant, lines, numbered, one_of, stamp

from ktlo.errors import SignatureError
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Status
from ktlo.sources.rest.quota import World
from ktlo.sources.statuspage import StatuspageSource
from ktlo.sources.statuspage.source import StatuspageConfig

PUBLISHED = {
    "id": "ckf01m59ueaqb0a32wrljz1yd",
    "name": "Rocket is going down",
    "started": "2020-09-12T19:05:17.398Z",
    "status": "RESOLVED",
    "resolved": "2020-09-12T19:09:04.498Z",
    "updates": [
        {
            "id": "ckf01m5ioeaqi0a32jtv8ovp8",
            "message": "We are currently investigating this incident.",
            "status": "INVESTIGATING",
            "started": "2020-09-12T19:05:17.398Z",
            "ended": None,
            "duration": 228,
            "createdAt": "2020-09-12T19:08:50.160Z",
        },
        {
            "id": "ckf01mnk9eaui0a32mmhgq68g",
            "message": "We just resolved the issue!",
            "status": "RESOLVED",
            "started": "2020-09-12T19:09:04.498Z",
            "ended": None,
            "duration": None,
            "createdAt": "2020-09-12T19:09:13.545Z",
        },
    ],
    "components": [{"id": "ckf01fvnxywz50a35nh1qzssm", "name": "Website", "status": "OPERATIONAL"}],
}
"""instatus.com/help/api/incidents."""
IMPACTS = {
    "major": "MAJOROUTAGE",
    "critical": "MAJOROUTAGE",
    "minor": "DEGRADEDPERFORMANCE",
    "none": "OPERATIONAL",
}


def instatus_form(told: dict[str, Any]) -> dict[str, Any]:
    """An incident of the table as Instatus lists it (github.com/instatushq/openapi, ``Incident``)."""
    return {
        "id": told["id"],
        "name": told["name"],
        "started": told["started_at"],
        "resolved": told["resolved_at"],
        "status": told["status"].upper(),
        "updates": [
            {
                "id": one["id"],
                "status": one["status"].upper(),
                "started": one["display_at"],
                "createdAt": one["created_at"],
            }
            for one in told["incident_updates"]
        ],
        "components": [
            {**one, "status": one["status"].replace("_", "").upper()} for one in told["components"]
        ],
    }


class Instatus:
    """Instatus's API: incidents of one page, in pages."""

    def __init__(self, incidents: list[dict[str, Any]]) -> None:
        self.incidents = incidents

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != "Bearer k3y":
            return httpx.Response(401, json={"error": {"message": "unauthorized"}})
        if request.url.path != "/v1/nasa/incidents":
            assert request.url.path.startswith("/v1/nasa/incidents/")
            return one_of(self.incidents, request.url.path)
        return httpx.Response(200, json=numbered(self.incidents, request, "per_page"))


@pytest.fixture
def instatus(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("IS_KEY", "k3y")

    def make(incidents: list[dict[str, Any]], **options: Any) -> StatuspageSource:
        given = {"url": "https://nasa.instatus.com", "api": "https://api.instatus.com/v1", "page_id": "nasa"}
        config = StatuspageConfig(**{**given, "token": "env:IS_KEY", **options})
        return StatuspageSource(config, World(), httpx.MockTransport(Instatus(incidents).answer))

    return make


def test_the_published_incident_of_instatus_is_read(instatus: Any) -> None:
    seen = Seen()
    assert run(instatus([PUBLISHED]), seen) is None
    found = seen.item("ckf01m59ueaqb0a32wrljz1yd")
    assert (found["service"], found["state"], found["title"]) == (
        "Website",
        "resolved",
        "Rocket is going down",
    )
    assert found["detected_at"] == dt.datetime(2020, 9, 12, 19, 5, 17, 398000, tzinfo=dt.UTC)
    assert found["resolved_at"] == dt.datetime(2020, 9, 12, 19, 9, 4, 498000, tzinfo=dt.UTC)
    assert [kind for kind, _ in seen.steps("ckf01m59ueaqb0a32wrljz1yd")] == ["detected", "resolved"]


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_incidents_of_instatus_are_as_worked_out_by_hand(line: list[str], instatus: Any) -> None:
    key, impact, steps, acknowledged, mitigated, resolved, _ = line
    told, seen = incident(key, impact, steps), Seen()
    made = instatus([instatus_form(told)])
    assert run(made, seen) is None
    found = seen.item(key)
    assert (found["service"], found["detected_at"]) == ("API", NOON)
    assert (found["acknowledged_at"], found["mitigated_at"]) == (instant(acknowledged), instant(mitigated))
    assert found["resolved_at"] == instant(resolved)
    assert seen.shown("outages") == [], "the list does not tell how grave it was"
    seen.take(made.receive(told_by_instatus(told)))
    down = [(row["started_at"], row["ended_at"]) for row in seen.shown("outages")]
    is_down = impact in ("major", "critical")
    assert down == ([(NOON, instant(resolved))] if is_down else [])
    assert seen.item(key)["service"] == "API"


def test_a_long_past_of_instatus_is_read_page_by_page(instatus: Any) -> None:
    seen = Seen()
    assert run(instatus([{**PUBLISHED, "id": f"I{number}"} for number in range(230)]), seen) is None
    assert len(seen.shown("incidents")) == 230


def test_an_incident_that_was_deleted_in_instatus_is_removed(instatus: Any) -> None:
    seen = Seen()
    told = [{**PUBLISHED, "id": f"I{number}"} for number in range(130)]
    run(instatus(told), seen)
    run(instatus(told[1:]), seen)
    assert len(seen.shown("incidents")) == 129


def told_by_instatus(told: dict[str, Any]) -> Incoming:
    """An incident as a webhook of Instatus has it (instatus.com/help/webhooks): in capitals, without components."""
    updates = [
        {
            "id": one["id"],
            "incident_id": told["id"],
            "body": one["body"],
            "status": one["status"].upper(),
            "created_at": one["created_at"],
            "updated_at": one["created_at"],
        }
        for one in told["incident_updates"]
    ]
    names = ("id", "name", "created_at", "resolved_at")
    incident = {
        **{name: told[name] for name in names},
        "backfilled": False,
        "status": told["status"].upper(),
        "impact": IMPACTS[told["impact"]],
        "updated_at": stamp(after(24 * 60)),
        "url": "https://nasa.instatus.com/S2",
        "incident_updates": updates,
    }
    page = {"id": "nasa", "status_indicator": "HASISSUES", "status_description": "", "url": ""}
    return Incoming({}, json.dumps({"meta": {}, "page": page, "incident": incident}).encode(), NOON)


@pytest.mark.parametrize("is_read_first", [True, False])
def test_a_webhook_of_instatus_tells_an_outage_and_its_list_what_it_is_about(
    instatus: Any, is_read_first: bool
) -> None:
    told = incident("S2", "major", "0 investigating, 5 identified, 20 monitoring, 60 resolved")
    seen, made = Seen(), instatus([instatus_form(told)])
    hook = made.receive(told_by_instatus(told))
    if is_read_first:
        run(made, seen)
        seen.take(hook)
    else:
        seen.take(hook)
        run(made, seen)
    found = seen.item("S2")
    assert (found["state"], found["service"]) == ("resolved", "API")
    assert (found["acknowledged_at"], found["mitigated_at"]) == (after(5), after(20))
    down = [(row["service"], row["started_at"], row["ended_at"]) for row in seen.shown("outages")]
    assert down == [("nasa.instatus.com", NOON, after(60))]


def test_a_webhook_of_instatus_is_proven_by_its_signature(instatus: Any) -> None:
    incoming = told_by_instatus(incident("S2", "major", "0 investigating"))
    signature = hmac.new(b"k", incoming.body, "sha256").hexdigest()
    for given, key in ((signature, "k"), (signature, "other"), ("zz", "k")):
        signed = Incoming({"x-instatus-webhook-signature": given}, incoming.body, NOON, {"key": "k"})
        if (given, key) == (signature, "k"):
            instatus([]).verify(signed, key)
        else:
            with pytest.raises(SignatureError):
                instatus([]).verify(signed, key)


def test_instatus_is_checked_and_asks_for_what_it_needs(
    instatus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asyncio.run(instatus([PUBLISHED]).check()).status is Status.READY
    monkeypatch.setenv("IS_KEY", "other")
    assert asyncio.run(instatus([PUBLISHED]).check()).status is Status.UNREACHABLE
    with pytest.raises(ValueError, match="give token and page_id"):
        instatus([], page_id="")


def test_a_webhook_about_maintenance_is_ignored_with_the_reason(instatus: Any) -> None:
    body = {"meta": {}, "page": {"id": "nasa"}, "maintenance": {"id": "M1", "status": "NOTSTARTEDYET"}}
    taken = instatus([]).receive(Incoming({}, json.dumps(body).encode(), NOON))
    assert (taken.event, taken.why_ignored) == ("maintenance", "it is about no incident")
