"""Jira's webhooks: what they tell at once, that the next reading agrees, and their proof."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import pytest
from jira_by_hand import NOON, after, site_by_hand
from jira_site import PEOPLE, Site, stamp, status
from test_jira import Seen, run, source, webhook

from ktlo.errors import SignatureError, UserError
from ktlo.sources.hooked import Incoming


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "t0ken")


def test_a_webhook_of_an_issue_moved_out_of_the_projects_read_removes_it_at_once() -> None:
    site, seen = site_by_hand(), Seen()
    made = source(site, projects=("SH",))
    run(made, seen)
    site.rename("SH-1", "OPS-7", after(110))
    seen.add(made.receive(webhook(site, "OPS-7", "jira:issue_updated", after(110))).rows)
    assert {"SH-1", "OPS-7"}.isdisjoint(row["external_id"] for row in seen.shown("issues"))


def test_a_webhook_closes_an_issue_at_once_and_the_next_reading_agrees() -> None:
    site, seen = Site(now=after(10)), Seen()
    site.create("SH-1", NOON)
    site.move("SH-1", after(5), "Done")
    made = source(site)
    seen.add(made.receive(webhook(site, "SH-1", "jira:issue_updated", after(5))).rows)
    assert (seen.item("SH-1")["state"], seen.item("SH-1")["closed_at"]) == ("closed", after(5))
    told = seen.history("SH-1")
    run(made, seen)
    assert seen.history("SH-1") == told


def test_a_step_that_a_webhook_could_not_name_is_named_by_the_changelog() -> None:
    site, seen = Site(now=after(10)), Seen()
    site.create("SH-1", NOON, "Incident")
    site.move("SH-1", after(1), "In Progress")
    made = source(site)
    seen.add(
        made.receive(webhook(site, "SH-1", "jira:issue_updated", after(1) + dt.timedelta(seconds=1))).rows
    )
    run(made, seen)
    assert [kind for kind, _, _ in seen.history("SH-1")] == ["detected", "acknowledged"]
    assert seen.item("SH-1")["acknowledged_at"] == after(1)


def test_a_deleted_issue_goes_at_once() -> None:
    site, seen = Site(now=after(10)), Seen()
    site.create("SH-1", NOON)
    run(source(site), seen)
    seen.add(source(site).receive(webhook(site, "SH-1", "jira:issue_deleted", after(9))).rows)
    assert seen.shown("issues") == []


def test_a_comment_is_told_with_its_issue() -> None:
    site, seen = Site(now=after(10)), Seen()
    site.create("SH-1", NOON)
    comment = {"id": "77", "author": PEOPLE["ada"], "created": stamp(after(2))}
    seen.add(source(site).receive(webhook(site, "SH-1", "comment_created", after(2), comment=comment)).rows)
    assert ("commented", "ada@example.org", "") in seen.history("SH-1")


def test_an_issue_of_a_project_that_is_not_read_is_ignored() -> None:
    site = Site(now=after(10))
    site.create("OPS-1", NOON)
    taken = source(site, projects=("SH",)).receive(webhook(site, "OPS-1", "jira:issue_created", NOON))
    assert taken.why_ignored == "the project OPS is not read"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"issue": 7}', b'{"issue": {"id": "1", "key": "A-1", "fields": {}}}']
)
def test_what_jira_never_sends_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(UserError):
        source(Site(now=NOON)).receive(Incoming({}, body, NOON))


def test_the_signature_is_the_proof() -> None:
    body = b'{"webhookEvent": "jira:issue_updated"}'
    made = source(Site(now=NOON))
    good = "sha256=" + hmac.new(b"k", body, hashlib.sha256).hexdigest()
    made.verify(Incoming({"x-hub-signature": good}, body, NOON), "k")
    for given in ({}, {"x-hub-signature": good[:-1]}, {"x-hub-signature": "sha1=00"}):
        with pytest.raises(SignatureError):
            made.verify(Incoming(given, body, NOON), "k")


def test_the_status_of_a_webhook_is_enough_to_know_that_it_is_done() -> None:
    site = Site(now=after(10))
    site.create("SH-1", NOON, status=status("Done"), resolutiondate=stamp(after(3)))
    taken = source(site).receive(webhook(site, "SH-1", "jira:issue_created", after(3)))
    assert taken.rows["issues"]["closed_at"].to_pylist() == [after(3)]
