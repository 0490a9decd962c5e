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
from opsgenie_published import published
from opsgenie_timelines import Timelines

from ktlo.errors import SignatureError, UserError
from ktlo.sources.hooked import Incoming
from ktlo.sources.opsgenie import OpsgenieSource
from ktlo.sources.opsgenie.source import OpsgenieConfig
from ktlo.sources.protocol import Status
from ktlo.sources.rest import gathering
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
        "responders": [{"id": "t-1", "type": "team"}],
        "report": {
            **({"ackTime": int(acknowledged) * 60_000, "acknowledgedBy": who} if acknowledged != "-" else {}),
            **({"closeTime": int(closed) * 60_000, "closedBy": who} if closed != "-" else {}),
        },
    }


RETRIEVED_ONLY = {"entity", "description", "details", "actions"}
"""What Opsgenie tells of an alert only when it is asked for by itself."""


class Account:
    """An Opsgenie account that answers as its published description says; of alerts, or it fails the test."""

    def __init__(self) -> None:
        self.is_as_described = True  # not where a test makes it answer what Opsgenie does not describe
        self.alerts = [alert(key, ack, end, who, tags) for key, ack, end, who, tags, *_ in lines()]
        self.asked: list[str] = []
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.may_read_logs = True
        self.now = dt.datetime(2026, 9, 2, 12, tzinfo=dt.UTC)
        self.timelines = Timelines()
        self.teams: tuple[int, list[dict[str, str]]] = (200, [{"id": "t-1", "name": "Payments"}])

    def answer(self, request: httpx.Request) -> httpx.Response:
        given = self._answer(request)
        path, query = request.url.path, parse_qs(request.url.query.decode())
        is_of_alerts = given.status_code == 200 and path.startswith("/v2/alerts")
        if is_of_alerts and self.is_as_described and (description := published()):
            wrong = [*description.violations(path, query, given.json())]
            assert not wrong, f"Opsgenie describes {path} otherwise: {wrong[:3]}"
        return given

    def _answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if request.headers.get("authorization") != "GenieKey k3y":
            return httpx.Response(401, json={"message": "Could not authenticate"}, headers=headers)
        query = {k: v[-1] for k, v in parse_qs(request.url.query.decode()).items()}
        if request.url.path.startswith("/v2/schedules"):
            status, body = self.timelines.found(request.url.path, query, self.now)
            return httpx.Response(status, json=body, headers=headers)
        if request.url.path == "/v2/teams":
            return httpx.Response(self.teams[0], json={"data": self.teams[1]}, headers=headers)
        if request.url.path != "/v2/alerts":
            return self.one(request.url.path, query, headers)
        self.asked.append(query.get("query", ""))
        sort = query.get("sort", "createdAt")
        found = sorted(self.alerts, key=lambda one: one[sort])
        if match := re.fullmatch(r"(status: open AND )?(\w+) >= (\d+)", query.get("query", "")):
            since = dt.datetime.fromtimestamp(int(match[3]) / 1000, dt.UTC)
            found = [
                one
                for one in found
                if one[match[2]] >= stamp(since) and not (match[1] and one["status"] != "open")
            ]
        offset, limit = int(query.get("offset", 0)), int(query["limit"])
        paging = {"next": "https://api.opsgenie.com/next"} if offset + limit < len(found) else {}
        page = [
            {name: value for name, value in one.items() if name not in RETRIEVED_ONLY}
            for one in found[offset : offset + limit]
        ]
        return httpx.Response(200, json={"data": page, "paging": paging}, headers=headers)

    def one(self, path: str, query: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        """An alert by itself, or a page of its log."""
        key, _, rest = path.removeprefix("/v2/alerts/").partition("/")
        found = next((one for one in self.alerts if one["id"] == key), None)
        if found is None:
            return httpx.Response(404, json={"message": "Alert does not exist"}, headers=headers)
        if not rest:
            return httpx.Response(200, json={"data": found}, headers=headers)
        assert rest == "logs"
        if not self.may_read_logs:
            return httpx.Response(403, json={"message": "You are not authorized"}, headers=headers)
        log = [one for one in self.logs.get(key, []) if one["offset"] > query.get("offset", "")]
        page = log[: int(query["limit"])]
        following = (
            f"https://api.opsgenie.com{path}?direction=next&offset={page[-1]['offset']}" if page else None
        )
        paging = {"next": following} if len(page) < len(log) else {}
        return httpx.Response(200, json={"data": page, "paging": paging}, headers=headers)

    def wrote(self, key: str, minutes: float, text: str, who: str, kind: str = "system") -> None:
        """An entry of an alert's log, of the published form."""
        entry = {"log": text, "type": kind, "owner": who, "createdAt": stamp(after(minutes))}
        self.logs.setdefault(key, []).append({**entry, "offset": f"{minutes * 60_000:013.0f}"})


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")


def source(account: Account, **options: Any) -> OpsgenieSource:
    config = OpsgenieConfig(**{"token": "env:OG_KEY", "since": dt.date(2026, 8, 1), **options})
    return OpsgenieSource(config, World(), httpx.MockTransport(account.answer))


def test_the_team_of_an_alert_is_named_by_the_list_of_teams_or_it_is_said() -> None:
    account, seen = Account(), Seen()
    assert run(source(account), seen) is None
    assert {row["team"] for row in seen.shown("incidents")} == {"Payments"}
    account, seen = Account(), Seen()
    account.teams = (403, [])
    (missing,) = [one for one in asyncio.run(source(account).check()).missing if "/v2/teams" in one.what]
    assert "Configuration Access" in missing.fix
    assert run(source(account), seen) is None
    assert {row["team"] for row in seen.shown("incidents")} == {""}
    assert [reason for reason in seen.rejected if "names of teams" in reason] == [
        "Opsgenie refuses (403): no reason given. So there are not all names of teams"
    ]


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
    monkeypatch.setattr(gathering, "PER_PAGE", 3)
    monkeypatch.setattr("ktlo.sources.opsgenie.run.PER_PAGE", 3)
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


def test_without_a_report_the_log_tells_the_end_and_a_later_tag_does_not_move_it() -> None:
    account, seen = Account(), Seen()
    account.alerts[0] |= {"status": "closed", "updatedAt": stamp(after(10)), "report": {}}
    account.wrote("A0", 3, "Alert acknowledged via web", "neo@opsgenie.com")
    account.wrote("A0", 9, "Alert closed via web", "neo@opsgenie.com")
    for minutes in (10, 490 * 60):
        account.alerts[0]["updatedAt"] = stamp(after(minutes))
        run(source(account), seen)
        found = seen.item("A0")
        assert (found["acknowledged_at"], found["resolved_at"]) == (after(3), after(9))
        assert found["responders"] == ["neo@opsgenie.com"]
    assert seen.steps("A0") == [
        ("detected", ""),
        ("acknowledged", "neo@opsgenie.com"),
        ("resolved", "neo@opsgenie.com"),
    ]


def test_an_end_that_nothing_tells_is_not_made_up() -> None:
    account, seen = Account(), Seen()
    account.may_read_logs = False
    account.alerts[0] |= {"status": "closed", "updatedAt": stamp(after(10)), "report": {}}
    assert run(source(account), seen) is None
    assert (seen.item("A0")["state"], seen.item("A0")["resolved_at"]) == ("resolved", None)
    assert len(seen.shown("incidents")) == 10
    assert sum("not who was paged" in reason for reason in seen.rejected) == 1
    assert sum("tells when it was closed" in reason for reason in seen.rejected) == 1
    health = asyncio.run(source(account).check())
    assert health.status is Status.LIMITED
    assert any(one.what.startswith("logs of alerts") for one in health.missing)


def test_the_log_tells_who_was_paged_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ktlo.sources.opsgenie.run.PER_PAGE", 2)
    account, seen = Account(), Seen()
    rule = "Rule[New Alert][Start Notify][0 min]"
    account.wrote("A1", 0.5, f"{rule} -> Sent [email] notification", "ada@example.org", "alertRecipient")
    account.wrote("A1", 1, f"{rule} -> Sent [voice] notification", "ada@example.org", "alertRecipient")
    account.wrote("A1", 2, f"{rule} -> Sent [sms] notification", "grace@example.org", "alertRecipient")
    account.wrote("A1", 2.5, "Viewed on [web]", "trinity@opsgenie.com", "alertRecipient")
    run(source(account), seen)
    told = [row for row in seen.shown("incident_events") if row["kind"] == "paged"]
    assert sorted((row["occurred_at"], row["after"], row["actor"]) for row in told) == [
        (after(0.5), "ada@example.org", ""),
        (after(1), "ada@example.org", ""),
        (after(2), "grace@example.org", ""),
    ]


def test_a_deleted_alert_is_removed_and_an_old_open_one_is_in() -> None:
    account, seen = Account(), Seen()
    old = alert("A99", "-", "-", "", "")
    account.alerts.append(old | {"createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-01-01T00:00:00Z"})
    run(source(account), seen)
    assert seen.item("A99")["state"] == "open"
    account.alerts = [one for one in account.alerts if one["id"] not in ("A0", "A99")]
    account.now += dt.timedelta(days=2)
    run(source(account), seen)
    assert {"A0", "A99"}.isdisjoint(row["external_id"] for row in seen.shown("incidents"))
    assert len(seen.shown("incidents")) == 9


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
            "updatedAt": int(at.timestamp() * 1000) * 1_000_000 + 2246,
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


@pytest.mark.parametrize("later", ["AddNote", "Snooze", "AssignOwnership", "UnAcknowledge", "EscalateNext"])
def test_nothing_that_comes_after_the_closing_reopens_an_alert_in_whatever_order(later: str) -> None:
    story = [
        webhook("Create", NOON, "System"),
        webhook("Acknowledge", after(3)),
        webhook(later, after(5)),
        webhook("Close", after(9)),
        webhook(later, after(20)),
    ]
    made = source(Account())
    for order in itertools.permutations(story):
        seen = Seen()
        for incoming in order:
            seen.take(made.receive(incoming))
        found = seen.item("A0")
        assert (found["state"], found["resolved_at"]) == ("resolved", after(9))
        assert (found["detected_at"], found["acknowledged_at"]) == (NOON, after(3))


def test_a_deleted_alert_is_gone_in_whatever_order_it_is_told() -> None:
    story = [webhook("Create", NOON), webhook("Close", after(9)), webhook("Delete", after(9))]
    for order in itertools.permutations(story):
        seen = Seen()
        for incoming in order:
            seen.take(source(Account()).receive(incoming))
        assert seen.shown("incidents") == []


def test_an_action_without_times_does_not_reopen_either() -> None:
    bare = {"action": "AddNote", "alert": {"alertId": "A0", "message": "Disk full"}}
    seen, made = Seen(), source(Account())
    seen.take(made.receive(webhook("Close", after(9))))
    seen.take(made.receive(Incoming({}, json.dumps(bare).encode(), after(30))))
    assert (seen.item("A0")["state"], seen.item("A0")["detected_at"]) == ("resolved", NOON)


def test_the_next_reading_completes_what_webhooks_told() -> None:
    account, seen = Account(), Seen()
    account.alerts[0] |= {
        "status": "closed",
        "updatedAt": stamp(after(9)),
        "report": {"closeTime": 9 * 60_000},
    }
    seen.take(source(account).receive(webhook("Close", after(9))))
    run(source(account), seen)
    assert (seen.item("A0")["team"], seen.item("A0")["resolved_at"]) == ("Payments", after(9))


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
    account.is_as_described = False
    account.alerts[3]["createdAt"] = "soon"
    account.alerts[4]["tags"] = "x"
    run(source(account), seen)
    assert len(seen.shown("incidents")) == 8
    assert len(seen.rejected) == 2
