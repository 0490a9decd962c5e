"""What is not found is noted beside its rows: whatever is read or told of it brings it back, in any version."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, cast

import httpx
import pytest
from revisited_house import NOW, House, made
from test_a_right_that_was_lost import Redmine
from test_what_every_pulled_source_meets import of_tests

from ktlo.sources.delivering import Refusals, deliver
from ktlo.sources.hooked import Incoming
from ktlo.sources.missing_items import MissingItems
from ktlo.sources.protocol import Batch
from ktlo.sources.redmine import RedmineSource
from ktlo.sources.redmine.source import RedmineConfig
from ktlo.sources.rest.connection import AbsentError
from ktlo.sources.rest.revisits import Revisit
from ktlo.sources.rest.rows import Row, removal


def told(house: House, source: Any, incoming: Incoming) -> None:
    deliver(source, incoming, house.store, Refusals(), needs_secret=False)


def turned(house: House, source: Any, hours: int = 24) -> None:
    """Everything was asked for."""
    for _ in range(20):
        house.read(source, hours=hours)


def test_an_issue_of_sentry_comes_back_although_a_webhook_told_a_later_version(house: House) -> None:
    own = of_tests("sentry", "test_sentry")
    organization = own.Organization()
    source = made("sentry", organization.answer)
    house.read(source)
    told(house, source, own.webhook(organization, "S1", "resolved", house.now))
    away = organization.issues.pop("S1")
    turned(house, source)
    assert "SHOP-S1" not in house.names(source, "issues")
    organization.issues["S1"] = away
    turned(house, source, hours=36)
    assert "SHOP-S1" in house.names(source, "issues")


def test_a_webhook_brings_back_what_was_not_found(house: House) -> None:
    own = of_tests("sentry", "test_sentry")
    organization = own.Organization()
    source = made("sentry", organization.answer)
    house.read(source)
    away = organization.issues.pop("S1")
    turned(house, source)
    assert "SHOP-S1" not in house.names(source, "issues")
    organization.issues["S1"] = away
    told(house, source, own.webhook(organization, "S1", "assigned", house.now + dt.timedelta(minutes=1)))
    assert "SHOP-S1" in house.names(source, "issues")


def test_an_incident_of_opsgenie_comes_back_although_less_is_to_be_read_of_it(house: House) -> None:
    account = of_tests("opsgenie", "opsgenie_incidents").Incidents()
    source = made("opsgenie", account.answer, incidents="incidents")
    house.read(source)
    (away,) = [one for one in account.incidents if one["id"] == "I4"]
    account.incidents.remove(away)
    turned(house, source)
    assert "I4" not in house.names(source, "incidents")
    away["updatedAt"] = away["createdAt"]
    account.history["I4"] = []
    account.incidents.append(away)
    turned(house, source, hours=36)
    assert "I4" in house.names(source, "incidents")


def test_a_late_delivery_of_the_other_kind_brings_an_item_back_as_what_it_was_last(house: House) -> None:
    own = of_tests("jira", "test_jira")
    site = of_tests("jira", "jira_site").Site(now=NOW)
    for number in range(12):
        site.create(f"SH-{number}", NOW - dt.timedelta(days=9), "Bug")
    source = made("jira cloud", site.answer)
    late = own.webhook(site, "SH-1", "jira:issue_updated", NOW - dt.timedelta(days=9))
    bug, incident = {"id": "1", "name": "Bug"}, {"id": "2", "name": "[System] Incident"}
    site.issues["SH-1"]["fields"]["issuetype"] = incident
    change = {"field": "issuetype", "from": bug["id"], "fromString": bug["name"]}
    site.change(
        "SH-1", NOW - dt.timedelta(days=2), {**change, "to": incident["id"], "toString": incident["name"]}
    )
    house.read(source)
    assert "SH-1" in house.names(source, "incidents")
    del site.issues["SH-1"]
    site.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert "SH-1" not in house.names(source, "issues", "incidents")
    told(house, source, Incoming(late.headers, late.body, house.now + dt.timedelta(minutes=1)))
    assert "SH-1" not in house.names(source, "issues")
    assert "SH-1" in house.names(source, "incidents")


def test_while_most_are_hidden_what_is_deleted_leaves_and_a_person_may_say_that_all_were(
    house: House,
) -> None:
    site = of_tests("jira", "jira_site").Site(now=NOW)
    for number in range(20):
        site.create(f"SHOP-{number}", NOW - dt.timedelta(days=20, minutes=number))
    source = made("jira cloud", site.answer)
    house.read(source)
    before = house.names(source, "issues")
    hidden = {f"SHOP-{number}": site.issues.pop(f"SHOP-{number}") for number in range(15)}

    def a_day_later() -> None:
        site.now += dt.timedelta(days=1, hours=1)
        house.read(source, hours=25)

    a_day_later()
    assert house.names(source, "issues") == before
    assert house.hidden(source) == set(hidden)
    del site.issues["SHOP-19"]
    a_day_later()
    assert house.names(source, "issues") == before - {"SHOP-19"}
    assert house.hidden(source) == set(hidden)
    assert MissingItems(source.source_id, house.store).confirm("SHOP", house.now) == 15
    assert house.names(source, "issues") == {f"SHOP-{number}" for number in range(15, 19)}
    assert house.hidden(source) == set()
    a_day_later()
    assert house.names(source, "issues") == {f"SHOP-{number}" for number in range(15, 19)}
    site.issues |= hidden
    a_day_later()
    assert house.names(source, "issues") == before - {"SHOP-19"}


def test_an_open_issue_of_sentry_that_was_hidden_is_followed_again_when_the_right_is_given_back(
    house: House,
) -> None:
    own = of_tests("sentry", "test_sentry")
    organization = own.Organization()
    source = made("sentry", organization.answer)
    for number in range(20, 40):
        organization.happen(f"S{number}", "seen", dt.datetime(2026, 9, 2, tzinfo=dt.UTC))
    house.read(source)
    away = {key: organization.issues.pop(key) for key in list(organization.issues)}
    house.read(source, hours=0.5)
    assert len(house.hidden(source)) >= 20
    asked = len(organization.asked)
    house.read(source, hours=0.1)
    assert len(organization.asked) - asked <= 2, "hidden ones are not asked for at every reading"
    organization.issues |= away
    for _ in range(4):
        house.read(source, hours=1)
    assert house.hidden(source) == set()
    organization.happen("S30", "set_resolved", house.now)
    house.read(source, hours=0.5)
    sql = "SELECT external_id, state FROM ktlo.issues WHERE external_id = 'SHOP-S30'"
    assert [row["state"] for row in house.store.query(sql).to_pylist()] == ["closed"]


def test_issues_that_redmine_lists_and_does_not_show_are_judged(house: House) -> None:
    tracker, shown = Redmine(), set(range(1, 21))
    config = RedmineConfig(url="https://redmine.example.org", since=dt.date(2026, 8, 1))

    def answer(request: httpx.Request) -> httpx.Response:
        number = request.url.path.removeprefix("/issues/").removesuffix(".json")
        is_there = not number.isdigit() or int(number) in shown
        return tracker.answer(request) if is_there else httpx.Response(404, headers={"date": "x"})

    source = RedmineSource(config, transport=httpx.MockTransport(answer))
    house.read(source)
    before = house.names(source, "issues")
    assert len(before) == 20
    for number, one in tracker.items.items():
        one["updated_on"] = f"2026-09-01T12:{number:02d}:00Z"
    shown -= set(range(2, 21))
    house.read(source, hours=0.1)
    assert house.names(source, "issues") == before
    assert house.hidden(source) == before - {"1"}
    for number in (1, 2, 3):
        tracker.items[number]["updated_on"] = f"2026-09-01T13:{number:02d}:00Z"
    shown ^= {1, 2, 3}
    house.read(source, hours=0.1)
    assert house.names(source, "issues") == before - {"1"}
    assert house.hidden(source) == before - {"1", "2", "3"}


@pytest.mark.parametrize("many", [2, 12])
def test_incidents_of_pagerduty_that_are_nowhere_are_judged(house: House, many: int) -> None:
    account = of_tests("pagerduty", "pagerduty_account").Account(now=NOW)
    for number in range(12):
        account.trigger(f"P{number:02}", NOW - dt.timedelta(days=20))
    source = made("pagerduty", account.answer)
    house.read(source)
    before = house.names(source, "incidents")
    account.now += dt.timedelta(days=2)
    away = {}
    for number in range(many):
        account.step(f"P{number:02}", "annotate", NOW + dt.timedelta(days=1))
        away[f"P{number:02}"] = account.incidents.pop(f"P{number:02}")
    house.read(source, hours=48)
    is_hidden = many == 12
    assert house.hidden(source) == (set(away) if is_hidden else set())
    assert house.names(source, "incidents") == (before if is_hidden else before - set(away))
    account.incidents |= away
    house.read(source, hours=1)
    assert house.names(source, "incidents") == before
    assert house.hidden(source) == set()
    asked = len(account.asked)
    house.read(source, hours=1)
    assert not [path for path in account.asked[asked:] if path.startswith("/incidents/")]


def test_what_a_webhook_tells_to_be_deleted_is_not_hidden_any_more(house: House) -> None:
    site = of_tests("jira", "jira_site").Site(now=NOW)
    for number in range(12):
        site.create(f"SHOP-{number}", NOW - dt.timedelta(days=20, minutes=number))
    source = made("jira cloud", site.answer)
    house.read(source)
    shown = site._shown(site.issues["SHOP-3"])
    site.issues.clear()
    site.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert len(house.hidden(source)) == 12
    at = house.now + dt.timedelta(minutes=1)
    body = {"webhookEvent": "jira:issue_deleted", "timestamp": int(at.timestamp() * 1000), "issue": shown}
    told(house, source, Incoming({}, json.dumps(body).encode(), at))
    assert len(house.hidden(source)) == 11
    assert "SHOP-3" not in house.names(source, "issues")


def test_what_is_still_not_listed_is_neither_asked_for_alone_nor_counted_and_what_is_again_comes_whole() -> (
    None
):
    asked: list[str] = []

    async def listed(part: Sequence[str]) -> set[str]:
        return set(part) - {"gone", "still"}

    async def whole(name: str) -> Sequence[tuple[str, Row]]:
        asked.append(name)
        if name == "gone":
            raise AbsentError("not found", where=name)
        return [removal("issues", "s", name)]  # any row

    async def work() -> list[Batch]:
        found = Revisit(
            api=cast("Any", None),
            source="s",
            tables=("issues",),
            label="issues",
            place="",
            whole=whole,
            listed=listed,
        )
        return [batch async for batch in found.of(["again", "gone", "still", "there"], {"again", "still"})]

    batches = asyncio.run(work())
    assert asked == ["again", "gone"]
    assert [batch.rows["issues"]["external_id"].to_pylist() for batch in batches if batch.rows] == [["again"]]
    (held,) = [held for batch in batches for held in batch.held]
    assert (held.known, held.missing) == (["again", "gone", "there"], ["gone"])
