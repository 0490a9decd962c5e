"""Webhooks over HTTP: what they become, when they come twice, out of order, or are read again."""

from __future__ import annotations

from alerts_by_webhook import ALERT, HOOK, PROOF, RESOLVED, body, rows

from ktlo.sources.delivering import replay


def test_a_webhook_with_proof_becomes_an_incident_at_once(runtime, visitor):
    answer = visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert (answer.status_code, answer.json()["rows"]) == (200, 2)
    assert rows(runtime, "SELECT service, state FROM ktlo.incidents") == [
        {"service": "checkout", "state": "open"}
    ]
    visitor.post(HOOK, content=body(RESOLVED), headers=PROOF)
    (found,) = rows(runtime, "SELECT state, resolved_at FROM ktlo.incidents")
    assert found["state"] == "resolved"


def test_the_same_webhook_again_changes_nothing_and_is_answered_the_same(runtime, visitor):
    for _ in range(3):
        assert visitor.post(HOOK, content=body(ALERT), headers=PROOF).status_code == 200
    assert visitor.post(HOOK, content=body(ALERT), headers=PROOF).json()["is_repeat"] is True
    assert rows(runtime, "SELECT count() AS n FROM ktlo.deliveries") == [{"n": 1}]


def test_an_end_that_comes_before_its_beginning_stays_the_end(runtime, visitor):
    visitor.post(HOOK, content=body(RESOLVED), headers=PROOF)
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert rows(runtime, "SELECT state FROM ktlo.incidents") == [{"state": "resolved"}]


def test_kept_deliveries_are_read_again_by_other_options(runtime, visitor):
    visitor.post(HOOK, content=body({**ALERT, "labels": {"component": "db"}}), headers=PROOF)
    assert rows(runtime, "SELECT service FROM ktlo.incidents") == [{"service": ""}]
    runtime.add_source(
        "alertmanager", {"name": "prod", "webhook_secret": "env:AM_SECRET", "service_label": "component"}
    )
    assert replay(runtime.source("alertmanager:prod"), runtime.store) == (1, 2)
    assert rows(runtime, "SELECT service FROM ktlo.incidents") == [{"service": "db"}]
