"""Sentry: ten issues worked out by hand, resolutions that move no list, deleted issues, webhooks, bad answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from sentry_organization import NOON, Organization, after, lines

from ktlo.errors import SignatureError, UserError
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Status
from ktlo.sources.rest.quota import World
from ktlo.sources.sentry import SentrySource
from ktlo.sources.sentry.config import SentryConfig


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
