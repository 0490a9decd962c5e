"""One exception told twice is one occurrence, in whatever order its reports arrive; every report stays.

Reports are as the published agents sent them in November 2026 (``examples/shop``): Flask's logger names the bare type
and ``str(error.args[0])``, its span the type's module and ``str(error)``; pino's record is of the server span, the
event of the handler's span below it; Elastic's Python agent sends an error beside a failed transaction.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time

import pytest
from otlp_requests import Said, put, request

from ktlo.receivers.spool import length_prefix
from ktlo.store.streams import LOGS, TRACES
from ktlo.telemetry.error_repeats import Repeats
from ktlo.telemetry.errors import Asked, by_version, groups, one_listed, samples, spread
from ktlo.telemetry.interval import Interval

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DAY = Interval(NOON - dt.timedelta(hours=12), NOON + dt.timedelta(hours=12))
SERVER, HANDLER = "a" * 16, "b" * 16
PYTHON = "Traceback (most recent call last):\n  File \"/app/{}.py\", line 9, in coupon\nKeyError: 'AUTUMN'"
NODE = "TypeError: Cannot read properties of null\n    at /app/orders/{}.js:9:3"
_numbers = itertools.count(1)


class Shop:
    """A service of its own, with its store."""

    def __init__(self, store, folder) -> None:
        self.store, self.file = store, folder / "segment"
        self.name = f"shop-{next(_numbers)}"
        self.module = "".join(chr(97 + int(digit)) for digit in str(next(_numbers))) + "_service"
        self.trace = f"{next(_numbers):032x}"

    def load(self, stream, made) -> None:
        body = made.SerializeToString()
        self.file.write_bytes(length_prefix(len(body)) + body)
        self.store.load(stream, self.file, f"repeats-{time.monotonic_ns()}")

    def spans(self, *said: Said, minutes: float = 0) -> None:
        made = request(self.name, *said)
        at = int((NOON + dt.timedelta(minutes=minutes)).timestamp() * 1e9)
        for span in made.resource_spans[0].scope_spans[0].spans:
            span.start_time_unix_nano, span.end_time_unix_nano = at, at + 5_000_000
            for event in span.events:
                event.time_unix_nano = at + 1_000_000
        self.load(TRACES, made)

    def logs(self, span_id: str, exception: dict[str, str], times: int = 1, minutes: float = 0) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        made = ExportLogsServiceRequest()
        of_resource = made.resource_logs.add()
        put(of_resource.resource.attributes, {"service.name": self.name, "service.version": "1.0"})
        for number in range(times):
            at = int((NOON + dt.timedelta(minutes=minutes)).timestamp() * 1e9) + number
            record = of_resource.scope_logs.add().log_records.add(time_unix_nano=at)
            record.trace_id, record.span_id = bytes.fromhex(self.trace), bytes.fromhex(span_id)
            put(record.attributes, exception)
        self.load(LOGS, made)

    def counted(self) -> None:
        Repeats(self.store, 10_000).round(dt.datetime.now(dt.UTC))

    def told(self) -> list[tuple[str, int]]:
        return [(one.group.title, one.occurrences) for one in groups(self.store, DAY, Asked(self.name))]


@pytest.fixture
def shop(store, tmp_path):
    return Shop(store, tmp_path)


def exception(kind: str, message: str, stack: str) -> dict[str, str]:
    return {"exception.type": kind, "exception.message": message, "exception.stacktrace": stack}


def flask(shop: Shop) -> list:
    event = exception("KeyError", "'AUTUMN'", PYTHON.format(shop.module))
    span = Said(SERVER, "GET /coupons/<code>", trace_id=shop.trace, error=True, events=[("exception", event)])
    return [
        lambda: shop.spans(span),
        lambda: shop.logs(SERVER, exception("KeyError", "AUTUMN", PYTHON.format(shop.module))),
    ]


def pino(shop: Shop) -> list:
    told = exception("TypeError", "Cannot read properties of null", NODE.format(shop.module))
    handler = Said(HANDLER, "request handler - /orders", parent=SERVER, trace_id=shop.trace, kind=1, error=True,
                   events=[("exception", told)])  # fmt: skip
    server = Said(SERVER, "POST /orders", trace_id=shop.trace, error=True,
                  attributes={"http.response.status_code": 500})  # fmt: skip
    return [lambda: shop.spans(handler), lambda: shop.logs(SERVER, told), lambda: shop.spans(server)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("agent", [flask, pino])
def test_an_event_a_log_record_and_a_status_of_one_exception_are_one_error_that_occurred_once(
    shop, agent, order
):
    arrive = agent(shop)
    for place in order:
        if place < len(arrive):
            arrive[place]()
            shop.counted()
    ((_, occurrences),) = shop.told()
    assert occurrences == 1
    (found,) = groups(shop.store, DAY, Asked(shop.name))
    fingerprint = found.group.fingerprint
    assert found.traces == 1
    assert sum(found.counts) == 1
    assert one_listed(shop.store, DAY, fingerprint).occurrences == 1
    assert [
        each.operation for each in spread(shop.store, DAY, fingerprint) if each.service == shop.name
    ] != []
    reports = {
        each.reported_as for each in samples(shop.store, DAY, fingerprint) if each.trace_id == shop.trace
    }
    assert reports == {"span event", "log"}


def test_what_a_group_adds_up_to_leaves_repeats_out(shop):
    for arrives in flask(shop):
        arrives()
    (before,) = groups(shop.store, DAY, Asked(shop.name))
    shop.counted()
    (after,) = groups(shop.store, DAY, Asked(shop.name))
    assert after.group.total == before.group.total - 1
    assert by_version(shop.store, DAY, after.group.fingerprint) != {}


def test_an_exception_that_was_logged_at_every_attempt_counts_each_but_the_one_that_the_span_tells(shop):
    told = exception("TimeoutError", "no answer", "")
    shop.logs(SERVER, told, times=3)
    shop.spans(Said(SERVER, "sync", trace_id=shop.trace, error=True, events=[("exception", told)]))
    shop.counted()
    assert sum(occurrences for _, occurrences in shop.told()) == 3


def test_another_message_type_service_or_trace_is_another_occurrence(shop, store, tmp_path):
    told = exception("ValueError", "no", "")
    shop.spans(Said(SERVER, "a", trace_id=shop.trace, error=True, events=[("exception", told)]))
    shop.logs(SERVER, exception("ValueError", "never", ""))
    shop.logs(SERVER, exception("KeyError", "no", ""))
    other = Shop(store, tmp_path)
    other.logs(SERVER, told)  # another service in another trace
    elsewhere = Shop(store, tmp_path)
    elsewhere.trace = shop.trace
    elsewhere.logs(SERVER, told)  # another service in the same trace
    shop.counted()
    assert sum(occurrences for _, occurrences in shop.told()) == 3
    assert other.told()[0][1] == elsewhere.told()[0][1] == 1


def test_a_record_without_a_trace_and_a_status_without_a_record_are_counted(shop):
    shop.trace = "0" * 32
    shop.logs("0" * 16, exception("OSError", "disk", ""))
    shop.trace = f"{next(_numbers):032x}"
    shop.spans(Said(SERVER, "GET /x", trace_id=shop.trace, error=True))
    shop.counted()
    assert sum(occurrences for _, occurrences in shop.told()) == 2


def test_a_restart_counts_again_what_was_counted_and_changes_nothing(shop):
    for arrives in pino(shop):
        arrives()
    repeats = Repeats(shop.store, 10_000)
    now = dt.datetime.now(dt.UTC)
    assert repeats.round(now) > 0
    assert repeats.round(now) == 0
    once = shop.told()
    assert Repeats(shop.store, 10_000).round(now) > 0
    assert shop.told() == once


def test_a_minute_whose_reports_may_have_gone_keeps_its_figure(shop):
    for arrives in flask(shop):
        arrives()
    assert Repeats(shop.store, 1).round(NOON + dt.timedelta(days=400)) == 0


def left(shop: Shop, *functions: str) -> dict[str, str]:
    """What Python says of an exception that left some functions, outermost first."""
    frames = "".join(f'  File "/app/{shop.module}.py", line 9, in {one}\n' for one in functions)
    return exception("KeyError", "'fish'", f"Traceback (most recent call last):\n{frames}KeyError: 'fish'")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_exception_that_leaves_spans_one_around_the_other_is_one_error_that_occurred_once(shop, order):
    stacks = [("price",), ("total", "price"), ("view", "total", "price")]
    for place in order:
        told = [("exception", left(shop, *stacks[place]))]
        shop.spans(Said(f"{place + 1:016x}", "a span", trace_id=shop.trace, kind=1, error=True, events=told))
        shop.counted()
    assert [one for _, one in shop.told()] == [1]
    (found,) = groups(shop.store, DAY, Asked(shop.name))
    assert len(samples(shop.store, DAY, found.group.fingerprint)) == 1


def test_attempts_that_failed_inside_a_span_are_each_counted_and_the_span_around_them_is_not(shop):
    inner, outer = [("exception", left(shop, "price"))], [("exception", left(shop, "view", "price"))]
    for number in range(1, 4):
        shop.spans(Said(f"{number:016x}", "attempt", trace_id=shop.trace, kind=1, error=True, events=inner))
    shop.spans(Said(SERVER, "GET /", trace_id=shop.trace, error=True, events=outer))
    shop.logs(SERVER, left(shop, "view", "price"))
    shop.counted()
    assert [one for _, one in shop.told()] == [3]


@pytest.mark.parametrize(
    "other",
    [("view", "cost"), ("price", "view"), ("price",)],
    ids=["another place", "turned round", "the same"],
)
def test_stacks_that_do_not_hold_one_another_are_errors_of_their_own(shop, other):
    for number, functions in enumerate([("price",), other], start=1):
        told = [("exception", left(shop, *functions))]
        shop.spans(Said(f"{number:016x}", "a span", trace_id=shop.trace, error=True, events=told))
    shop.counted()
    assert sum(one for _, one in shop.told()) == 2
