"""Sentry: ten issues worked out by hand, resolutions that move no list, deleted issues, webhooks, bad answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from collected_rows import Seen, run

from ktlo.errors import SignatureError, UserError
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Status
from ktlo.sources.rest.quota import World
from ktlo.sources.sentry import SentrySource
from ktlo.sources.sentry.source import SentryConfig

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
BY_HAND = """
# id | hours after noon: seen and activity                                    | state  | closed | as          | reopened
S0 | 0 seen                                                                   | open   |  -  |             | 0
S1 | 0 seen, 5 set_resolved                                                   | closed |  5  | completed   | 0
S2 | 0 seen, 5 set_resolved, 9 set_regression                                 | open   |  -  |             | 1
S3 | 0 seen, 5 set_resolved, 9 set_regression, 12 set_resolved_in_release     | closed | 12  | completed   | 1
S4 | 0 seen, 2 set_ignored                                                    | closed |  2  | not_planned | 0
S5 | 0 seen, 2 set_ignored, 4 set_unresolved                                  | open   |  -  |             | 1
S6 | 0 seen, 1 assigned, 2 note, 3 set_resolved                               | closed |  3  | completed   | 0
S7 | 0 seen, 40 seen                                                          | open   |  -  |             | 0
S8 | 0 seen, 3 set_resolved_by_age                                            | closed |  3  | completed   | 0
S9 | 0 seen, 1 set_resolved, 2 set_unresolved, 3 set_resolved, 4 set_regression, 5 set_resolved_in_commit | closed | 5 | completed | 2
"""  # noqa: E501


def after(hours: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=hours)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Organization:
    """A Sentry organization that answers as its API documentation says."""

    def __init__(self) -> None:
        self.issues: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.merged: dict[str, str] = {}
        for key, steps, *_ in lines():
            for step in steps.split(","):
                hours, kind = step.split()
                self.happen(key, kind, after(int(hours)))

    def happen(self, key: str, kind: str, at: dt.datetime, who: str = "ada@example.org") -> None:
        if key not in self.issues:
            self.issues[key] = {
                "id": key.replace("S", "10"),
                "shortId": f"SHOP-{key}",
                "title": "ValueError: card <b>declined</b> 🔥",
                "culprit": "shop.payments in charge",
                "permalink": f"https://acme.sentry.io/issues/{key}/",
                "level": "error",
                "status": "unresolved",
                "priority": "high",
                "project": {"id": "2", "name": "Shop", "slug": "shop"},
                "assignedTo": None,
                "issueCategory": "error",
                "firstSeen": stamp(at),
                "lastSeen": stamp(at),
                "count": "12",
                "activity": [],
            }
        issue = self.issues[key]
        if kind == "seen":
            issue["lastSeen"] = stamp(at)
            return
        number = str(len(issue["activity"]) + 1)
        issue["activity"].insert(
            0,
            {
                "id": number,
                "type": kind,
                "dateCreated": stamp(at),
                "user": {"name": "Ada", "email": who},
                "data": {},
            },
        )
        if kind.startswith("set_resolved"):
            issue["status"] = "resolved"
        elif kind == "set_ignored":
            issue["status"] = "ignored"
        elif kind in ("set_unresolved", "set_regression"):
            issue["status"] = "unresolved"
            issue["lastSeen"] = stamp(at) if kind == "set_regression" else issue["lastSeen"]

    def _resolved(self, name: str, headers: dict[str, str]) -> httpx.Response:
        """ "Resolve a Short ID" of the API documentation; a merged issue resolves to the one it was merged into."""
        key = next((key for key, one in self.issues.items() if one["shortId"] == name), "")
        key = self.merged.get(name.removeprefix("SHOP-"), key)
        if key not in self.issues:
            return httpx.Response(
                404, json={"detail": "The requested resource does not exist"}, headers=headers
            )
        found = self.issues[key]
        body = {"organizationSlug": "acme", "projectSlug": "shop", "groupId": found["id"], "group": found}
        return httpx.Response(200, json={**body, "shortId": found["shortId"]}, headers=headers)

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": "Fri, 04 Sep 2026 12:00:00 GMT"}
        if request.headers.get("authorization") != "Bearer k3y":
            return httpx.Response(401, json={"detail": "Invalid token"}, headers=headers)
        if "/shortids/" in request.url.path:
            return self._resolved(request.url.path.split("/")[-2], headers)
        path = request.url.path.removeprefix("/api/0/organizations/acme/issues/")
        query = parse_qs(request.url.query.decode())
        self.asked.append(path or ("group" if "group" in query else "list"))
        if path:
            found = [one for one in self.issues.values() if one["id"] == path.strip("/")]
            if not found:
                return httpx.Response(
                    404, json={"detail": "The requested resource does not exist"}, headers=headers
                )
            return httpx.Response(200, json=found[0], headers=headers)
        listed = [{k: v for k, v in one.items() if k != "activity"} for one in self.issues.values()]
        if "group" in query:
            return httpx.Response(
                200, json=[one for one in listed if one["id"] in query["group"]], headers=headers
            )
        listed.sort(key=lambda one: one["lastSeen"], reverse=True)
        size = int(query["limit"][0])
        start = int(query.get("cursor", ["0:0:0"])[0].split(":")[1])
        more = "true" if start + size < len(listed) else "false"
        url = f"https://sentry.io/api/0/organizations/acme/issues/?cursor=0:{start + size}:0"
        headers["link"] = (
            f'<{url}>; rel="previous"; results="false"; cursor="0:0:1", '
            f'<{url}>; rel="next"; results="{more}"; cursor="0:{start + size}:0"'
        )
        return httpx.Response(200, json=listed[start : start + size], headers=headers)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_KEY", "k3y")


def source(organization: Organization, **options: Any) -> SentrySource:
    given = {"organization": "acme", "token": "env:SENTRY_KEY", "since": dt.date(2026, 8, 1)}
    return SentrySource(
        SentryConfig(**{**given, **options}), World(), httpx.MockTransport(organization.answer)
    )


def kinds(seen: Seen, key: str) -> list[str]:
    rows = [row for row in seen.shown("issue_events") if row["issue_id"] == key]
    return [row["kind"] for row in sorted(rows, key=lambda row: row["occurred_at"])]


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_issues_are_as_worked_out_by_hand(line: list[str]) -> None:
    key, _, state, closed, ended_as, reopened = line
    seen = Seen()
    assert run(source(Organization()), seen) is None
    found = seen.item(f"SHOP-{key}", "issues")
    assert (found["state"], found["closed_as"], found["service"]) == (state, ended_as, "shop")
    assert found["created_at"] == NOON
    assert found["closed_at"] == (None if closed == "-" else after(int(closed)))
    assert kinds(seen, f"SHOP-{key}").count("reopened") == int(reopened)


def test_a_resolution_is_found_although_it_moves_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    organization, seen = Organization(), Seen()
    run(source(organization), seen)
    organization.happen("S0", "set_resolved", after(50))
    organization.asked.clear()
    run(source(organization), seen)
    assert seen.item("SHOP-S0", "issues")["closed_at"] == after(50)
    assert "group" in organization.asked


def test_an_issue_that_was_deleted_or_merged_is_removed() -> None:
    organization, seen = Organization(), Seen()
    run(source(organization), seen)
    del organization.issues["S0"]
    run(source(organization), seen)
    assert "SHOP-S0" not in {row["external_id"] for row in seen.shown("issues")}


def test_pages_and_cuts_end_in_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ktlo.sources.sentry.listing.PER_PAGE", 3)
    whole = Seen()
    run(source(Organization()), whole)
    assert len(whole.shown("issues")) == 10
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(Organization()), seen, stop_after=cut)
        run(source(Organization()), seen)
        assert seen.rows == whole.rows


def test_a_run_that_is_cut_off_again_and_again_comes_to_its_end_and_asks_again_for_hardly_any(monkeypatch):
    monkeypatch.setattr("ktlo.sources.sentry.listing.PER_PAGE", 3)

    def busy() -> Organization:
        organization = Organization()
        for number in range(30):
            organization.happen(f"S1{number:02}", "seen", after(number))
            organization.happen(f"S1{number:02}", "set_resolved", after(number + 1))
        return organization

    whole, once = Seen(), busy()
    run(source(once), whole)
    cut, seen = busy(), Seen()
    for runs in range(1, 9):  # each comes two pages further than the one before
        run(source(cut), seen, stop_after=len(seen.batches) + 2 * runs)
        if runs == 4:
            cut.happen("S129", "set_regression", after(60))
    run(source(cut), seen)
    assert "walk" not in seen.cursor
    once.happen("S129", "set_regression", after(60))
    run(source(once), whole)
    assert {row["external_id"]: row["state"] for row in seen.shown("issues")} == {
        row["external_id"]: row["state"] for row in whole.shown("issues")
    }
    asked = Counter(path for path in cut.asked if path.startswith("101") and len(path) == len("10100/"))
    assert len(asked) == 30
    # The last of a page may have company on the next one; S129 came back.
    assert asked.total() <= 30 + 8 + 1


def webhook(organization: Organization, key: str, action: str, at: dt.datetime) -> Incoming:
    issue = {k: v for k, v in organization.issues[key].items() if k != "activity"}
    actor = {"type": "user", "id": 1, "name": "Ada"}
    body = {"action": action, "actor": actor, "data": {"issue": issue}, "installation": {"uuid": "x"}}
    headers = {"sentry-hook-resource": "issue", "sentry-hook-timestamp": str(int(at.timestamp()))}
    return Incoming(headers, json.dumps(body).encode(), at)


def test_a_webhook_resolves_at_once_and_the_next_reading_agrees() -> None:
    organization, seen = Organization(), Seen()
    made = source(organization)
    run(made, seen)
    organization.happen("S0", "set_resolved", after(50))
    seen.take(made.receive(webhook(organization, "S0", "resolved", after(50))))
    assert seen.item("SHOP-S0", "issues")["closed_at"] == after(50)
    told = kinds(seen, "SHOP-S0")
    run(made, seen)
    assert kinds(seen, "SHOP-S0") == told == ["opened", "closed"]


def test_a_project_that_is_not_read_is_ignored() -> None:
    organization = Organization()
    taken = source(organization, projects=("other",)).receive(webhook(organization, "S0", "created", NOON))
    assert taken.why_ignored == "the project shop is not read"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"action": "created", "data": {}}'])
def test_what_sentry_never_sends_is_refused(body: bytes) -> None:
    with pytest.raises(UserError, match="not what this source expects"):
        source(Organization()).receive(Incoming({}, body, NOON))


def test_the_signature_is_the_proof() -> None:
    good = hmac.new(b"k", b"{}", hashlib.sha256).hexdigest()
    made = source(Organization())
    made.verify(Incoming({"sentry-hook-signature": good}, b"{}", NOON), "k")
    for headers in ({}, {"sentry-hook-signature": good[:-1]}):
        with pytest.raises(SignatureError):
            made.verify(Incoming(headers, b"{}", NOON), "k")


def test_bad_answers_cost_themselves_only_and_a_bad_token_says_where_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    organization, seen = Organization(), Seen()
    organization.issues["S1"]["firstSeen"] = "soon"
    run(source(organization), seen)
    assert len(seen.shown("issues")) == 9
    assert len(seen.rejected) == 1
    monkeypatch.setenv("SENTRY_KEY", "old")
    failure = run(source(organization), Seen())
    assert isinstance(failure, UserError)
    assert "event:read" in failure.fix
    assert asyncio.run(source(organization).check()).status is Status.UNREACHABLE
