"""Deployments that sources told and that telemetry saw: counted once, failed or not, with the age of their commit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from world import PERIOD, at, incident, put

from ktlo.cli.metrics import print_answer
from ktlo.delivery.derive import derive_delivery
from ktlo.metrics.ask import ask, fetch
from ktlo.metrics.registry import definition
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.services import ServiceMember
from ktlo.records.versions import TelemetryDeployment
from ktlo.records.work import Deployment
from ktlo.server.api.metrics import AnswerOut
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore

SHA = "abcdef1" + "0" * 33


def told(number: str, when: str, **said: Any) -> Deployment:
    given = {"version": "", "sha": "", "status": "success", "environment": "production"} | said
    return Deployment(
        source="forge", external_id=number, repository="", service="web", actor="", started_at=at(when),
        finished_at=at(when), url="", **given,
    )  # fmt: skip


def seen(version: str, when: str, **said: Any) -> TelemetryDeployment:
    given = {"outcome": "complete", "is_rollback": False, "environment": "production"} | said
    return TelemetryDeployment(
        service="web-prod",
        version=version,
        previous="0",
        started_at=at(when),
        finished_at=at(when),
        instances=1,
        **given,
    )


def kept(
    store: EmbeddedStore, deployments: list[Deployment], telemetry: list[TelemetryDeployment]
) -> list[str]:
    store.forget("forge")
    put(store, deployments)
    store.replace(TABLES["telemetry_deployments"], [to_arrow(telemetry, TelemetryDeployment)])
    member = ServiceMember(
        kind="telemetry", member="web-prod", service="web", team="shop", found_in="a person"
    )
    store.replace(TABLES["service_members"], [to_arrow([member], ServiceMember)])
    derive_delivery(store, Settings(), [])
    rows = fetch(store, definition("deployment_frequency"), PERIOD).table.to_pylist()
    return sorted(f"{row['source']} {row['version'] or row['external_id']}" for row in rows)


def test_what_a_pipeline_and_telemetry_both_saw_is_one_deployment(empty_store: EmbeddedStore) -> None:
    deployments = [
        told("1", "01-09 10:00", sha=SHA),
        told("2", "01-12 10:00"),
        told("3", "01-15 10:00", version="v1.2"),
    ]
    telemetry = [
        seen("abcdef1", "01-09 10:04"),  # the beginning of the commit
        seen("1.1", "01-12 11:00"),  # the pipeline told no version
        seen("1.3", "01-15 10:05"),  # another version at nearly the same time
        seen("1.2", "01-16 10:00"),  # the same version, a day later: it was put there again
    ]
    found = kept(empty_store, deployments, telemetry)
    assert found == ["forge 1.1", "forge abcdef1", "forge v1.2", "telemetry 1.2", "telemetry 1.3"]
    figures = ask(empty_store, definition("deployment_frequency"), PERIOD).figures[0].statistics
    assert (figures["count"].value, figures["from_telemetry"].value) == (5.0, 2.0)


def test_canaries_and_other_environments_are_no_deployments_into_production(
    empty_store: EmbeddedStore,
) -> None:
    telemetry = [
        seen("2", "01-09 10:00", outcome="withdrawn"),
        seen("3", "01-10 10:00", environment="staging"),
        seen("4", "01-11 10:00", environment=""),
    ]
    assert kept(empty_store, [told("9", "01-12 10:00", status="failure")], telemetry) == ["telemetry 4"]


def test_one_failed_when_it_was_taken_back_or_an_incident_followed_before_the_next(
    empty_store: EmbeddedStore,
) -> None:
    telemetry = [
        seen("1", "01-08 10:00"),
        seen("2", "01-09 10:00"),  # taken back
        seen("1", "01-09 12:00", is_rollback=True),
        seen("3", "01-12 10:00"),  # an incident two hours later
        seen("4", "01-15 10:00"),  # an incident two days later
    ]
    put(
        empty_store,
        [incident("I1", "01-12 12:00", service="web"), incident("I2", "01-17 12:00", service="web")],
    )
    kept(empty_store, [], telemetry)
    share = ask(empty_store, definition("change_failure_rate"), PERIOD).figures[0].statistics["share"]
    assert (share.value, share.n) == (pytest.approx(2 / 5), 5)


def test_the_age_of_what_is_deployed_needs_a_commit_that_is_known(empty_store: EmbeddedStore) -> None:
    kept(empty_store, [told("1", "01-09 10:00", sha=SHA)], [])
    age = ask(empty_store, definition("deployed_change_age"), PERIOD).figures[0].statistics["p50"]
    assert age.value is None
    assert dt.timedelta(0) == dt.timedelta(seconds=age.n)


def test_a_degraded_deployment_came_into_force_and_failed(empty_store: EmbeddedStore) -> None:
    deployments = [
        told("1", "01-09 10:00", version="1.0"),
        told("2", "01-12 10:00", version="1.1", status="degraded"),
        told("3", "01-15 10:00", version="1.2", status="failure"),
        told("4", "01-18 10:00", version="1.3", status="degraded"),
        told("5", "01-18 16:00", version="1.2"),
        told("6", "01-18 18:00", version="1.1"),
    ]
    empty_store.forget("pager")
    assert kept(empty_store, deployments, []) == [f"forge 1.{one}" for one in (0, 1, 1, 2, 3)]

    def of(metric: str) -> dict[str, Any]:
        return ask(empty_store, definition(metric), PERIOD).figures[0].statistics

    failing = of("change_failure_rate")["share"]
    # Both degraded ones, and what the rollback to 1.1 took back.
    assert (failing.value, failing.n) == (3 / 5, 5)
    attempts = of("failed_attempts")["share"]
    assert (attempts.value, attempts.n) == (1 / 6, 6)
    # The first degraded one has no end that anybody told.
    assert of("failed_deployment_recovery_time")["p50"].n == 1


def test_what_only_telemetry_tells_is_said_where_no_source_was_collected(
    empty_store: EmbeddedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(empty_store, [], [seen("1", "01-08 10:00"), seen("2", "01-09 10:00")])
    defined = definition("change_failure_rate")
    answer = ask(empty_store, defined, PERIOD)
    assert (answer.collected_at, answer.telemetry_at) == (None, at("01-09 10:00"))
    assert ask(empty_store, definition("incidents"), PERIOD).telemetry_at is None
    print_answer(AnswerOut.of(answer, defined).model_dump(mode="json"))
    said = " ".join(capsys.readouterr().out.split())
    assert "Collected: never" not in said
    assert "it rests on telemetry" in said
    kept(empty_store, [told("1", "01-10 10:00")], [])
    assert ask(empty_store, defined, PERIOD).telemetry_at is None
