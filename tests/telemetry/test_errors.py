"""Errors in groups: counted by report and by trace, judged by what people say, found again when they come back."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from otlp_requests import Said, put, request

from ktlo.errors import NotFoundError, UsageError
from ktlo.receivers.spool import length_prefix
from ktlo.store.state import State
from ktlo.store.streams import LOGS, TRACES
from ktlo.telemetry import error_verdicts as verdicts
from ktlo.telemetry.error_verdicts import Standing
from ktlo.telemetry.errors import (
    Asked,
    by_version,
    group,
    groups,
    of_trace,
    one_listed,
    samples,
    spread,
    stacktrace,
)
from ktlo.telemetry.interval import Interval

STACK = 'Traceback (most recent call last):\n  File "/r/{n}/shop/pay.py", line {n}, in charge\nshop.Declined: order {n}'
MS = 1_000_000


def declined(n: int) -> tuple[str, dict[str, str]]:
    return (
        "exception",
        {"exception.type": "shop.Declined", "exception.message": f"order {n}",
         "exception.stacktrace": STACK.format(n=n)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop(store, tmp_path_factory):
    """A store to which failures are reported at moments that a test chooses."""
    file = tmp_path_factory.mktemp("shop") / "segment"

    def report(at: dt.datetime, version: str, *spans: Said, service: str = "shop") -> None:
        made = request(service, *spans, resource={"deployment.environment.name": "prod"})
        resource = made.resource_spans[0].resource
        next(a for a in resource.attributes if a.key == "service.version").value.string_value = version
        ns = int(at.timestamp() * 1e9)
        for span in made.resource_spans[0].scope_spans[0].spans:
            span.start_time_unix_nano, span.end_time_unix_nano = ns, ns + 5 * MS
            for event in span.events:
                event.time_unix_nano = ns + MS
        body = made.SerializeToString()
        file.write_bytes(length_prefix(len(body)) + body)
        store.load(TRACES, file, f"{time.monotonic_ns()}")

    return report


NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DAY = Interval(NOON - dt.timedelta(hours=12), NOON + dt.timedelta(hours=12))


@pytest.fixture(scope="module")
def told(store, shop):
    """Two versions; one exception that passes through two spans, one span that fails without a word."""
    shop(NOON, "1.0", Said("1" * 16, "POST /pay", trace_id="1" * 32, error=True, events=[declined(1)]),
         Said("2" * 16, "charge", trace_id="1" * 32, error=True, events=[declined(1)]))  # fmt: skip
    shop(NOON + dt.timedelta(hours=2), "1.1",
         Said("3" * 16, "POST /pay", trace_id="2" * 32, error=True, events=[declined(22)]),
         Said("4" * 16, "GET /stock", trace_id="3" * 32, error=True,
              attributes={"http.response.status_code": 503}))  # fmt: skip
    (found,) = groups(store, DAY, Asked("shop", text="declined"))
    return found


def test_one_exception_in_two_spans_and_versions_is_one_error(told):
    assert (told.group.title, told.occurrences, told.traces) == ("shop.Declined", 3, 2)
    assert (told.versions, told.operations, told.group.culprit) == (("1.0", "1.1"), 2, "shop/pay.py charge")
    assert (told.group.first_version, told.group.last_version) == ("1.0", "1.1")
    assert (told.group.message, sum(told.counts)) == ("order 22", 3)


def test_traces_are_never_more_than_reports_though_they_are_estimated(store, shop):
    for count in (300, 400):  # the sketch alone says 302 and 405
        failed = ("exception", {"exception.type": f"Many{count}"})
        shop(NOON, f"{count}", *(
            Said(f"{n:016x}", "GET /pay", trace_id=f"{n * 104729 + 13:032x}", error=True, events=[failed])
            for n in range(1, count + 1)
        ), service=f"many{count}")  # fmt: skip
        (found,) = groups(store, DAY, Asked(f"many{count}"))
        one = one_listed(store, DAY, found.group.fingerprint)
        places = spread(store, DAY, found.group.fingerprint)
        assert found.occurrences == count
        assert 0.97 * count <= found.traces <= count
        assert one.traces <= one.occurrences
        assert all(place.traces <= place.occurrences for place in places)


def test_a_span_that_fails_without_an_exception_is_told_by_operation_and_status(store, told):
    (found,) = groups(store, DAY, Asked("shop", text="503"))
    assert (found.group.title, found.group.message, found.group.basis) == (
        "GET /stock failed", "HTTP 503", "operation",
    )  # fmt: skip


def test_errors_are_narrowed_by_version_service_and_words(store, told):
    def kinds(**said: str) -> set[str]:
        return {one.group.title for one in groups(store, DAY, Asked(**said))}

    assert kinds(service="shop", version="1.0") == {"shop.Declined"}
    assert kinds(service="shop", version="1.1") == {"shop.Declined", "GET /stock failed"}
    assert kinds(environment="prod", text="CHARGE") == {"shop.Declined"}
    assert kinds(service="' OR 1=1 --") == set()
    assert groups(store, DAY.before(), Asked("shop")) == []


def test_one_error_has_its_stack_its_places_and_its_newest_reports(store, told):
    fingerprint = told.group.fingerprint
    assert stacktrace(store, fingerprint) == STACK.format(n=22)
    assert [(p.operation, p.version, p.occurrences) for p in spread(store, DAY, fingerprint)] == [
        ("POST /pay", "1.0", 1), ("charge", "1.0", 1), ("POST /pay", "1.1", 1),
    ]  # fmt: skip
    assert [s.trace_id[0] for s in samples(store, DAY, fingerprint)] == ["2", "1", "1"]
    assert {v: sum(n) for v, n in by_version(store, DAY, fingerprint).items()} == {"1.0": 2, "1.1": 1}
    assert one_listed(store, DAY, fingerprint).traces == 2
    assert of_trace(store, "2" * 32)["3" * 16][1:] == ("shop.Declined", "order 22")
    with pytest.raises(NotFoundError, match="no error"):
        group(store, "1-nothing")


def test_a_log_record_with_an_exception_is_the_same_error(store, told, tmp_path):
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    made = ExportLogsServiceRequest()
    of_resource = made.resource_logs.add()
    put(of_resource.resource.attributes, {"service.name": "worker"})
    record = of_resource.scope_logs.add().log_records.add(time_unix_nano=int(NOON.timestamp() * 1e9))
    record.body.string_value = "it failed"
    put(record.attributes, declined(7)[1])
    body = made.SerializeToString()
    file = tmp_path / "logs"
    file.write_bytes(length_prefix(len(body)) + body)
    store.load(LOGS, file, "logs")
    (found,) = groups(store, DAY, Asked("worker"))
    assert (found.group.fingerprint, found.traces) == (told.group.fingerprint, 0)
    assert found.group.services == ("shop", "worker")


# What people say ----------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path):
    opened = State.in_folder(tmp_path)
    yield opened
    opened.close()


def judged(store, state: State, fingerprint: str, of: Interval) -> verdicts.Judged:
    said = verdicts.verdicts(state).get(fingerprint)
    return verdicts.judge(
        store, group(store, fingerprint), of, said, verdicts.issues(state).get(fingerprint, "")
    )


def test_an_error_of_an_elastic_agent_is_of_the_transaction_that_it_says(store, tmp_path):
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    made = ExportLogsServiceRequest()
    of_resource = made.resource_logs.add()
    put(of_resource.resource.attributes, {"service.name": "elastic"})
    under = of_resource.scope_logs.add()
    under.scope.name = "elastic-apm-python"
    for said in ({"elastic.transaction.name": "GET /fail/<int:n>"}, {}):
        record = under.log_records.add(time_unix_nano=int(NOON.timestamp() * 1e9))
        put(record.attributes, {"exception.type": "KeyError", "exception.message": "fish", **said})
    body = made.SerializeToString()
    (tmp_path / "elastic").write_bytes(length_prefix(len(body)) + body)
    store.load(LOGS, tmp_path / "elastic", "elastic")
    (found,) = groups(store, DAY, Asked("elastic"))
    places = {one.operation for one in spread(store, DAY, found.group.fingerprint)}
    assert places == {"GET /fail/<int:n>", "elastic-apm-python"}


def test_new_is_what_occurred_first_within_the_stretch(store, state, told):
    it = told.group.fingerprint
    assert judged(store, state, it, DAY).standing is Standing.NEW
    later = Interval(NOON + dt.timedelta(hours=1), DAY.end)
    assert judged(store, state, it, later).standing is Standing.OPEN


def test_ignored_needs_a_reason_and_ends_with_its_day(store, state, told):
    with pytest.raises(UsageError, match="reason"):
        verdicts.ignore(state, told.group, " ", None, "Ann")
    verdicts.ignore(state, told.group, "a test shop", dt.date(2026, 11, 21), "Ann")
    it = told.group.fingerprint
    assert judged(store, state, it, DAY).standing is Standing.IGNORED
    after = Interval(DAY.start, dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    assert judged(store, state, it, after).standing is Standing.NEW


def test_resolved_comes_back_only_in_versions_that_should_not_have_it(store, state, shop):
    now = dt.datetime.now(dt.UTC)

    def failed(at: dt.datetime, version: str, n: int) -> None:
        stack = STACK.format(n=n).replace("charge", "refund")
        shop(
            at,
            version,
            Said(
                f"{n:016x}",
                "POST /refund",
                trace_id=f"{n:032x}",
                error=True,
                events=[("exception", {"exception.type": "shop.Refused", "exception.stacktrace": stack})],
            ),
            service="desk",
        )

    failed(now - dt.timedelta(hours=5), "2.0", 501)
    shop(now - dt.timedelta(hours=2), "2.1", Said("f" * 16, "GET /"), service="desk")
    lately = Interval(now - dt.timedelta(hours=6), now + dt.timedelta(hours=6))
    (found,) = groups(store, lately, Asked("desk"))
    it = found.group
    verdicts.resolve(state, store, it, "2.1", "Ann")
    assert verdicts.verdicts(state)[it.fingerprint].older == ("2.0",)
    assert judged(store, state, it.fingerprint, lately).standing is Standing.RESOLVED

    failed(now + dt.timedelta(minutes=5), "2.0", 502)
    assert judged(store, state, it.fingerprint, lately).standing is Standing.RESOLVED, "old pods still run"

    failed(now + dt.timedelta(minutes=10), "2.2", 503)
    back = judged(store, state, it.fingerprint, lately)
    assert back.standing is Standing.REGRESSED
    assert back.back is not None
    assert (back.back.version, back.back.occurrences) == ("2.2", 1)

    verdicts.reopen(state, it, "Ben")
    assert judged(store, state, it.fingerprint, lately).standing is Standing.NEW
    assert [line["said"] for line in verdicts.history(state, it.fingerprint)] == [
        "resolved in 2.1",
        "open again",
    ]


def test_resolved_as_of_now_comes_back_in_any_version(store, state, shop):
    now = dt.datetime.now(dt.UTC)
    failure = Said("a" * 16, "tick", trace_id="a" * 32, error=True)
    shop(now - dt.timedelta(minutes=1), "3.0", failure, service="cron")
    lately = Interval(now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))
    (found,) = groups(store, lately, Asked("cron"))
    verdicts.resolve(state, store, found.group, "", "Ann")
    assert judged(store, state, found.group.fingerprint, lately).standing is Standing.RESOLVED
    shop(dt.datetime.now(dt.UTC) + dt.timedelta(milliseconds=1), "3.0", failure, service="cron")
    assert judged(store, state, found.group.fingerprint, lately).standing is Standing.REGRESSED


def test_an_issue_is_linked_by_its_address_only(state, told):
    with pytest.raises(UsageError, match="address"):
        verdicts.link_issue(state, told.group, "javascript:alert(1)", "Ann")
    verdicts.link_issue(state, told.group, " https://github.com/acme/shop/issues/7 ", "Ann")
    assert verdicts.issues(state) == {told.group.fingerprint: "https://github.com/acme/shop/issues/7"}


def test_a_cut_bucket_of_reports_is_drawn_only_where_it_is_no_false_fall():
    from ktlo.report.errors import _whole_buckets

    end = dt.datetime.now(dt.UTC).replace(second=30, microsecond=0) - dt.timedelta(hours=2)
    of = Interval(end - dt.timedelta(minutes=3), end)
    assert _whole_buckets((1, 6, 6, 2), of, of.start) == (None, 6.0, 6.0, None)
    assert _whole_buckets((0, 0, 0, 2), of, of.start) == (0.0, 0.0, 0.0, 2.0)
    # Before anything of the service was there, nothing is drawn.
    assert _whole_buckets((0, 0, 1, 2), of, of.start + dt.timedelta(seconds=100)) == (None, None, 1.0, 2.0)
