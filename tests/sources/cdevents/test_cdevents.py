"""CDEvents: each kind that is used, in every form that CloudEvents have over HTTP, in any order, and what is none."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import pytest
from collected_rows import Seen

from ktlo.errors import SignatureError, UserError
from ktlo.sources.cdevents import CDEventsSource
from ktlo.sources.cdevents.payloads import version_of
from ktlo.sources.hooked import Incoming
from ktlo.sources.listening import ListeningConfig

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def event(kind: str, subject: str, minutes: float = 0, **content: Any) -> dict[str, Any]:
    """A CDEvent of the shape of the specification's examples."""
    return {
        "context": {
            "specversion": "0.5.0",
            "id": f"{kind}-{subject}-{minutes}",
            "source": "/event/source/123",
            "type": f"dev.cdevents.{kind}.0.3.0",
            "timestamp": after(minutes).isoformat().replace("+00:00", "Z"),
        },
        "subject": {"id": subject, "source": "/event/source/123", "content": content},
    }


def structured(told: Any) -> Incoming:
    envelope = {"specversion": "1.0", "id": "1", "source": "/x", "type": "dev.cdevents", "data": told}
    return Incoming(
        {"content-type": "application/cloudevents+json; charset=utf-8"}, json.dumps(envelope).encode(), NOON
    )


def binary(told: Any) -> Incoming:
    headers = {
        "content-type": "application/json",
        "ce-id": "1",
        "ce-type": "t",
        "ce-source": "/x",
        "ce-specversion": "1.0",
    }
    return Incoming(headers, json.dumps(told).encode(), NOON)


def batched(*told: Any) -> Incoming:
    many = [
        {"specversion": "1.0", "id": str(n), "source": "/x", "type": "t", "data": one}
        for n, one in enumerate(told)
    ]
    return Incoming({"content-type": "application/cloudevents-batch+json"}, json.dumps(many).encode(), NOON)


def bare(told: Any) -> Incoming:
    return Incoming({"content-type": "application/json"}, json.dumps(told).encode(), NOON)


def source() -> CDEventsSource:
    return CDEventsSource(ListeningConfig())


def seen_of(*given: Incoming) -> Seen:
    seen = Seen()
    for incoming in given:
        seen.take(source().receive(incoming))
    return seen


DEPLOYED = event(
    "service.deployed",
    "namespace/checkout",
    3,
    environment={"id": "production", "source": "staging1"},
    artifactId="pkg:oci/checkout@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427?tag=1.4.2",
)


@pytest.mark.parametrize("form", [structured, binary, batched, bare])
def test_a_deployment_is_read_in_every_form_of_cloudevents(form: Any) -> None:
    (found,) = seen_of(form(DEPLOYED)).shown("deployments")
    assert (found["service"], found["environment"], found["version"]) == ("checkout", "production", "1.4.2")
    assert (found["status"], found["started_at"]) == ("success", after(3))


@pytest.mark.parametrize("kind", ["service.upgraded", "service.rolledback"])
def test_upgrades_and_rollbacks_are_deployments(kind: str) -> None:
    told = {**DEPLOYED, "context": {**DEPLOYED["context"], "type": f"dev.cdevents.{kind}.0.2.0"}}
    assert len(seen_of(structured(told)).shown("deployments")) == 1


def test_an_incident_is_whole_in_whatever_order_it_is_told() -> None:
    story = [
        event(
            "incident.detected",
            "i1",
            0,
            description="Slow",
            service={"id": "ns/checkout"},
            environment={"id": "prod"},
        ),
        event("incident.reported", "i1", 5, ticketURI="https://tickets/1"),
        event("incident.resolved", "i1", 30, description="Slow"),
    ]
    for order in itertools.permutations(story):
        found = seen_of(*map(structured, order)).item("i1")
        assert (found["state"], found["service"], found["title"]) == ("resolved", "checkout", "Slow")
        assert (found["detected_at"], found["resolved_at"]) == (NOON, after(30))
        assert found["url"] == "https://tickets/1"


