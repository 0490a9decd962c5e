"""Opsgenie: ten alerts worked out by hand, pages, resuming, webhooks, and its ways to fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import re
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from collected_rows import Seen, run

from ktlo.errors import SignatureError, UserError
from ktlo.sources.hooked import Incoming
from ktlo.sources.opsgenie import OpsgenieSource
from ktlo.sources.opsgenie.source import OpsgenieConfig
from ktlo.sources.protocol import Status
from ktlo.sources.rest import lists
from ktlo.sources.rest.quota import World

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
BY_HAND = """
# id | minutes until acknowledged, closed | by    | tags                | state    | ack | ended | service
A0 |  - |  -  |                    |                     | open     |  -  |  -  | db-1
A1 |  3 |  -  | ada@example.org    | service:checkout    | open     |  3  |  -  | checkout
A2 |  3 | 33  | ada@example.org    | service:checkout,x  | resolved |  3  |  33 | checkout
A3 |  - | 20  |                    | x                   | resolved |  -  |  20 | db-1
A4 |  5 |  6  | ada@example.org    | Service: search     | resolved |  5  |  6  | search
A5 | 60 | 90  | grace@example.org  |                     | resolved | 60  |  90 | db-1
A6 |  1 | 600 | grace@example.org  |                     | resolved |  1  | 600 | db-1
A7 |  2 |  -  | System             |                     | open     |  2  |  -  | db-1
A8 |  - |  1  | Alert API          |                     | resolved |  -  |  1  | db-1
A9 |  7 |  8  | ada@example.org    | service:            | resolved |  7  |  8  |
"""


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert(key: str, acknowledged: str, closed: str, who: str, tags: str) -> dict[str, Any]:
    changes = [int(said) for said in (acknowledged, closed) if said != "-"]
    return {
        "id": key,
        "tinyId": key[1:],
        "alias": key,
        "message": "Disk <b>full</b> 🔥",
        "status": "open" if closed == "-" else "closed",
        "acknowledged": acknowledged != "-",
        "isSeen": True,
        "tags": [tag.strip() for tag in tags.split(",") if tag.strip()],
        "snoozed": False,
        "count": 1,
        "createdAt": stamp(NOON),
        "updatedAt": stamp(after(max(changes, default=0))),
        "source": "Monitoring",
        "owner": who if "@" in who else "",
        "priority": "P2",
        "entity": "db-1",
        "responders": [{"id": "1", "type": "team", "name": "Payments"}],
        "report": {
            "ackTime": int(acknowledged) * 60_000 if acknowledged != "-" else None,
            "closeTime": int(closed) * 60_000 if closed != "-" else None,
            "acknowledgedBy": who if acknowledged != "-" else None,
            "closedBy": who if closed != "-" else None,
        },
    }


class Account:
    """An Opsgenie account that answers as its published description says."""

    def __init__(self) -> None:
        self.alerts = [alert(key, ack, end, who, tags) for key, ack, end, who, tags, *_ in lines()]
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": "Wed, 02 Sep 2026 12:00:00 GMT"}
        if request.headers.get("authorization") != "GenieKey k3y":
            return httpx.Response(401, json={"message": "Could not authenticate"}, headers=headers)
        assert request.url.path == "/v2/alerts"
        query = {k: v[-1] for k, v in parse_qs(request.url.query.decode()).items()}
        self.asked.append(query.get("query", ""))
        found = sorted(self.alerts, key=lambda one: one["updatedAt"])
        if match := re.fullmatch(r"updatedAt >= (\d+)", query.get("query", "")):
            since = dt.datetime.fromtimestamp(int(match[1]) / 1000, dt.UTC)
            found = [one for one in found if dt.datetime.fromisoformat(one["updatedAt"]) >= since]
        offset, limit = int(query.get("offset", 0)), int(query["limit"])
        paging = {"next": "https://api.opsgenie.com/next"} if offset + limit < len(found) else {}
        return httpx.Response(
            200, json={"data": found[offset : offset + limit], "paging": paging}, headers=headers
        )


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")


def source(account: Account, **options: Any) -> OpsgenieSource:
    config = OpsgenieConfig(**{"token": "env:OG_KEY", "since": dt.date(2026, 8, 1), **options})
    return OpsgenieSource(config, World(), httpx.MockTransport(account.answer))


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_alerts_have_the_phases_worked_out_by_hand(line: list[str]) -> None:
    key, _, _, who, _, state, acknowledged, ended, service = line
    seen = Seen()
    assert run(source(Account()), seen) is None
    found = seen.item(key)
    assert (found["state"], found["service"], found["severity"], found["team"]) == (
        state,
        service,
        "P2",
        "Payments",
    )
    assert found["acknowledged_at"] == (None if acknowledged == "-" else after(int(acknowledged)))
    assert found["resolved_at"] == (None if ended == "-" else after(int(ended)))
    assert found["responders"] == ([who] if "@" in who else [])
    kinds = [kind for kind, _ in seen.steps(key)]
    assert kinds == ["detected"] + ["acknowledged"] * (acknowledged != "-") + ["resolved"] * (ended != "-")


def test_pages_and_cuts_end_in_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PER_PAGE", 3)
    monkeypatch.setattr("ktlo.sources.opsgenie.source.PER_PAGE", 3)
    whole = Seen()
    run(source(Account()), whole)
    assert len(whole.shown("incidents")) == 10
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(Account()), seen, stop_after=cut)
        run(source(Account()), seen)
        assert seen.rows == whole.rows


def test_a_second_run_asks_for_what_changed_since() -> None:
    account, seen = Account(), Seen()
    run(source(account), seen)
    account.asked.clear()
    account.alerts[0] |= {
        "status": "closed",
        "updatedAt": stamp(after(700)),
        "report": {"closeTime": 700 * 60_000},
    }
    run(source(account), seen)
    assert seen.item("A0")["resolved_at"] == after(700)
    assert len(account.asked) == 1


def webhook(action: str, at: dt.datetime, who: str = "ada@example.org") -> Incoming:
    body = {
        "source": {"name": "", "type": "web"},
        "alert": {
            "alertId": "A0",
            "message": "Disk full",
            "tags": ["service:checkout"],
            "tinyId": "28",
            "entity": "db-1",
            "createdAt": int(NOON.timestamp() * 1000),
            "updatedAt": int(at.timestamp() * 1000),
            "username": who,
            "priority": "P2",
        },
        "action": action,
        "integrationName": "Webhook",
    }
    return Incoming({}, json.dumps(body).encode(), at)


def test_webhooks_in_any_order_end_in_the_same_incident() -> None:
    story = [webhook("Create", NOON, "System"), webhook("Acknowledge", after(3)), webhook("Close", after(9))]
    made = source(Account())
    for order in itertools.permutations(story):
        seen = Seen()
        for incoming in order:
            seen.take(made.receive(incoming))
        found = seen.item("A0")
        assert (found["state"], found["service"]) == ("resolved", "checkout")
        assert (found["acknowledged_at"], found["resolved_at"]) == (after(3), after(9))
        assert seen.steps("A0") == [
            ("detected", ""),
            ("acknowledged", "ada@example.org"),
            ("resolved", "ada@example.org"),
        ]


def test_an_action_that_is_not_used_is_ignored_with_the_reason() -> None:
    assert source(Account()).receive(webhook("AddTags", NOON)).why_ignored == "ktlo does not use this action"


def test_the_secret_is_the_proof() -> None:
    source(Account()).verify(Incoming({"authorization": "Bearer k"}, b"", NOON), "k")
    with pytest.raises(SignatureError):
        source(Account()).verify(Incoming({}, b"", NOON), "k")


def test_a_key_that_is_not_accepted_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "old")
    failure = run(source(Account()), Seen())
    assert isinstance(failure, UserError)
    assert "API key management" in failure.fix
    assert asyncio.run(source(Account()).check()).status is Status.UNREACHABLE


def test_an_alert_of_an_unexpected_form_costs_itself_only() -> None:
    account, seen = Account(), Seen()
    account.alerts[3]["createdAt"] = "soon"
    account.alerts[4]["tags"] = "x"
    run(source(account), seen)
    assert len(seen.shown("incidents")) == 8
    assert len(seen.rejected) == 2
