"""PagerDuty's webhooks: in any order, beside the log, of notes, moved to another service, and their proof."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import itertools
import json
from typing import Any

import pyarrow as pa
import pytest
from pagerduty_account import Account, stamp, user
from test_pagerduty import NOON, Seen, after, play, run, source

from ktlo.errors import SignatureError
from ktlo.records.arrow import from_arrow
from ktlo.records.reliability import Incident, IncidentEvent
from ktlo.sources.hooked import Incoming
from ktlo.sources.merging import merged
from ktlo.sources.pagerduty import PagerDutySource


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "k3y")


def webhook(kind: str, at: dt.datetime, item: dict[str, Any], **more: Any) -> Incoming:
    event = {
        "id": hashlib.md5(f"{kind}{at}".encode(), usedforsecurity=False).hexdigest(),
        "event_type": f"incident.{kind}",
        "resource_type": "incident",
        "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": user("PXPGF42"),
        "client": {"name": "PagerDuty"},
        "data": item,
        **more,
    }
    return Incoming({}, json.dumps({"event": event}).encode(), at)


def item(status: str) -> dict[str, Any]:
    return {
        "id": "PT4KHLK",
        "type": "incident",
        "html_url": "https://subdomain.pagerduty.com/incidents/PT4KHLK",
        "number": 1234,
        "status": status,
        "incident_key": "baf7cf21b1da41b4b0221008339ff357",
        "created_at": stamp(NOON),
        "title": "The server is on <b>fire</b>. 🔥",
        "service": {"id": "PIJ90N7", "type": "service_reference", "summary": "My Mail Service"},
        "assignees": [user("PT23IWX")],
        "teams": [],
        "priority": None,
        "urgency": "low",
        "resolve_reason": None,
    }


STORY = [
    webhook("triggered", after(0), item("triggered")),
    webhook("acknowledged", after(4), item("acknowledged")),
    webhook("resolved", after(30), item("resolved")),
]


class Shelf:
    """The one question that merging asks of a store."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def query(self, _: str, params: Any) -> pa.Table:
        rows = self._seen.rows["incidents"].values()
        return pa.Table.from_pylist([row for row in rows if row["external_id"] == params["external_id"]])


def deliver(made: PagerDutySource, incoming: Incoming, seen: Seen) -> None:
    taken = made.receive(incoming)
    seen.put(merged(taken.rows, taken.untold, Shelf(seen)))  # type: ignore[arg-type]


def test_webhooks_in_any_order_end_in_the_same_incident() -> None:
    made = source(Account(now=NOON), webhook_secret="env:PD_KEY")
    for order in itertools.permutations(STORY):
        seen = Seen()
        for incoming in order:
            deliver(made, incoming, seen)
        found = seen.incident("PT4KHLK")
        assert found["state"] == "resolved"
        assert (found["acknowledged_at"], found["resolved_at"]) == (after(4), after(30))
        assert found["responders"] == ["Tim Wright"]
        kinds = sorted(row["kind"] for row in seen.shown("incident_events"))
        assert kinds == ["acknowledged", "detected", "resolved"]


def test_a_webhook_and_the_log_that_tell_of_one_step_are_one_event() -> None:
    account, seen = Account(now=after(600)), Seen()
    play(account, "PT4KHLK", "0 trigger, 4 acknowledge, 30 resolve")
    made = source(account)
    for incoming in STORY:
        deliver(made, incoming, seen)
    run(made, seen)
    events = seen.shown("incident_events")
    assert len(events) == 3
    assert {row["actor"] for row in events} == {"", "earline@example.org"}


def test_a_webhook_after_the_log_takes_nothing_away() -> None:
    account, seen = Account(now=after(600)), Seen()
    play(account, "PT4KHLK", "0 trigger, 4 acknowledge, 20 escalate")
    made = source(account)
    run(made, seen)
    deliver(made, STORY[2], seen)
    found = seen.incident("PT4KHLK")
    assert (found["acknowledged_at"], found["resolved_at"]) == (after(4), after(30))
    assert "earline@example.org" in found["responders"]


@pytest.mark.parametrize(
    ("event", "why"),
    [("incident.workflow.started", "ktlo does not use this event"), ("pagey.ping", "does not use")],
)
def test_an_event_that_is_not_used_is_ignored_with_the_reason(event: str, why: str) -> None:
    incoming = webhook("x", NOON, {"message": "Hello"}, event_type=event, resource_type="pagey")
    assert why in source(Account(now=NOON)).receive(incoming).why_ignored


def test_an_incident_that_is_moved_to_another_service_is_of_that_at_once() -> None:
    made, seen = source(Account(now=NOON)), Seen()
    deliver(made, STORY[0], seen)
    moved = item("triggered") | {
        "service": {"id": "PF9KMXH", "type": "service_reference", "summary": "API Service"}
    }
    deliver(made, webhook("service_updated", after(2), moved), seen)
    assert seen.incident("PT4KHLK")["service"] == "API Service"


def test_a_note_belongs_to_its_incident() -> None:
    note = {"id": "PWL7QXS", "type": "incident_note", "incident": {"id": "P1"}, "content": "rebooted"}
    taken = source(Account(now=NOON)).receive(webhook("annotated", NOON, note))
    (event,) = from_arrow(taken.rows["incident_events"], IncidentEvent)
    assert (event.incident_id, event.kind) == ("P1", "note")
    assert "incidents" not in taken.rows


def signed(key: str) -> str:
    return "v1=" + hmac.new(key.encode(), STORY[0].body, "sha256").hexdigest()


@pytest.mark.parametrize(
    "header", [signed("k"), f"{signed('old')},{signed('k')}", f"{signed('k')}, {signed('old')}"]
)
def test_a_signature_by_the_secret_is_proof_also_beside_another(header: str) -> None:
    made = source(Account(now=NOON))
    made.verify(Incoming({"x-pagerduty-signature": header}, STORY[0].body, NOON), "k")


@pytest.mark.parametrize(
    "header", ["", "v1=", "v1=zz", signed("other"), signed("k").removeprefix("v1="), "v2=" + signed("k")]
)
def test_anything_else_is_no_proof(header: str) -> None:
    with pytest.raises(SignatureError):
        source(Account(now=NOON)).verify(
            Incoming({"x-pagerduty-signature": header}, STORY[0].body, NOON), "k"
        )


def test_the_incidents_of_a_webhook_carry_titles_as_they_are() -> None:
    taken = source(Account(now=NOON)).receive(STORY[0])
    (found,) = from_arrow(taken.rows["incidents"], Incident)
    assert (found.title, found.severity) == ("The server is on <b>fire</b>. 🔥", "low")
