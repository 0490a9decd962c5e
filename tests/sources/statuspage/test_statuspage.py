"""Status pages: ten incidents worked out by hand, outages of components, maintenance, the whole past, webhooks."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from statuspage_published import published

from ktlo.errors import SignatureError
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Health, Status
from ktlo.sources.rest.quota import World
from ktlo.sources.statuspage import StatuspageSource
from ktlo.sources.statuspage.source import StatuspageConfig

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
UP, DEGRADED, PARTIAL, MAJOR = "operational", "degraded_performance", "partial_outage", "major_outage"
BY_HAND = """
# id | impact | minutes after noon, status, and state of the component  | ack | mitigated | resolved | outage
S0 | minor    | 0 investigating                                         |  -  |  -  |  -  | -
S1 | major    | 0 investigating, 5 identified                           |  5  |  -  |  -  | 0 to -
S2 | major    | 0 investigating, 5 identified, 20 monitoring, 60 resolved | 5 | 20  | 60  | 0 to 60
S3 | minor    | 0 investigating, 60 resolved                            |  -  |  -  | 60  | -
S4 | none     | 0 investigating, 60 resolved                            |  -  |  -  | 60  | -
S5 | critical | 0 identified, 30 resolved                               |  0  |  -  | 30  | 0 to 30
S6 | minor    | 0 investigating partial_outage, 20 monitoring operational, 60 resolved | - | 20 | 60 | 0 to 20
S7 | minor    | 0 investigating degraded_performance, 60 resolved operational | - | - | 60 | -
S8 | critical | 0 investigating degraded_performance, 10 identified major_outage, 40 monitoring operational, 60 resolved | 10 | 40 | 60 | 10 to 40
S9 | major    | 0 investigating major_outage, 50 resolved               |  -  |  -  | 50  | 0 to 50
"""  # noqa: E501


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def incident(key: str, impact: str, steps: str) -> dict[str, Any]:
    updates, last, status, state = [], NOON, "investigating", UP
    for number, said in enumerate(steps.split(",")):
        minutes, status, *component = said.split()
        last = after(int(minutes))
        affected = None
        if component:
            affected = [{"code": "c1", "name": "API", "old_status": state, "new_status": component[0]}]
            state = component[0]
        updates.append(
            {
                "id": f"{key}u{number}",
                "status": status,
                "body": "We are looking at it.",
                "created_at": stamp(last),
                "display_at": stamp(last),
                "affected_components": affected,
            }
        )
    return {
        "id": key,
        "name": "API is <b>slow</b> 🐢",
        "status": status,
        "impact": impact,
        "created_at": stamp(NOON),
        "updated_at": stamp(last),
        "started_at": stamp(NOON),
        "monitoring_at": None,
        "resolved_at": stamp(last) if status == "resolved" else None,
        "shortlink": f"https://stspg.io/{key}",
        "incident_updates": list(reversed(updates)),
        "components": [{"id": "c1", "name": "API", "status": state}],
    }


def numbered(incidents: list[dict[str, Any]], request: httpx.Request, limit: str) -> list[dict[str, Any]]:
    page, size = int(request.url.params["page"]), int(request.url.params[limit])
    return incidents[(page - 1) * size : page * size]


def one_of(incidents: list[dict[str, Any]], path: str) -> httpx.Response:
    """*Get an incident*, which Statuspage and Instatus both publish."""
    found = [one for one in incidents if one["id"] == path.rpartition("/")[2]]
    return httpx.Response(200, json=found[0]) if found else httpx.Response(404, json={"error": "not found"})


class Page:
    """A status page that answers as Statuspage's public API and its REST API (``past``) say."""

    def __init__(self) -> None:
        self.is_as_described = True
        self.incidents = [incident(key, impact, steps) for key, impact, steps, *_ in lines()]
        self.maintenances: list[dict[str, Any]] | None = []
        self.past: list[dict[str, Any]] = []
        self.asked: list[str] = []

    @property
    def _managed(self) -> list[dict[str, Any]]:
        """As the REST API has them, which does not tell when they started."""
        return [{name: told for name, told in one.items() if name != "started_at"} for one in self.past]

    def answer(self, request: httpx.Request) -> httpx.Response:
        given, path = self._answer(request), request.url.path
        is_described = given.status_code == 200 and path.startswith("/v1") and self.is_as_described
        if is_described and (description := published()):
            wrong = [*description.violations(path, request.url.params, given.json())]
            assert not wrong, f"Statuspage describes {path} otherwise: {wrong[:3]}"
        return given

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, about = request.url.path, {"id": "kctbh9vrtdwd", "name": "Example"}
        self.asked.append(path)
        if path == "/api/v2/incidents.json":
            return httpx.Response(200, json={"page": about, "incidents": self.incidents[-50:]})
        if path == "/api/v2/scheduled-maintenances.json" and self.maintenances is not None:
            return httpx.Response(200, json={"page": about, "scheduled_maintenances": self.maintenances})
        if path == "/v1/pages/kctbh9vrtdwd/incidents":
            if request.headers.get("authorization") != "OAuth k3y":
                return httpx.Response(401, json={"error": "Could not authenticate"})
            return httpx.Response(200, json=numbered(self._managed, request, "limit"))
        if path.startswith("/v1/pages/kctbh9vrtdwd/incidents/"):
            return one_of(self._managed, path)
        return httpx.Response(404, json={"error": "not found"})


