"""Ten alerts worked out by hand, as Alertmanager and as Grafana tell them, in any order and more than once.

Shapes are the published ones: Prometheus' "<webhook_config>" (version 4), and Grafana's "Configure the webhook
notifier" with its example alert.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

import pytest
from collected_rows import Seen

from ktlo.sources.alertmanager import AlertmanagerSource
from ktlo.sources.alertmanager.source import AlertsConfig
from ktlo.sources.grafana import GrafanaSource
from ktlo.sources.hooked import Incoming

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
NEVER = "0001-01-01T00:00:00Z"
BY_HAND = """
# id | labels                           | minutes after noon: what each one tells            | service  | state    | end
A0   | service=checkout                 | firing 0                                           | checkout | open     | -
A1   | service=checkout                 | firing 0, resolved 0 to 30                         | checkout | resolved | 30
A2   | service=checkout                 | firing 0, firing 0, firing 0, resolved 0 to 45     | checkout | resolved | 45
A3   | app=shop, job=node               | resolved 5 to 6                                    | shop     | resolved | 6
A4   | job=node                         | firing 5, resolved 5 to 5                          | node     | resolved | 5
A5   | team=blue, zone=us-1             | firing 3, resolved 3 to 63                         |          | resolved | 63
A6   | service_name=pay, service=cart   | firing 2, resolved 2 to 9                          | cart     | resolved | 9
A7   | app_kubernetes_io_name=api       | firing 1                                           | api      | open     | -
A8   | service=checkout, again=once     | firing 10, resolved 10 to 20                       | checkout | resolved | 20
A8   | service=checkout, again=once     | firing 90                                          | checkout | open     | -
"""
TITLE = "Slow for <b>everybody</b> 🔥"


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def stamp(moment: dt.datetime, zone: dt.tzinfo = dt.UTC) -> str:
    return moment.astimezone(zone).isoformat()


def alert(key: str, labels: str, step: str, zone: dt.tzinfo = dt.UTC) -> dict[str, Any]:
    status, began, *ended = step.split()
    given = dict(pair.strip().split("=") for pair in labels.split(","))
    return {
        "status": status,
        "labels": {"alertname": "High memory usage", "severity": "page", **given},
        "annotations": {
            "description": "The system has high memory usage",
            "runbook_url": "https://myrunbook.com/runbook/1234",
            "summary": TITLE,
        },
        "startsAt": stamp(after(int(began)), zone),
        "endsAt": stamp(after(int(ended[1])), zone) if ended else NEVER,
        "generatorURL": "https://play.grafana.org/alerting/1afz29v7z/edit",
        "fingerprint": f"c6eadffa33fcdf{key.lower()}",
    }


def as_alertmanager(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="High memory usage"}',
        "truncatedAlerts": 0,
        "status": told["status"],
        "receiver": "ktlo",
        "groupLabels": {"alertname": "High memory usage"},
        "commonLabels": told["labels"],
        "commonAnnotations": told["annotations"],
        "externalURL": "http://alerts.example.org",
        "alerts": [told],
    }


def as_grafana(told: dict[str, Any]) -> dict[str, Any]:
    more = {
        "silenceURL": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana",
        "dashboardURL": "https://play.grafana.org/d/abc123",
        "panelURL": "",
        "values": {"B": 44.23943737541908, "C": 1},
    }
    return {
        **as_alertmanager({**told, **more}),
        "version": "1",
        "orgId": 1,
        "title": f"[{told['status'].upper()}:1] High memory usage",
        "state": "ok" if told["status"] == "resolved" else "alerting",
        "message": "The system has high memory usage",
    }


FORMS = {"alertmanager": (AlertmanagerSource, as_alertmanager), "grafana": (GrafanaSource, as_grafana)}


def notifications(kind: str, zone: dt.tzinfo = dt.UTC) -> list[dict[str, Any]]:
    """Every notification of the table, in its order."""
    form = FORMS[kind][1]
    return [
        form(alert(key, labels, step.strip(), zone))
        for key, labels, steps, *_ in lines()
        for step in steps.split(",")
    ]


@pytest.mark.parametrize("kind", list(FORMS))
@pytest.mark.parametrize("order", range(4))
def test_ten_alerts_are_as_worked_out_by_hand_in_any_order_and_told_twice(kind: str, order: int) -> None:
    zone = dt.UTC if order % 2 else dt.timezone(dt.timedelta(hours=2))
    told = notifications(kind, zone)
    if order:
        told = [*told, *told]
        random.Random(order).shuffle(told)
    made, seen = FORMS[kind][0](AlertsConfig(name="prod")), Seen()
    for body in told:
        seen.take(made.receive(Incoming({}, json.dumps(body).encode(), NOON)))
    assert len(seen.shown("incidents")) == 10
    for key, _, steps, service, state, ended in lines():
        began = after(int(steps.split()[1].strip(",")))
        found = seen.item(f"c6eadffa33fcdf{key.lower()}@{began:%Y-%m-%dT%H:%M:%SZ}")
        assert (found["service"], found["state"], found["title"]) == (service, state, TITLE)
        assert (found["detected_at"], found["severity"]) == (began, "page")
        assert found["resolved_at"] == (None if ended == "-" else after(int(ended)))
        kinds = [kind for kind, _ in seen.steps(found["external_id"])]
        assert kinds == ["detected"] + ["resolved"] * (ended != "-")
