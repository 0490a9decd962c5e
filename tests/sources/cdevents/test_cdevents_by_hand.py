"""Ten incidents, tickets and deployments told by CDEvents, worked out by hand, in any order and more than once.

Shapes are those of the specification's own conformance examples (``cdevents/spec``, ``conformance/incident_*.json``
and ``ticket_*.json``).
"""

from __future__ import annotations

import random

import pytest
from collected_rows import Seen
from test_cdevents import after, event, source, structured

from ktlo.sources.hooked import Incoming

TITLE = "Response time above <b>100ms</b> 🐢"
INCIDENTS = """
# id | minutes after noon and event                  | service  | state    | detected | ended
I0   | 0 detected                                    | checkout | open     | 0  | -
I1   | 0 detected, 30 resolved                       | checkout | resolved | 0  | 30
I2   | 0 detected, 5 reported, 30 resolved           | checkout | resolved | 0  | 30
I3   | 2 reported                                    | checkout | open     | 2  | -
I4   | 2 reported, 9 resolved                        | checkout | resolved | 2  | 9
I5   | 7 resolved                                    | checkout | resolved | 7  | 7
I6   | 0 detected, 0 resolved                        | checkout | resolved | 0  | 0
I7   | 0 detected, 10 resolved, 20 resolved          | checkout | resolved | 0  | 20
I8   | 0 detected, 10 resolved, 15 detected          | checkout | open     | 0  | -
I9   | 1 detected, 2 reported, 3 reported, 4 reported | checkout | open    | 1  | -
"""
TICKETS = """
# id | minutes after noon and event                            | state  | created | closed
T0   | 0 created                                               | open   | 0 | -
T1   | 0 created, 30 closed                                    | closed | 0 | 30
T2   | 0 created, 5 updated, 30 closed                         | closed | 0 | 30
T3   | 0 created, 5 updated, 6 updated                         | open   | 0 | -
T4   | 4 updated                                               | open   | 4 | -
T5   | 4 updated, 9 closed                                     | closed | 4 | 9
T6   | 8 closed                                                | closed | 8 | 8
T7   | 0 created, 9 closed, 12 updated                         | open   | 0 | -
T8   | 0 created, 9 closed, 12 updated, 15 closed              | closed | 0 | 15
T9   | 0 created, 9 closed, 9 deleted                          | gone   | - | -
"""
DEPLOYMENTS = """
# id | event              | subject              | environment     | artifact                                 | service  | environment | version
S0   | service.deployed   | namespaceB/checkout  | prod1           | pkg:oci/checkout@sha256%3A0b31b1?tag=1.2 | checkout | prod1 | 1.2
S1   | service.upgraded   | namespaceB/checkout  | prod1           | pkg:oci/checkout@sha256%3A77c0de?tag=1.3 | checkout | prod1 | 1.3
S2   | service.rolledback | namespaceB/checkout  | prod1           | pkg:oci/checkout@sha256%3A0b31b1?tag=1.2 | checkout | prod1 | 1.2
S3   | service.deployed   | checkout             | /iaas/geo1/prod2 | pkg:golang/mygit.com/shop@234fd47e07d1  | checkout | prod2 | 234fd47e07d1
S4   | service.deployed   | checkout             | prod1           | pkg:oci/checkout@sha256%3A0b31b1         | checkout | prod1 | sha256:0b31b1
S5   | service.deployed   | checkout             | prod1           | pkg:oci/checkout                         | checkout | prod1 |
S6   | service.deployed   | checkout             |                 | pkg:npm/%40shop/cart@4.0.0-rc.1?x=y#z    | checkout |       | 4.0.0-rc.1
S7   | service.deployed   | shop <b> & 🔥        | prod1           | pkg:oci/shop@1?repository_url=a&tag=v%2B2 | shop <b> & 🔥 | prod1 | v+2
S8   | service.removed    | checkout             | prod1           |                                          | none     |       |
S9   | service.published  | checkout             | prod1           |                                          | none     |       |
"""  # noqa: E501


def lines(table: str) -> list[list[str]]:
    rows = [line for line in table.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def told(table: str, subject: str) -> list[Incoming]:
    """Every event of a table, in its order."""
    found = []
    for key, steps, *_ in lines(table):
        for step in steps.split(","):
            minutes, predicate = step.split()
            content = (
                {
                    "description": TITLE,
                    "environment": {"id": "prod1", "source": "/iaas/geo1"},
                    "service": {"id": "namespaceB/checkout", "source": "/clusterA/namespaceB"},
                }
                if subject == "incident"
                else {"summary": TITLE, "ticketType": "bug", "creator": "Alice", "priority": "high"}
            )
            found.append(structured(event(f"{subject}.{predicate}", key, int(minutes), **content)))
    return found


def shown(table: str, subject: str, order: int) -> Seen:
    seen, given = Seen(), told(table, subject)
    if order:
        given = [*given, *given]
        random.Random(order).shuffle(given)
    for incoming in given:
        seen.take(source().receive(incoming))
    return seen


@pytest.mark.parametrize("order", range(4))
def test_ten_incidents_are_as_worked_out_by_hand_in_any_order_and_told_twice(order: int) -> None:
    seen = shown(INCIDENTS, "incident", order)
    assert len(seen.shown("incidents")) == 10
    for key, _, service, state, detected, ended in lines(INCIDENTS):
        found = seen.item(key)
        assert (key, found["service"], found["state"], found["title"]) == (key, service, state, TITLE)
        assert found["detected_at"] == after(int(detected))
        assert (key, found["resolved_at"]) == (key, None if ended == "-" else after(int(ended)))


@pytest.mark.parametrize("order", range(4))
def test_ten_tickets_are_as_worked_out_by_hand_in_any_order_and_told_twice(order: int) -> None:
    seen = shown(TICKETS, "ticket", order)
    for key, _, state, created, closed in lines(TICKETS):
        if state == "gone":
            assert key not in {row["external_id"] for row in seen.shown("issues")}
            continue
        found = seen.item(key, "issues")
        assert (key, found["state"], found["title"], found["issue_type"]) == (key, state, TITLE, "bug")
        assert (key, found["created_at"]) == (key, after(int(created)))
        assert (key, found["closed_at"]) == (key, None if closed == "-" else after(int(closed)))


@pytest.mark.parametrize("order", range(4))
def test_ten_deployments_are_as_worked_out_by_hand_in_any_order_and_told_twice(order: int) -> None:
    told = []
    for number, (_, kind, subject, environment, artifact, *_) in enumerate(lines(DEPLOYMENTS)):
        content = {"environment": {"id": environment, "source": "/iaas"}} if environment else {}
        told.append(structured(event(kind, subject, number, artifactId=artifact, **content)))
    if order:
        told = [*told, *told]
        random.Random(order).shuffle(told)
    seen = Seen()
    for incoming in told:
        seen.take(source().receive(incoming))
    found = {row["started_at"]: row for row in seen.shown("deployments")}
    expected = {after(number): line for number, line in enumerate(lines(DEPLOYMENTS)) if line[5] != "none"}
    assert set(found) == set(expected)
    for at, (key, _, _, _, _, service, environment, version) in expected.items():
        row = found[at]
        assert (key, row["service"], row["environment"]) == (key, service, environment)
        assert (key, row["version"], row["status"], row["finished_at"]) == (key, version, "success", at)
