"""Deployments found by service.version, and those of other sources beside them."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from otlp_requests import TEN, segment
from versioned import Ran, reports

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.services import ServiceMember
from ktlo.records.work import Deployment
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.deployments import (
    derive_deployments,
    derived_deployments,
    marks,
    same_version,
    seen_deployments,
)
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.since_deploy import last_deployment, last_deployments

ZERO = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
DAY = Interval(ZERO, ZERO + dt.timedelta(days=1))


def after(minutes: int) -> dt.datetime:
    return (ZERO + dt.timedelta(minutes=minutes)).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployments")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    file = folder / "one.segment"
    plans = [
        *reports(
            "pay", [Ran("1.0", 0, 62, instances=2), Ran("1.1", 60, 200, instances=3), Ran("1.0", 200, 300)]
        ),
        *reports("web", [Ran("a" * 40, 0, 100), Ran("b" * 40, 100, 300)]),
        *reports("web", [Ran("b" * 40, 0, 300), Ran("c" * 40, 90, 120)], environment="staging"),
    ]
    file.write_bytes(segment(*plans))
    opened.load(TRACES, file, "one")
    opened.replace(
        TABLES["service_members"],
        [
            to_arrow(
                [
                    ServiceMember(kind=kind, member=member, service="shop", team="", found_in="ktlo.yaml")
                    for kind, member in (("telemetry", "web"), ("repository", "acme/shop"))
                ],
                ServiceMember,
            )
        ],
    )
    yield opened
    opened.close()


def told(found):
    return [
        (
            one.service,
            one.environment,
            one.version[:4],
            one.previous[:4],
            one.outcome,
            one.is_rollback,
            one.instances,
        )
        for one in found
    ]


def test_versions_that_arrive_are_deployments_and_a_rollback_is_one_too(store):
    found = seen_deployments(store, DAY, "pay")
    assert told(found) == [
        ("pay", "production", "1.1", "1.0", "complete", False, 3),
        ("pay", "production", "1.0", "1.1", "complete", True, 1),
    ]
    assert (found[0].started_at, found[0].finished_at) == (
        after(60),
        after(62),
    )  # the plan's minutes begin at :20


def test_environments_are_told_apart_and_a_canary_is_no_deployment(store):
    assert told(seen_deployments(store, DAY, "web")) == [
        ("web", "staging", "cccc", "bbbb", "withdrawn", False, 1),
        ("web", "production", "bbbb", "aaaa", "complete", False, 1),
    ]


def test_derived_twice_they_are_the_same(store):
    assert derive_deployments(store, ZERO + dt.timedelta(days=2)) == 4
    once = derived_deployments(store)
    assert derive_deployments(store, ZERO + dt.timedelta(days=2)) == 4
    assert derived_deployments(store) == once
    assert once == seen_deployments(store, DAY)


def test_a_stretch_that_begins_later_still_knows_what_was_there_before(store):
    later = Interval(after(150), after(290))
    assert [one.version for one in seen_deployments(store, later, "pay")] == ["1.0"]


def test_a_deployment_that_a_pipeline_told_is_marked_once(store):
    row = Deployment(
        source="github:acme/shop", external_id="1", repository="acme/shop", service="", environment="production",
        version="", sha="b" * 40, status="success", actor="ada", started_at=after(80), finished_at=after(95),
        url="https://example.org/1",
    )  # fmt: skip
    store.insert(TABLES["deployments"], to_arrow([row], Deployment))
    (mark,) = marks(store, DAY, "web", "production")
    assert (mark.found_in, mark.at, mark.url) == (
        "github:acme/shop+telemetry",
        after(95),
        "https://example.org/1",
    )
    assert [one.found_in for one in marks(store, DAY, "pay")] == ["telemetry", "telemetry"]


def test_a_deployment_that_failed_is_listed_and_never_in_force(store):
    def row(identifier, service, version, status, minutes):
        return Deployment(
            source="flux:prod", external_id=identifier, repository="", service=service, environment="", version=version,
            sha="", status=status, actor="", started_at=after(minutes), finished_at=after(minutes), url="",
        )  # fmt: skip

    rows = [
        row("one", "till", "1.1", "success", 20),
        row("two", "till", "1.2", "failure", 40),
        row("three", "pay", "1.1", "failure", 61),
    ]
    store.insert(TABLES["deployments"], to_arrow(rows, Deployment))
    assert [(one.label, one.is_in_force) for one in marks(store, DAY, "till")] == [
        ("deployed 1.1", True),
        ("1.2 did not get through", False),
    ]
    last = last_deployment(store, after(60), "till")
    assert last is not None
    assert last.version == "1.1"
    # What runs came into force, whatever the tool says of its own attempt.
    assert [(one.at, one.label, one.found_in) for one in marks(store, DAY, "pay")][:2] == [
        (after(60), "deployed 1.1", "telemetry"),
        (after(61), "1.1 did not get through", "flux:prod"),
    ]


def test_the_last_deployments_of_many_services_are_those_of_each_alone_whoever_told_them(store):
    def row(identifier, service, repository, version, minutes):
        return Deployment(
            source="csv:many", external_id=identifier, repository=repository, service=service, environment="",
            version=version, sha="", status="success", actor="", started_at=after(minutes), finished_at=after(minutes),
            url="",
        )  # fmt: skip

    member = ServiceMember(service="post", team="", found_in="ktlo.yaml", kind="", member="")
    members = [("telemetry", "mail"), ("service", "mailer"), ("repository", "acme/mail")]
    held = store.query("SELECT * FROM ktlo.service_members").to_pylist()
    rows = [ServiceMember(**one) for one in held]
    rows += [dataclasses.replace(member, kind=kind, member=name) for kind, name in members]
    store.replace(TABLES["service_members"], [to_arrow(rows, ServiceMember)])
    told = [
        row("1", "mailer", "", "3.0", 310),  # by the name that another tool has for the service
        row("2", "", "acme/mail", "3.1", 320),  # by its repository
        row("3", "chat", "acme/mail", "4.0", 330),  # in the same repository, and another service's
        row("4", "", "", "5.0", 340),
    ]
    store.insert(TABLES["deployments"], to_arrow(told, Deployment))
    services = ["pay", "web", "till", "mail", "chat", "mailer", "nobody"]
    for environment in ("", "staging"):
        alone = {name: last_deployment(store, DAY.end, name, environment) for name in services}
        found = last_deployments(store, DAY.end, services, environment)
        assert found == {name: mark for name, mark in alone.items() if mark is not None}
    found = last_deployments(store, DAY.end, services)
    assert {name: (mark.version, mark.found_in) for name, mark in found.items()} == {
        "pay": ("1.0", "telemetry"),
        "web": ("b" * 40, "github:acme/shop+telemetry"),
        "till": ("1.1", "flux:prod"),
        "mail": ("3.1", "csv:many"),
        "chat": ("4.0", "csv:many"),
        "mailer": ("3.0", "csv:many"),
    }


@pytest.mark.parametrize(
    ("seen", "said", "same"),
    [
        ("1.2", "v1.2", True),
        ("abcdef1", "abcdef1" + "0" * 33, True),
        ("1.2", "1.20", False),
        ("abc", "abc" + "0" * 37, False),
        ("", "", False),
    ],
)
def test_versions_agree_when_they_mean_the_same(seen, said, same):
    assert same_version(seen, said) is same
