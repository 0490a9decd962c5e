"""Alerts become incidents: each once, with its true end, in whatever order it is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import itertools
import json
from typing import Any

import httpx
import pytest

from ktlo.errors import SignatureError, UserError
from ktlo.records.arrow import from_arrow
from ktlo.records.reliability import Incident
from ktlo.sources.alertmanager import AlertmanagerSource
from ktlo.sources.alertmanager.source import AlertsConfig
from ktlo.sources.grafana import GrafanaSource
from ktlo.sources.hooked import Hooked, Incoming
from ktlo.sources.protocol import Batch, Status
from ktlo.sources.rest.quota import World

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
GO_ZERO = "0001-01-01T00:00:00Z"


def source(**options: Any) -> AlertmanagerSource:
    return AlertmanagerSource(AlertsConfig(**{"name": "prod", **options}))


def alert(**given: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "page", "team": "payments"},
        "annotations": {"summary": "Checkout is slow"},
        "startsAt": "2026-09-01T12:00:00.5Z",
        "endsAt": GO_ZERO,
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "c0ffee",
        **given,
    }


def webhook(*alerts: Any, **given: Any) -> Incoming:
    body = {"version": "4", "status": "firing", "groupKey": "{}:{}", "alerts": list(alerts), **given}
    return Incoming({}, json.dumps(body).encode(), NOON)


def incidents(rows: Any) -> list[Incident]:
    return from_arrow(rows["incidents"], Incident)


def newest(*batches: Any) -> Incident:
    """What the store shows of one incident after all of these."""
    versioned = [
        (batch["incidents"]["row_version"][0].as_py(), n, incidents(batch)[0])
        for n, batch in enumerate(batches)
    ]
    return max(versioned, key=lambda each: each[:2])[2]


def test_a_firing_alert_is_an_open_incident_of_the_service_its_labels_name() -> None:
    taken = source().receive(webhook(alert()))
    (found,) = incidents(taken.rows)
    assert (found.external_id, found.service, found.team, found.severity) == (
        "c0ffee@2026-09-01T12:00:00Z",
        "checkout",
        "payments",
        "page",
    )
    assert (found.title, found.state, found.resolved_at) == ("Checkout is slow", "open", None)
    assert found.detected_at == NOON + dt.timedelta(seconds=0.5)
    assert taken.rows["incident_events"]["kind"].to_pylist() == ["detected"]


def test_a_resolved_alert_ends_the_incident_when_it_says() -> None:
    taken = source().receive(webhook(alert(status="resolved", endsAt="2026-09-01T12:30:00Z")))
    (found,) = incidents(taken.rows)
    assert (found.state, found.resolved_at) == ("resolved", NOON + dt.timedelta(minutes=30))
    assert taken.rows["incident_events"]["kind"].to_pylist() == ["detected", "resolved"]


def test_the_end_that_was_told_holds_in_every_order_of_arrival() -> None:
    firing = source().receive(webhook(alert())).rows
    told = source().receive(webhook(alert(status="resolved", endsAt="2026-09-01T12:00:00.5Z"))).rows
    guessed = gone_when_asked(alert())
    for order in itertools.permutations((firing, told, guessed)):
        assert newest(*order).resolved_at == NOON + dt.timedelta(seconds=0.5)
    for order in itertools.permutations((firing, guessed)):
        assert newest(*order).state == "resolved"


def gone_when_asked(one: dict[str, Any]) -> Any:
    """Rows of an alert that was active when first asked and no longer when asked again."""
    listed = {name: value for name, value in one.items() if name != "status"} | {
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}
    }
    answers = [[listed], []]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=answers.pop(0), headers={"date": "Tue, 01 Sep 2026 14:00:00 GMT"})

    asked = AlertmanagerSource(
        AlertsConfig(url="http://alerts.example", name="prod"),
        World(now=(NOON + dt.timedelta(hours=2)).timestamp),
        httpx.MockTransport(answer),
    )

    async def twice() -> Batch:
        first = [batch async for batch in asked.collect({})]
        second = [batch async for batch in asked.collect(json.loads(json.dumps(first[-1].cursor)))]
        return second[-1]

    return asyncio.run(twice()).rows


def test_an_alert_that_is_no_longer_active_when_asked_has_ended_by_then() -> None:
    (found,) = incidents(gone_when_asked(alert()))
    assert found.state == "resolved"
    assert found.resolved_at == dt.datetime(2026, 9, 1, 14, tzinfo=dt.UTC)


def test_an_alert_that_fires_again_later_is_another_incident() -> None:
    once, again = (source().receive(webhook(alert(startsAt=f"2026-09-0{day}T12:00:00Z"))) for day in (1, 2))
    assert incidents(once.rows)[0].external_id != incidents(again.rows)[0].external_id


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"job": "api"}, "api"),
        ({"job": "api", "app": "shop"}, "shop"),
        ({"job": "api", "service": "checkout"}, "checkout"),
        ({"alertname": "Watchdog"}, ""),
    ],
)
def test_the_service_is_the_most_telling_label(labels: dict[str, str], service: str) -> None:
    assert incidents(source().receive(webhook(alert(labels=labels))).rows)[0].service == service


def test_a_label_that_was_said_is_the_only_one_that_counts() -> None:
    taken = source(service_label="component").receive(webhook(alert(labels={"component": "db", "job": "x"})))
    assert incidents(taken.rows)[0].service == "db"


def test_of_a_notification_with_a_bad_alert_the_good_ones_are_kept_and_the_bad_one_is_told() -> None:
    taken = source().receive(webhook(alert(), alert(startsAt="yesterday"), 7))
    assert len(incidents(taken.rows)) == 1
    assert [one.place for one in taken.rejected] == ["webhook, alert 2", "webhook, alert 3"]


def test_alerts_that_the_sender_cut_off_are_told() -> None:
    taken = source().receive(webhook(alert(), truncatedAlerts=12))
    assert "12 alerts were left out by the sender" in taken.rejected[0].reason


def test_what_is_no_notification_is_refused_with_what_is_missing() -> None:
    with pytest.raises(UserError, match="alerts"):
        source().receive(Incoming({}, b'{"hello": 1}', NOON))


@pytest.mark.parametrize(
    "header", ["Bearer open-sesame", "bearer open-sesame", "Basic a3RsbzpvcGVuLXNlc2FtZQ=="]
)
def test_the_secret_may_be_a_bearer_token_or_a_basic_password(header: str) -> None:
    source().verify(Incoming({"authorization": header}, b"", NOON), "open-sesame")


@pytest.mark.parametrize(
    "header", ["", "Bearer open", "Basic !!", "Bearer open-sesame-", "Digest open-sesame"]
)
def test_another_secret_is_no_proof(header: str) -> None:
    with pytest.raises(SignatureError):
        source().verify(Incoming({"authorization": header}, b"", NOON), "open-sesame")


def test_without_an_address_the_check_says_what_the_numbers_lose() -> None:
    health = asyncio.run(source().check())
    assert health.status is Status.LIMITED
    assert [one.what for one in health.missing] == ["webhook_secret", "url"]


def test_both_sources_take_webhooks() -> None:
    assert isinstance(source(), Hooked)
    assert isinstance(GrafanaSource(AlertsConfig(name="prod")), Hooked)


def test_grafanas_links_lead_to_its_dashboard() -> None:
    told = alert(dashboardURL="http://grafana/d/1", silenceURL="http://grafana/s", values={"A": 1})
    taken = GrafanaSource(AlertsConfig(name="g")).receive(webhook(told, title="[FIRING:1]", state="alerting"))
    assert incidents(taken.rows)[0].url == "http://grafana/d/1"


@pytest.mark.parametrize("time", ["", "1756728000"])
def test_grafanas_signature_is_proof_with_and_without_a_time(time: str) -> None:
    made, told = GrafanaSource(AlertsConfig(name="g")), webhook(alert())
    signed = f"{time}:".encode() + told.body if time else told.body
    headers = {"x-grafana-alerting-signature": hmac.new(b"open-sesame", signed, "sha256").hexdigest()}
    headers |= {"x-grafana-alerting-timestamp": time} if time else {}
    made.verify(Incoming(headers, told.body, NOON), "open-sesame")
    for body, key in ((told.body, "other"), (told.body + b" ", "open-sesame")):
        with pytest.raises(SignatureError, match="does not match"):
            made.verify(Incoming(headers, body, NOON), key)
    with pytest.raises(SignatureError):
        made.verify(Incoming({}, told.body, NOON), "open-sesame")
    made.verify(Incoming({"authorization": "Bearer open-sesame"}, told.body, NOON), "open-sesame")
