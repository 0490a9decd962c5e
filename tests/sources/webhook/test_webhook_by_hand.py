"""Ten incidents, issues and deployments through a mapping of one's own, by hand, in any order and told twice."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

import pytest
from collected_rows import Seen
from test_webhook import MAPPING, NOON, PAGER, source

from ktlo.sources.hooked import Incoming

INCIDENTS = """
# id | minutes after noon: status                  | state    | acknowledged | ended
W0   | 0 open                                      | open     | -  | -
W1   | 0 open, 5 acknowledged                      | open     | 5  | -
W2   | 0 open, 5 acknowledged, 30 resolved         | resolved | 5  | 30
W3   | 0 open, 30 resolved                         | resolved | -  | 30
W4   | 0 resolved                                  | resolved | -  | 0
W5   | 0 open, 10 resolved, 20 open                | open     | -  | -
W6   | 0 open, 10 resolved, 20 open, 40 resolved   | resolved | -  | 40
W7   | 0 open, 3 cancelled                         | cancelled | - | 3
W8   | 0 open, 3 acknowledged, 9 cancelled         | cancelled | 3 | 9
W9   | 0 acknowledged, 1 resolved                  | resolved | 0  | 1
"""
ISSUES = """
# id | minutes after noon: status     | state  | closed
B0   | 0 open                         | open   | -
B1   | 0 open, 30 closed              | closed | 30
B2   | 0 open, 5 in progress          | open   | -
B3   | 0 open, 5 in progress, 9 done  | closed | 9
B4   | 0 closed                       | closed | 0
B5   | 0 open, 10 closed, 20 open     | open   | -
B6   | 0 open, 10 closed, 20 open, 40 closed | closed | 40
B7   | 0 open, 8 resolved             | closed | 8
B8   | 0 new                          | open   | -
B9   | 0 new, 1 closed                | closed | 1
"""
DEPLOYMENTS = """
# id | minutes after noon: what the tool says | status      | version | finished
D0   | 0 running                              | in_progress | 1.0     | -
D1   | 0 running, 5 success                   | success     | 1.0     | 5
D2   | 0 running, 5 failed                    | failure     | 1.0     | 5
D3   | 0 SUCCEEDED                            | success     | 1.0     | 0
D4   | 0 running, 3 failed, 9 success         | success     | 1.0     | 9
D5   | 0 pending, 1 running, 4 error          | failure     | 1.0     | 4
D6   | 0 running, 5 cancelled                 | inactive    | 1.0     | 5
D7   | 0 running, 5 purple                    | unknown     | 1.0     | 5
D8   | 0 running, 5 success, 8 gone           | gone        | 1.0     | -
D9   | 0 success, 6 rolled-back               | failure     | 1.0     | 6
"""
TITLE = PAGER["incident"]["summary"]


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def lines(table: str) -> list[list[str]]:
    rows = [line for line in table.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def bodies(table: str) -> list[dict[str, Any]]:
    """What the tool sends of a table, in its order: at each change the item as it is then."""
    found = []
    for key, steps, *_ in lines(table):
        acked = None
        for step in steps.split(","):
            minutes, _, status = step.strip().partition(" ")
            at = stamp(after(int(minutes)))
            acked = at if status == "acknowledged" else acked
            is_ended = status in ("resolved", "cancelled", "closed", "done")
            incident = {
                **PAGER["incident"],
                "ref": key,
                "status": status,
                "opened": stamp(NOON),
                "acked": acked,
                "fixed": at if is_ended else None,
                "changed": at,
            }
            found.append({"type": "incident.updated", "incident": incident})
    return found


AN_INCIDENT = {**MAPPING, "updated_at": "incident.changed"}
AN_ISSUE = {
    "external_id": "incident.ref",
    "title": "incident.summary",
    "service": "incident.service.name",
    "state": "incident.status",
    "created_at": "incident.opened",
    "closed_at": "incident.fixed",
    "updated_at": "incident.changed",
}


def shown(noun: str, mapping: dict[str, str], table: str, order: int) -> Seen:
    given, seen, made = bodies(table), Seen(), source(noun=noun, mapping=mapping)
    if order:
        given = [*given, *given]
        random.Random(order).shuffle(given)
    for body in given:
        seen.take(made.receive(Incoming({}, json.dumps(body).encode(), after(1440))))
    return seen


@pytest.mark.parametrize("order", range(3))
def test_ten_incidents_are_as_worked_out_by_hand_in_any_order_and_told_twice(order: int) -> None:
    seen = shown("incidents", AN_INCIDENT, INCIDENTS, order)
    for key, _, state, acknowledged, ended in lines(INCIDENTS):
        found = seen.item(key)
        assert (key, found["state"], found["title"], found["service"]) == (key, state, TITLE, "checkout")
        assert (found["detected_at"], found["severity"]) == (NOON, "P1")
        assert (key, found["acknowledged_at"]) == (
            key,
            None if acknowledged == "-" else after(int(acknowledged)),
        )
        assert (key, found["resolved_at"]) == (key, None if ended == "-" else after(int(ended)))


@pytest.mark.parametrize("order", range(3))
def test_ten_issues_are_as_worked_out_by_hand_in_any_order_and_told_twice(order: int) -> None:
    seen = shown("issues", AN_ISSUE, ISSUES, order)
    for key, _, state, closed in lines(ISSUES):
        found = seen.item(key, "issues")
        assert (key, found["state"], found["title"]) == (key, state, TITLE)
        assert (found["created_at"], found["closed_at"]) == (
            NOON,
            None if closed == "-" else after(int(closed)),
        )


A_DEPLOYMENT = {
    "external_id": "deployment.key",
    "service": "deployment.app",
    "environment": "deployment.env",
    "version": "deployment.version",
    "state": "deployment.says",
    "started_at": "deployment.begun",
    "finished_at": "deployment.ended",
}
OVER = ("success", "succeeded", "failed", "error", "cancelled", "purple", "rolled-back")


def deliveries(table: str) -> list[Incoming]:
    """What a deployer sends: at each change the deployment as it is then."""
    found = []
    for key, steps, *_ in lines(table):
        for step in steps.split(","):
            minutes, says = step.split()
            at = after(int(minutes))
            told = {"key": key, "app": "<b>shop</b>", "env": "production", "version": "1.0", "says": says}
            told |= {"begun": stamp(NOON), "ended": stamp(at) if says.lower() in OVER else None}
            found.append(Incoming({}, json.dumps({"deployment": told}).encode(), at))
    return found


@pytest.mark.parametrize("order", range(3))
def test_ten_deployments_are_as_worked_out_by_hand_in_any_order_and_told_twice(order: int) -> None:
    given, seen = deliveries(DEPLOYMENTS), Seen()
    made = source(
        noun="deployments",
        mapping=A_DEPLOYMENT,
        deleted="deployment.says == 'gone'",
        states={"cancelled": "inactive", "rolled-back": "failure"},
        event="",
    )
    if order:
        given = [*given, *given]
        random.Random(order).shuffle(given)
    for incoming in given:
        seen.take(made.receive(incoming))
    there = {row["external_id"]: row for row in seen.shown("deployments")}
    for key, _, status, version, finished in lines(DEPLOYMENTS):
        if status == "gone":
            assert key not in there
            continue
        row = there[key]
        assert (key, row["status"], row["version"], row["service"]) == (key, status, version, "<b>shop</b>")
        assert row["started_at"] == NOON
        assert (key, row["finished_at"]) == (key, None if finished == "-" else after(int(finished)))
