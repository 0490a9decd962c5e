"""Bodies of webhooks that a source does not understand: kept with the reason, and answered with what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.sources.registry import kinds


@pytest.fixture
def runtime(tmp_path, monkeypatch) -> Iterator[Runtime]:
    monkeypatch.setenv("AM_SECRET", "open-sesame")
    opened = Runtime(Settings(), tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime, visiting):
    return visiting(make_app(runtime, Access()))


def deliveries(runtime):
    return runtime.store.query("SELECT status, reason, body FROM ktlo.deliveries").to_pylist()


def test_what_the_source_does_not_understand_is_400_and_kept_with_the_reason(runtime, visitor):
    source_id = runtime.add_source("alertmanager", {"name": "prod"}).source_id
    answer = visitor.post(f"/hooks/{source_id}", content=b'{"alerts": 7}')
    assert answer.status_code == 400
    (kept,) = deliveries(runtime)
    assert (kept["status"], kept["body"]) == ("refused", '{"alerts": 7}')


def test_a_body_that_does_not_tell_its_name_is_kept_by_its_content(runtime, visitor):
    mapping = {"external_id": "id", "detected_at": "at"}
    options = {"name": "x", "noun": "incidents", "mapping": mapping, "delivery": "meta.id"}
    source_id = runtime.add_source("webhook", options).source_id
    for _ in range(2):
        answer = visitor.post(f"/hooks/{source_id}", content=b"id=7&at=now")
        assert answer.status_code == 400
        assert "replay" in answer.json()["fix"]
    (kept,) = deliveries(runtime)
    assert (kept["status"], kept["body"]) == ("refused", "id=7&at=now")
    assert "malformed" in kept["reason"]


def test_whatever_is_wrong_with_a_body_the_answer_says_what_to_do(runtime, visitor):
    options = {
        "alertmanager": {"name": "x"},
        "argocd": {"name": "x"},
        "cdevents": {"name": "x"},
        "flux": {"name": "x"},
        "github": {"repository": "acme/shop"},
        "gitlab": {"project": "acme/shop"},
        "grafana": {"name": "x"},
        "jira": {"url": "https://acme.example.org"},
        "opsgenie": {"token": "env:AM_SECRET"},
        "pagerduty": {"token": "env:AM_SECRET"},
        "redmine": {"url": "https://tracker.example.org"},
        "sentry": {"organization": "acme", "token": "env:AM_SECRET"},
        "servicenow": {"url": "https://acme.example.org", "user": "u", "token": "env:AM_SECRET"},
        "statuspage": {"url": "https://status.example.org"},
        "webhook": {
            "name": "x",
            "noun": "incidents",
            "mapping": {"external_id": "id", "detected_at": "at"},
        },
    }
    hooked = {name for name, cls in kinds().items() if hasattr(cls, "receive")}
    assert hooked <= options.keys()
    refused = 0
    for kind in sorted(hooked):
        source_id = runtime.add_source(kind, options[kind]).source_id
        for sent in (
            b"[",
            b"[]",
            b'"x"',
            b"7",
            b'{"object_kind": "issue", "event": 3}',
            b"\xff",
            b'{"a": 1}',
        ):
            answer = visitor.post(f"/hooks/{source_id}", content=sent)
            assert answer.status_code in (200, 400), (kind, sent, answer.text)
            if answer.status_code == 400:
                refused += 1
                assert answer.json()["fix"], (kind, sent, answer.text)
    assert refused >= len(hooked)