def test_a_pipeline_run_lasts_from_its_first_to_its_last_event() -> None:
    story = [
        event("pipelinerun.queued", "r1", 0, pipelineName="build", uri="https://ci/1"),
        event("pipelinerun.started", "r1", 1, pipelineName="build"),
        event("pipelinerun.finished", "r1", 9, pipelineName="build", outcome="failure"),
    ]
    for order in itertools.permutations(story):
        (found,) = seen_of(*map(binary, order)).shown("workflow_runs")
        assert (found["workflow"], found["conclusion"], found["url"]) == ("build", "failure", "https://ci/1")
        assert (found["started_at"], found["finished_at"]) == (NOON, after(9))


def test_labels_beyond_those_that_are_kept_are_told_of_the_event() -> None:
    labels = [f"label-{number}" for number in range(1_001)]
    opened = event("ticket.created", "T-1", 0, summary="Broken", labels=labels)
    taken = source().receive(batched(DEPLOYED, opened))
    assert len(taken.rows["issues"]["labels"][0].as_py()) == 1_000
    [told] = taken.rejected
    assert (told.place, told.is_kept) == ("webhook, event 2", True)
    assert told.reason == "labels holds 1,001 values: the first 1,000 are kept"


def test_a_ticket_is_an_issue_until_it_is_deleted() -> None:
    opened = event(
        "ticket.created", "T-1", 0, summary="Broken", ticketType="bug", creator="ada", priority="high"
    )
    closed = event("ticket.closed", "T-1", 9, resolution="completed", updatedBy="ada")
    seen = seen_of(structured(closed), structured(opened))
    found = seen.item("T-1", "issues")
    assert (found["title"], found["state"], found["closed_as"]) == ("Broken", "closed", "completed")
    assert (found["created_at"], found["closed_at"]) == (NOON, after(9))
    seen.take(source().receive(structured(event("ticket.deleted", "T-1", 20))))
    assert seen.shown("issues") == []


def test_of_a_batch_the_good_events_are_kept_and_the_bad_ones_told() -> None:
    taken = source().receive(
        batched(DEPLOYED, {"context": {}}, 7, {**DEPLOYED, "context": {**DEPLOYED["context"], "type": "x"}})
    )
    assert taken.rows["deployments"].num_rows == 1
    assert [one.place for one in taken.rejected] == [
        "webhook, event 2",
        "webhook, event 3",
        "webhook, event 4",
    ]


@pytest.mark.parametrize(
    "kind", ["artifact.packaged", "testsuiterun.finished", "branch.created", "something.new"]
)
def test_kinds_that_are_not_used_are_ignored_by_name(kind: str) -> None:
    assert source().receive(structured(event(kind, "x"))).why_ignored == f"ktlo does not use {kind}"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"hello", {"content-type": "text/plain"}),
        (b"{}", {"content-type": "application/cloudevents+json"}),
        (b"{", {"content-type": "application/cloudevents-batch+json"}),
    ],
)
def test_what_is_no_cloudevent_is_refused_with_a_sentence(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(UserError):
        source().receive(Incoming(headers, body, NOON))


@pytest.mark.parametrize(
    ("purl", "version"),
    [
        ("pkg:oci/app@sha256%3Aab?tag=1.2", "1.2"),
        ("pkg:pypi/app@2.0.1", "2.0.1"),
        ("pkg:oci/app@sha256%3Aab", "sha256:ab"),
        ("", ""),
        ("no purl", ""),
    ],
)
def test_the_version_is_the_tag_or_what_stands_behind_the_at(purl: str, version: str) -> None:
    assert version_of(purl) == version


def test_the_secret_is_the_proof_and_a_binary_event_names_itself() -> None:
    source().verify(Incoming({"authorization": "Bearer k"}, b"", NOON), "k")
    with pytest.raises(SignatureError):
        source().verify(Incoming({}, b"", NOON), "k")
    assert source().name_of(binary(DEPLOYED)) == "/x 1"
    assert source().name_of(structured(DEPLOYED)) == structured(DEPLOYED).digest
