"""Traces are found by what any of their spans says, wherever it says it."""

from __future__ import annotations

import datetime as dt

import pyarrow.compute as pc
import pytest
from otlp_requests import TEN, Said, request

from ktlo.errors import UsageError
from ktlo.receivers.spool import length_prefix
from ktlo.store.streams import TRACES
from ktlo.telemetry.apdex import Targets, apdex
from ktlo.telemetry.interval import Interval, interval
from ktlo.telemetry.search import Tag, Wanted, search, tags_from
from ktlo.telemetry.service_map import service_map
from ktlo.telemetry.services import Judged, operations, series, services

CHECKOUT, SEARCH = "c" * 32, "5" * 32

START = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
HOUR = Interval(START - dt.timedelta(minutes=1), START + dt.timedelta(hours=1))
MS, ONE = 1_000_000, dt.timedelta(hours=1)


def found(store, **wanted) -> set[str]:
    return {one.trace_id for one in search(store, HOUR, Wanted(**wanted))}


@pytest.mark.parametrize(
    ("wanted", "traces"),
    [
        ({}, {CHECKOUT, SEARCH, "f" * 32, "7" * 32}),
        ({"service": "pay"}, {CHECKOUT, "f" * 32}),
        ({"operation": "GET /search"}, {SEARCH}),
        ({"service": "pay", "operation": "GET /search"}, set()),
        ({"only_errors": True}, {CHECKOUT}),
        ({"environment": "staging"}, {"7" * 32}),
        ({"environment": "staging", "service": "pay"}, set()),
        ({"shortest_ns": 50 * MS}, {CHECKOUT}),
        ({"longest_ns": 5 * MS}, {"f" * 32, "7" * 32}),
        ({"tags": (Tag("user.id", "7"),)}, {CHECKOUT}),
        ({"tags": (Tag("k8s.pod.name", "web-1"),)}, {CHECKOUT, SEARCH}),
        ({"tags": (Tag("exception.type", "Declined"),)}, {CHECKOUT}),
        ({"tags": (Tag("q", ""),)}, {SEARCH}),
        ({"tags": (Tag("user.id", "7"), Tag("q", ""))}, set()),
        ({"tags": (Tag("user.id", "' OR 1=1 --"),)}, set()),
    ],
)
def test_conditions(store, wanted, traces):
    assert found(store, **wanted) == traces


def test_a_found_trace_is_told_whole_also_when_one_span_matched(store):
    (one,) = search(store, HOUR, Wanted(only_errors=True))
    assert (one.spans, one.errors, one.matched, one.duration_ns) == (3, 1, 1, 100 * MS)
    assert (one.root_service, one.root_name, one.services) == ("web", "GET /checkout", ("pay", "web"))


def test_newest_first_and_not_more_than_asked(store):
    assert [one.trace_id for one in search(store, HOUR, Wanted(), most=2)] == ["f" * 32, SEARCH]


def test_outside_the_stretch_nothing_is_found(store):
    assert search(store, HOUR.before(), Wanted()) == []


def test_tags_are_read_as_people_write_them():
    assert tags_from('a=b c="two words" d') == (Tag("a", "b"), Tag("c", "two words"), Tag("d", ""))
    assert tags_from("") == ()
    for bad in ('"open', "=x", " ".join(f"k{n}=1" for n in range(11))):
        with pytest.raises(UsageError):
            tags_from(bad)


def test_services_are_judged_by_what_they_were_asked(store):
    listed = {one.name: one for one in services(store, HOUR)}
    assert {name: (one.is_asked, one.red.calls, one.red.errors) for name, one in listed.items()} == {
        "pay": (True, 2, 1), "web": (True, 2, 0), "worker": (False, 1, 0),
    }  # fmt: skip
    assert listed["web"].red.p50_ns is not None
    assert listed["web"].versions == ("1.0",)


def test_a_service_that_is_asked_nothing_is_judged_by_what_it_asks(store, tmp_path):
    trace = "9" * 32
    later_ms, later = 3 * 3600 * 1000, Interval(HOUR.start + 3 * ONE, HOUR.end + 3 * ONE)
    made = request("phone", *(
        span for n in range(4) for span in (
            Said(f"{n + 1:x}" * 16, "order", later_ms + n * 100, 50, kind=1, trace_id=trace),
            Said(f"{n + 10:x}" * 16, "POST", later_ms + n * 100 + 1, 40, parent=f"{n + 1:x}" * 16, kind=3,
                 trace_id=trace, error=n % 2 == 0),
        )
    ))  # fmt: skip
    body = made.SerializeToString()
    (tmp_path / "phone").write_bytes(length_prefix(len(body)) + body)
    store.load(TRACES, tmp_path / "phone", "phone")
    (one,) = services(store, later, names=["phone"])
    assert (one.judged_by, one.red.calls, one.red.errors) == (Judged.ASKING, 4, 2)
    assert sum(m.red.calls for m in series(store, later, "phone", judged_by=one.judged_by)) == 4
    assert apdex(store, later, Targets(), names=["phone"])["phone"].calls == 4
    (node,) = service_map(store, later, text="phone").nodes
    assert (node.red.calls, node.red.errors) == (4, 2)


def test_operations_are_listed_by_the_time_they_took(store):
    assert [(one.name, one.kind) for one in operations(store, HOUR, "web")] == [
        ("GET /checkout", "server"), ("charge", "client"), ("GET /search", "server"),
    ]  # fmt: skip


def test_a_series_has_the_calls_of_its_buckets(store):
    moments = series(store, HOUR, "pay", judged_by=Judged.ASKED)
    # The first span came 20 seconds into its minute.
    told = [(one.red.calls, one.red.observed.seconds) for one in moments if one.red.calls]
    assert told == [(1, 40), (1, 60)]
    assert moments[0].red.longest_trace == CHECKOUT


def test_stretches_are_read_as_people_write_them():
    now = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
    assert interval("", "", now).seconds == 3600
    assert interval("15min", "", now).seconds == 900
    assert interval("2026-11-01", "2026-11-01", now).seconds == 86400
    assert interval("2026-11-26T10:00:00Z", "", now).seconds == 7200
    assert interval("7d", "", now).bucket_seconds == 10_800
    for start, end in (
        ("soon", ""),
        ("", "2020-01-01T00:00:00Z x"),
        ("2026-11-27", "2026-11-26"),
        ("99999w", ""),
    ):
        with pytest.raises(UsageError):
            interval(start, end, now)


def test_a_trace_without_a_summary_yet_leaves_its_place_to_the_one_before(store):
    class Behind:
        """The store a moment before the summary of the newest trace is there."""

        def query(self, sql, params=None):
            found = store.query(sql, params or {})
            if "trace_summaries" not in sql:
                return found
            return found.filter(pc.not_equal(found["trace_id"], newest))

    whole = search(store, HOUR, Wanted(), 2)
    newest = whole[0].trace_id
    found = search(Behind(), HOUR, Wanted(), 2)
    assert len(found) == 2
    assert found[0].trace_id == whole[1].trace_id
