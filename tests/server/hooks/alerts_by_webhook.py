"""Alertmanager's webhooks as it sends them, and what the store has of them."""

from __future__ import annotations

import json

HOOK = "/hooks/alertmanager:prod"


ALERT = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "page"},
    "annotations": {"summary": "Checkout is slow"},
    "startsAt": "2026-09-01T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "c0ffee",
}


RESOLVED = {**ALERT, "status": "resolved", "endsAt": "2026-09-01T12:30:00Z"}


PROOF = {"authorization": "Bearer open-sesame"}


def body(*alerts) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


def rows(runtime, sql):
    return runtime.store.query(sql).to_pylist()