def source(page: Page, world: World | None = None, **options: Any) -> StatuspageSource:
    config = StatuspageConfig(url="https://status.example.org", **options)
    return StatuspageSource(config, world or World(), httpx.MockTransport(page.answer))


def instant(said: str) -> dt.datetime | None:
    return None if said == "-" else after(int(said))


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_incidents_are_as_worked_out_by_hand(line: list[str]) -> None:
    key, impact, _, acknowledged, mitigated, resolved, outage = line
    seen = Seen()
    assert run(source(Page()), seen) is None
    found = seen.item(key)
    assert (found["service"], found["severity"], found["detected_at"]) == ("API", impact, NOON)
    assert (found["acknowledged_at"], found["mitigated_at"]) == (instant(acknowledged), instant(mitigated))
    assert found["resolved_at"] == instant(resolved)
    assert found["state"] == ("open" if resolved == "-" else "resolved")
    outages = [row for row in seen.shown("outages") if row["incident_id"] == key]
    if outage == "-":
        assert outages == []
    else:
        began, _, ended = outage.split()
        assert [(row["started_at"], row["ended_at"]) for row in outages] == [(instant(began), instant(ended))]


def test_maintenance_is_planned_downtime_and_no_incident() -> None:
    page, seen = Page(), Seen()
    page.maintenances = [
        {
            **incident("M1", "maintenance", "0 scheduled"),
            "status": "completed",
            "scheduled_for": stamp(after(600)),
            "scheduled_until": stamp(after(660)),
        }
    ]
    run(source(page), seen)
    (found,) = [row for row in seen.shown("outages") if row["is_planned"]]
    assert (found["started_at"], found["ended_at"]) == (after(600), after(660))
    assert "M1" not in {row["external_id"] for row in seen.shown("incidents")}


def test_a_page_without_a_list_of_maintenances_is_read_all_the_same() -> None:
    page, seen = Page(), Seen()
    page.maintenances = None
    assert run(source(page), seen) is None
    assert len(seen.shown("incidents")) == 10


def test_with_a_key_the_whole_past_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SP_KEY", "k3y")
    page, seen = Page(), Seen()
    page.past = [incident(f"P{number}", "minor", "0 investigating, 9 resolved") for number in range(230)]
    made = source(page, token="env:SP_KEY")
    assert run(made, seen) is None
    assert len(seen.shown("incidents")) == 240
    page.asked.clear()
    run(made, seen)
    assert all(path.startswith("/api/v2") for path in page.asked)


def test_both_apis_tell_the_same_of_one_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SP_KEY", "k3y")
    public, whole = Page(), Page()
    whole.past, whole.incidents = public.incidents, []
    rows = [Seen(), Seen()]
    run(source(public), rows[0])
    run(source(whole, token="env:SP_KEY"), rows[1])
    assert len(rows[0].rows) > 10
    assert rows[0].rows == rows[1].rows
    assert rows[0].item("S2")["started_at"] == NOON


