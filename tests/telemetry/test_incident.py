"""An incident meets the telemetry of its service and of what that calls."""

from __future__ import annotations

import datetime as dt

import pytest
from otlp_requests import TEN, Said, request, segment
from versioned import MINUTE, Ran, reports

from ktlo.errors import NotFoundError
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.reliability import Incident
from ktlo.records.services import ServiceMember
from ktlo.report.incident import incident_section
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.incident import evidence, subject
from ktlo.telemetry.pairing import Pairing

ZERO = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
NOW = ZERO + dt.timedelta(hours=6)


def at(minutes: int) -> dt.datetime:
    return ZERO + dt.timedelta(minutes=minutes)


def incident(number: str, service: str, **said: object) -> Incident:
    told = {"state": "resolved", "detected_at": at(125), "started_at": at(120), "resolved_at": at(180)} | said
    return Incident(
        source="pager", external_id=number, service=service, repository="", team="", title="Orders fail",
        severity="sev1", acknowledged_at=None, mitigated_at=None, closed_at=None, reopen_count=0, responders=(),
        caused_by="", url="", **told,
    )  # fmt: skip


def failing(first: int, after: int, kind: str):
    """Orders call payments, and fail with an exception of a kind."""
    for minute in range(first, after):
        start = minute * MINUTE + 1000
        trace, own, call = f"{minute:032x}", f"{minute:016x}", f"{minute + 5000:016x}"
        error = [("exception", {"exception.type": kind, "exception.message": "no connection"})]
        made = request(
            "orders-prod",
            Said(own, "POST /orders", start, 40, trace_id=trace, error=True, events=error),
            Said(call, "POST", start + 1, 30, parent=own, kind=3, trace_id=trace),
        )
        span = made.resource_spans[0].scope_spans[0].spans[0]
        span.events[0].time_unix_nano = span.start_time_unix_nano
        yield made
        charge = Said(f"{minute + 9000:016x}", "POST /charge", start + 2, 25, parent=call, trace_id=trace)
        yield request("payments", charge)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incident")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    file = folder / "one.segment"
    plans = [
        *reports("orders-prod", [Ran("1", 0, 110, name="POST /orders", took=(5, 10)),
                                 Ran("2", 110, 300, name="POST /orders")]),
        *failing(20, 40, "TooOld"), *failing(100, 105, "Usual"),
        *failing(130, 170, "Fresh"), *failing(130, 140, "Usual"),
    ]  # fmt: skip
    file.write_bytes(segment(*plans))
    opened.load(TRACES, file, "one")
    Pairing(opened, 4000).round(dt.datetime.now(dt.UTC))
    rows = [
        incident("1", "Order service"),
        incident("2", "nobody knows"),
        incident("3", "Order service", state="open", resolved_at=None),
    ]
    opened.insert(TABLES["incidents"], to_arrow(rows, Incident))
    members = [
        ServiceMember(kind=kind, member=member, service="orders", team="", found_in="ktlo.yaml")
        for kind, member in (("service", "Order service"), ("telemetry", "orders-prod"))
    ]
    opened.replace(TABLES["service_members"], [to_arrow(members, ServiceMember)])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def found(store):
    return evidence(store, subject(store, "pager", "1", NOW), NOW)


def test_its_stretch_is_from_the_beginning_of_the_harm_to_its_end(found):
    assert (found.subject.window.start, found.subject.window.end) == (at(120), at(180))
    assert (found.before.start, found.after.end) == (at(60), at(240))


def test_the_catalogue_says_which_service_of_telemetry_it_is_and_the_map_what_that_calls(found):
    assert found.subject.names == ("orders-prod",)
    assert [(one.service, one.is_own) for one in found.around] == [("orders-prod", True), ("payments", False)]
    own = found.around[0]
    assert (own.before.errors, own.during.errors, own.after.errors) == (5, 50, 0)


def test_an_error_is_new_when_it_had_never_occurred_before(found):
    assert [one.group.type for one in found.fresh] == ["Fresh"]
    assert [(one.group.type, before, one.occurrences) for one, before in found.other] == [("Usual", 5, 10)]


def test_the_deployment_before_it_and_the_operation_that_got_slower_are_told(found):
    assert [(name, mark.label) for name, mark in found.deployed] == [("orders-prod", "deployed 2")]
    assert found.slow[0].name == "POST /orders"
    assert found.slow[0].before.p95_ns < found.slow[0].during.p95_ns
    assert all(one.errors for one in found.traces)


def test_the_first_line_says_what_the_calls_did(found):
    section = incident_section(found, lambda path, values: path)
    assert section.answer.said.startswith("30% of the calls failed, 3.9% before; p95 40 ms, ")
    assert section.answer.interval == "1 new error; 1 deployment in the day before and during it"
    assert {"deployments", "red", "new-errors", "errors", "operations", "traces"} <= {
        one.name for one in section.listings
    }


def test_an_incident_whose_service_is_not_joined_says_how_to_join_it(store):
    section = incident_section(
        evidence(store, subject(store, "pager", "2", NOW), NOW), lambda path, values: path
    )
    assert section.nothing is not None
    assert section.nothing.command == "ktlo services NAME --is nobody knows"


def test_one_that_is_open_lasts_until_now_and_has_no_after(store):
    found = evidence(store, subject(store, "pager", "3", NOW), NOW)
    assert (found.subject.window.end, found.after) == (NOW, None)


def test_an_incident_that_is_not_there_is_said_to_be(store):
    with pytest.raises(NotFoundError, match="no incident '9'"):
        subject(store, "pager", "9", NOW)
