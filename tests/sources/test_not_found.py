"""What is not found need not be gone: a lost right, an archived or renamed project, a token that has expired."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import httpx
import pytest
from revisited_house import NOW, House, made
from test_what_every_pulled_source_meets import of_tests

from ktlo.sources.collector import collect
from ktlo.sources.delivering import Refusals, deliver, replay
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Drawn
from ktlo.sources.registry import kinds
from ktlo.sources.revisiting import Turn, turn_of


def test_when_hardly_any_is_to_be_seen_a_right_was_lost_and_nothing_leaves(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    assert len(before) >= 10
    whole = dict(site.issues)
    site.issues.clear()
    house.state.set_cursor(source.source_id, {**house.state.cursor(source.source_id), "open": []})
    house.read(source, hours=2)
    assert house.names(source, "issues", "incidents") == before
    assert house.hidden(source) == before
    site.issues |= whole
    house.read(source, hours=2)
    assert house.names(source, "issues", "incidents") == before
    assert house.hidden(source) == set()


def test_a_project_that_is_archived_or_renamed_stays_while_another_loses_an_issue(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()
    for key in ("S1", "S3", "S6", "S8", "S9"):
        organization.issues[key]["shortId"] = f"OLD-{key}"
    source = made("sentry", organization.answer)
    house.read(source)
    before = house.names(source, "issues")
    for key in ("S1", "S3", "S6", "S8", "S9"):  # the project is called NEW now
        organization.issues[key]["shortId"] = f"NEW-{key}"
    del organization.issues["S4"]
    house.read(source, hours=2)
    assert house.names(source, "issues") == before - {"SHOP-S4"}
    assert house.hidden(source) == {f"OLD-{key}" for key in ("S1", "S3", "S6", "S8", "S9")}


def test_an_issue_whose_project_got_another_key_is_there_once(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    done = min(key for key, one in site.issues.items() if one["fields"]["resolutiondate"])
    count = len(house.names(source, "issues", "incidents"))
    site.issues["NEW-1"] = site.issues.pop(done) | {"key": "NEW-1"}
    site.moved[done] = "NEW-1"
    house.read(source, hours=2)
    names = house.names(source, "issues", "incidents")
    assert ("NEW-1" in names, done in names, len(names)) == (True, False, count)


@pytest.mark.parametrize("kind", ["jira cloud", "jira data center"])
def test_a_project_of_jira_that_gets_another_key_stays_whole(house: House, kind: str) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand(is_cloud=kind == "jira cloud")
    source = made(kind, site.answer, projects=["SH"])
    house.read(source)
    before = house.names(source, "issues", "incidents")
    assert len(before) >= 10
    site.renamed["SH"] = "STORE"
    for key in before:
        new = key.replace("SH-", "STORE-")
        site.issues[new] = site.issues.pop(key) | {"key": new}
        site.issues[new]["fields"]["project"] = {"key": "STORE"}
        site.moved[key] = new
    site.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert house.names(source, "issues", "incidents") == {key.replace("SH-", "STORE-") for key in before}


def test_what_was_not_found_is_there_again_as_soon_as_it_is_read_again(house: House) -> None:
    project = of_tests("gitlab", "gitlab_by_hand").project_by_hand()
    source = made("gitlab", project.answer)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    hidden = {iid: project.issues.pop(iid) for iid in (1, 3)}  # the role was taken back that sees them
    project.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert house.names(source, "issues", "incidents") == before - {"1", "3"}
    project.issues |= hidden
    house.state.set_cursor(source.source_id, {})  # the whole past is read again
    house.read(source, hours=2)
    assert house.names(source, "issues", "incidents") == before


def test_a_token_of_jira_that_has_expired_is_said_and_removes_nothing(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    is_expired = False

    def behind(request: httpx.Request) -> httpx.Response:
        """With such a token Cloud answers as to nobody: searches find nothing, issues are not found."""
        if not is_expired:
            return site.answer(request)  # type: ignore[no-any-return]
        if request.url.path.endswith("/myself"):
            return httpx.Response(
                401, json={"message": "Client must be authenticated"}, headers={"date": "x"}
            )
        hidden = of_tests("jira", "jira_site").Site(now=site.now)
        return hidden.answer(request)  # type: ignore[no-any-return]

    source = made("jira cloud", behind)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    is_expired = True
    site.now += dt.timedelta(days=2)
    house.now += dt.timedelta(days=2)
    outcome = asyncio.run(collect(source, house.store, house.state, now=lambda: house.now))
    assert outcome.status == "failed"
    assert "does not accept the token" in outcome.message
    assert house.names(source, "issues", "incidents") == before
    assert "does not accept the token" in asyncio.run(source.check()).summary


def test_an_item_of_odd_form_is_told_and_the_round_goes_on(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    done = sorted(key for key, one in site.issues.items() if one["fields"]["resolutiondate"])
    site.moved[done[0]] = "SH-900"  # it is there under another key, and odd
    site.issues["SH-900"] = site.issues.pop(done[0]) | {"key": "SH-900"}
    site.issues["SH-900"]["fields"]["updated"] = "yesterday"
    del site.issues[done[1]]
    site.is_as_described = False

    async def all_of() -> list[Any]:
        return [batch async for batch in source.revisit({}, Drawn({"issues": sorted(before)}))]

    batches = asyncio.run(all_of())
    told = [one for batch in batches for one in batch.rejected]
    assert [one.place for one in told] == [done[0]]
    assert "could not be asked for again" in told[0].reason
    assert [held.missing for batch in batches for held in batch.held] == [[done[1]]]


def test_when_each_is_refused_alone_that_is_told(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()

    def behind(request: httpx.Request) -> httpx.Response:
        if "/shortids/" in request.url.path:
            return httpx.Response(403, json={"detail": "no"}, headers={"date": "x"})
        return organization.answer(request)  # type: ignore[no-any-return]

    source = made("sentry", behind)
    house.read(source)
    house.read(source, hours=2)
    (told,) = house.told(source)
    assert "403" in told
    assert "and 9 more of the issues are as they were is not known" in told


def test_an_open_issue_of_sentry_whose_project_got_another_name_is_there_once(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()
    source = made("sentry", organization.answer)
    house.read(source)
    for key, one in organization.issues.items():
        one["shortId"] = f"STORE-{key}"
    house.read(source, hours=0.5)
    names = house.names(source, "issues")
    assert len(names) == 10
    assert {
        f"STORE-{key}" for key, one in organization.issues.items() if one["status"] == "unresolved"
    } <= names


def test_a_clock_that_was_ahead_does_not_stop_the_round() -> None:
    ahead = {"at": "2031-01-01T00:00:00Z", "after": {"issues": "SH-7"}}
    assert turn_of(ahead, NOW) == Turn(NOW)
    assert turn_of({"at": "2026-09-30T00:00:00Z"}, NOW).at == NOW - dt.timedelta(days=1)


def test_a_refusal_of_the_many_costs_them_alone_and_is_told(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()

    def behind(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/bulkfetch"):
            return httpx.Response(403, json={"errorMessages": ["no"]}, headers={"date": "x"})
        return site.answer(request)  # type: ignore[no-any-return]

    source = made("jira cloud", behind)
    house.read(source)
    house.read(source, hours=2)
    (told,) = house.told(source)
    assert "403" in told
    assert "deletions" in told


def test_what_was_moved_away_in_bulk_is_no_lost_right(house: House) -> None:
    site = of_tests("jira", "jira_site").Site(now=NOW)
    for number in range(20):
        site.create(f"SHOP-{number}", NOW - dt.timedelta(days=20, minutes=number))
    source = made("jira cloud", site.answer, projects=["SHOP"])
    house.read(source)
    for number in range(15):
        site.rename(f"SHOP-{number}", f"OTHER-{number}", NOW)
    site.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert house.names(source, "issues") == {f"SHOP-{number}" for number in range(15, 20)}
    assert house.told(source) == []


def test_issues_that_were_merged_in_bulk_leave(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()
    for number in range(20, 40):
        organization.happen(f"S{number}", "seen", dt.datetime(2026, 9, 2, tzinfo=dt.UTC))
    source = made("sentry", organization.answer)
    house.read(source)
    before = house.names(source, "issues")
    for number in range(20, 34):
        del organization.issues[f"S{number}"]
        organization.merged[f"S{number}"] = "S35"
    house.read(source, hours=0.5)
    assert before - house.names(source, "issues") == {f"SHOP-S{number}" for number in range(20, 34)}


def test_issues_that_are_listed_and_were_merged_in_bulk_leave(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()
    at = dt.datetime(2026, 9, 2, tzinfo=dt.UTC)
    for number in range(20, 40):
        organization.happen(f"S{number}", "seen", at)
    source = made("sentry", organization.answer)
    house.read(source)
    before = house.names(source, "issues")
    for number in range(20, 34):
        organization.happen(f"S{number}", "set_resolved", at)
        organization.merged[f"S{number}"] = "S35"
    house.read(source, hours=0.5)
    assert before - house.names(source, "issues") == {f"SHOP-S{number}" for number in range(20, 34)}


def test_a_kept_webhook_that_is_read_again_brings_nothing_back(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    key = min(site.issues, key=lambda one: site.issues[one]["fields"]["updated"])
    body = {"webhookEvent": "jira:issue_updated", "timestamp": 0, "issue": site._shown(site.issues[key])}
    incoming = Incoming({}, json.dumps(body).encode(), house.now)
    deliver(source, incoming, house.store, Refusals(), needs_secret=False)
    del site.issues[key]
    site.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert key not in house.names(source, "issues", "incidents")
    assert replay(source, house.store)[0] == 1
    assert key not in house.names(source, "issues", "incidents")


def test_the_past_is_read_again_from_where_it_was_read_first(house: House) -> None:
    for kind in ("gitlab", "jira cloud", "github", "redmine", "opsgenie", "servicenow"):
        assert "since" in kinds()[kind.partition(" ")[0]].lasting
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer, since=None)
    first = "2020-01-01T00:00:00Z"
    at = source._begin({"since": first})
    assert at.since == at.reached == dt.datetime.fromisoformat(first)


def test_of_many_that_are_missing_a_hundred_are_asked_for_alone(house: House) -> None:
    site = of_tests("jira", "jira_site").Site(now=NOW)
    for number in range(250):
        site.create(f"SHOP-{number}", NOW - dt.timedelta(days=20, minutes=number))
    source = made("jira cloud", site.answer)
    house.read(source)
    site.issues.clear()
    site.asked.clear()
    site.now += dt.timedelta(days=2)
    house.read(source, hours=23)
    assert len(house.names(source, "issues")) == 250
    alone = [path for path in site.asked if "/issue/SHOP-" in path]
    assert len(alone) == 100  # it is their turn, too, and what is known to be hidden is not asked for alone
    assert len(house.hidden(source)) >= 100