def test_an_incident_of_an_unexpected_form_costs_itself_only() -> None:
    page, seen = Page(), Seen()
    page.incidents[2]["created_at"] = None
    run(source(page), seen)
    assert len(seen.shown("incidents")) == 9
    assert "unexpected form" in seen.rejected[0]


def test_a_webhook_tells_an_update_at_once() -> None:
    seen = Seen()
    body = {
        "meta": {"unsubscribe": "http://x"},
        "page": {"id": "j2mfxwj97wnj", "status_indicator": "major"},
        "incident": incident("S2", "major", "0 investigating, 5 identified"),
    }
    seen.take(source(Page()).receive(Incoming({}, json.dumps(body).encode(), NOON)))
    assert seen.item("S2")["acknowledged_at"] == after(5)
    run(source(Page()), seen)
    assert seen.item("S2")["resolved_at"] == after(60)


def hook_of(told: dict[str, Any], *without: str) -> Incoming:
    kept = {name: value for name, value in told.items() if name not in without}
    return Incoming({}, json.dumps({"meta": {}, "page": {"id": "j2"}, "incident": kept}).encode(), NOON)


@pytest.mark.parametrize("is_read_first", [True, False])
def test_a_webhook_that_names_no_components_changes_nothing_of_what_it_is_about(is_read_first: bool) -> None:
    page, seen = Page(), Seen()
    told = next(one for one in page.incidents if one["id"] == "S5")
    for one in told["incident_updates"]:
        one["affected_components"] = None
    made = source(page)
    for step in (True, False) if is_read_first else (False, True):
        if step:
            run(made, seen)
        else:
            seen.take(made.receive(hook_of(told, "components")))
    assert seen.item("S5")["service"] == "API"
    assert [row["service"] for row in seen.shown("outages") if row["incident_id"] == "S5"] == ["API"]


def test_a_webhook_that_names_the_components_in_its_updates_only_is_about_these() -> None:
    seen = Seen()
    told = incident("S9", "major", "0 investigating major_outage, 50 resolved operational")
    seen.take(source(Page()).receive(hook_of(told, "components", "started_at")))
    assert (seen.item("S9")["service"], seen.item("S9")["started_at"]) == ("API", NOON)
    assert [(row["service"], row["ended_at"]) for row in seen.shown("outages")] == [("API", after(50))]


def test_a_limit_that_is_said_with_420_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    page, seen, slept = Page(), Seen(), []
    answer, asked = page.answer, []

    def limited(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(420) if len(asked) == 2 else answer(request)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(page, "answer", limited)
    assert run(source(page, World(sleep=sleep)), seen) is None
    assert (len(seen.shown("incidents")), len(slept)) == (10, 1)


def test_a_webhook_about_a_component_alone_is_ignored_with_the_reason() -> None:
    body = {"component": {"id": "c", "name": "API", "status": "operational"}, "component_update": {}}
    taken = source(Page()).receive(Incoming({}, json.dumps(body).encode(), NOON))
    assert taken.why_ignored == "it is about no incident"


def test_the_secret_behind_the_address_is_the_proof() -> None:
    source(Page()).verify(Incoming({}, b"", NOON, {"key": "k"}), "k")
    for query in ({}, {"key": "other"}):
        with pytest.raises(SignatureError):
            source(Page()).verify(Incoming({}, b"", NOON, query), "k")


def test_the_check_names_what_a_key_would_bring() -> None:
    health = asyncio.run(source(Page()).check())
    assert (health.status, health.missing[0].what) == (Status.READY, "token")
    nothing = StatuspageSource(
        StatuspageConfig(url="https://x.example"), World(), httpx.MockTransport(lambda _: httpx.Response(404))
    )
    assert asyncio.run(nothing.check()).status is Status.UNREACHABLE


def test_the_check_tries_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SP_KEY", "old")
    health = asyncio.run(source(Page(), token="env:SP_KEY").check())
    assert health.status is Status.UNREACHABLE
    assert "put it where `token` points" in health.summary
    monkeypatch.setenv("SP_KEY", "k3y")
    assert asyncio.run(source(Page(), token="env:SP_KEY").check()) == Health(
        Status.READY, "Example can be read"
    )
    elsewhere = asyncio.run(source(Page(), token="env:SP_KEY", page_id="other").check())
    assert (elsewhere.status, len(elsewhere.missing)) == (Status.LIMITED, 1)
