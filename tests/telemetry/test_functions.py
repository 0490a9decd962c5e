"""Functions from what ktlo-instrument and spans send, against figures worked out by hand."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otlp_requests import TEN, Said, put, request, segment

from ktlo.errors import NotFoundError
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import LOGS, METRICS, TRACES
from ktlo.telemetry.changes import Measure
from ktlo.telemetry.coverage import lines_never_ran, never_ran, present, runs, watched
from ktlo.telemetry.function_calls import told_calls
from ktlo.telemetry.function_changes import since_deployment
from ktlo.telemetry.function_graph import Edge, built, neighbours
from ktlo.telemetry.function_sketch import sketch_of
from ktlo.telemetry.functions import (
    Asked,
    Sort,
    declared,
    functions,
    one_function,
    ordered,
    over_time,
    routes,
    version_of,
)
from ktlo.telemetry.interval import Interval

MINUTE = 60_000_000_000
AT = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
HOUR = Interval(AT - dt.timedelta(minutes=30), AT + dt.timedelta(minutes=30))


def measured(
    minute,
    function,
    calls,
    *,
    version="1",
    failed=None,
    index=80,
    route="/cart",
    scale=2,
    caller="",
    own=0,
    line=7,
):
    """One report of a function: every call in one bucket."""
    made = ExportMetricsServiceRequest()
    of = made.resource_metrics.add()
    put(of.resource.attributes, {"service.name": "shop", "service.version": version})
    scope = of.scope_metrics.add()
    at = TEN + minute * MINUTE
    labels = {"code.function.name": function, "code.file.path": "/srv/app/shop/cart.py", "code.line.number": line,
              "http.route": route}  # fmt: skip

    def counts(name, extra, number):
        metric = scope.metrics.add(name=name)
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
        point = metric.sum.data_points.add(time_unix_nano=at, start_time_unix_nano=at - 10**10, as_int=number)
        put(point.attributes, {**labels, **extra})

    counts("ktlo.function.calls", {"ktlo.caller.function": caller} if caller else {}, calls)
    for kind, number in (failed or {}).items():
        counts("ktlo.function.errors", {"error.type": kind}, number)
    for name, total in (("duration", calls * 1000), ("self_duration", own)):
        metric = scope.metrics.add(name=f"ktlo.function.{name}")
        metric.exponential_histogram.aggregation_temporality = 1
        point = metric.exponential_histogram.data_points.add(
            time_unix_nano=at, count=calls, sum=float(total), scale=scale
        )
        point.positive.offset = index
        point.positive.bucket_counts.append(calls)
        put(point.attributes, labels)
    return made


def told(event, at, attributes, *, version="1", instance="a", trace=""):
    made = ExportLogsServiceRequest()
    of = made.resource_logs.add()
    put(of.resource.attributes,
        {"service.name": "shop", "service.version": version, "service.instance.id": instance})  # fmt: skip
    record = of.scope_logs.add().log_records.add(time_unix_nano=TEN + at * MINUTE, event_name=event)
    record.trace_id = bytes.fromhex(trace)
    put(record.attributes, attributes)
    return made


def covered(functions, lines, **more):
    return told(
        "ktlo.function.coverage",
        more.pop("at", 0),
        {
            "code.file.path": "shop/cart.py",
            "ktlo.module": "shop.cart",
            "ktlo.coverage.functions": json.dumps(functions),
            "ktlo.coverage.lines_never": json.dumps(lines),
            "ktlo.coverage.since": "2026-09-21T13:00:00Z",
        },
        **more,
    )


@pytest.fixture(scope="module")
def told_store(tmp_path_factory) -> Iterator[EmbeddedStore]:
    folder = tmp_path_factory.mktemp("functions")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    reports = [
        measured(0, "shop.cart.total", 90, failed={"ValueError": 2, "KeyError": 1}, index=80, own=60_000),
        measured(1, "shop.cart.total", 10, index=100, own=20_000, caller="shop.cart.show"),
        measured(1, "shop.cart.show", 5, own=20_000, route="/show"),
    ]
    calls = [
        told("ktlo.function.call", 0,
             {"code.function.name": "shop.cart.total", "ktlo.call.reason": "slow", "ktlo.call.duration": 5_000_000,
              "ktlo.call.arguments": '{"items": "<b>3</b>"}', "ktlo.call.result": "7"}, trace="ab" * 16),
        told("ktlo.function.call", 1,
             {"code.function.name": "shop.cart.total", "ktlo.call.reason": "error", "ktlo.call.duration": 9,
              "exception.type": "ValueError", "exception.message": "no price"}),
        covered([["total", 7, 1], ["gone", 20, 0], ["other", 30, 0]], [[20, 22], [31, 31]], instance="a"),
        covered([["total", 7, 0], ["gone", 20, 0], ["other", 30, 1]], [[7, 8], [20, 21]], instance="b"),
        covered([["old", 1, 0]], [], version="0.9", at=-100),
    ]  # fmt: skip
    node = request(
        "orders",
        Said("1" * 16, "place", 0, 4, trace_id="d" * 32, attributes={"code.function.name": "place", "http.route": "/o",
                                                                   "code.file.path": "/app/server.js"}),
        Said("2" * 16, "pay", 1, 2, parent="1" * 16, trace_id="d" * 32, kind=1, error=True,
             attributes={"code.function": "pay", "code.namespace": "bank", "code.lineno": 12,
                         "error.type": "Declined"}),
        Said("3" * 16, "GET", 1, 2, trace_id="e" * 32),
    )  # fmt: skip
    seen = request(
        "shop", Said("4" * 16, "t", trace_id="c" * 32, attributes={"code.function.name": "shop.cart.total"})
    )
    for stream, made in ((METRICS, reports), (LOGS, calls), (TRACES, [node, seen])):
        file = folder / f"{stream.table}.segment"
        file.write_bytes(segment(*made))
        opened.load(stream, file, stream.table)
    yield opened
    opened.close()


def test_calls_errors_and_times_of_a_function_add_up_over_minutes(told_store):
    one = one_function(told_store, HOUR, Asked("shop"), "shop.cart.total")
    assert (one.calls, one.errors, one.total_ns, one.self_ns) == (100, 3, 100_000, 80_000)
    assert one.failed == (("ValueError", 2), ("KeyError", 1))
    assert (one.path, one.line, one.versions, one.routes) == ("/srv/app/shop/cart.py", 7, ("1",), ("/cart",))


def test_a_line_is_that_of_the_version_though_an_older_one_told_last(told_store, tmp_path):
    made = [measured(0, "moved", 3, version="v2", line=9), measured(1, "moved", 3, version="v1", line=12)]
    for each in made:
        each.resource_metrics[0].resource.attributes[0].value.string_value = "moving"
    (tmp_path / "moved.segment").write_bytes(segment(*made))
    told_store.load(METRICS, tmp_path / "moved.segment", "moved")
    one = one_function(told_store, HOUR, Asked("moving"), "moved")
    assert one.line == 12
    assert declared(told_store, HOUR, one, "v2") == ("/srv/app/shop/cart.py", 9)
    assert declared(told_store, HOUR, one, "v3") == ("/srv/app/shop/cart.py", 12)
    # Source is shown of the version deployed last; where that has another name, of the one that began last.
    assert version_of(told_store, HOUR, one, "v2") == "v2"
    assert version_of(told_store, HOUR, one, "release 1.3") == version_of(told_store, HOUR, one) == "v1"


def test_its_share_is_of_the_self_time_of_the_service(told_store):
    assert one_function(told_store, HOUR, Asked("shop"), "shop.cart.total").self_share == pytest.approx(0.8)


def test_quantiles_are_the_middle_of_the_bucket_that_the_rank_falls_into(told_store):
    wall = one_function(told_store, HOUR, Asked("shop"), "shop.cart.total").wall
    assert wall.n == 100
    assert wall.quantile(0.5).low == pytest.approx(2**20)
    assert wall.quantile(0.9).high == pytest.approx(2**20.25)
    assert wall.quantile(0.91).value == pytest.approx(2**25.125)
    assert wall.error == pytest.approx(2**0.125 - 1)


def test_a_function_that_both_tell_of_is_counted_once(told_store):
    names = [(one.name, one.origin) for one in functions(told_store, HOUR)]
    assert names.count(("shop.cart.total", "instrument")) == 1
    assert ("shop.cart.total", "spans") not in names


def test_functions_of_node_come_from_spans_in_old_and_new_conventions(told_store):
    found = {one.name: one for one in functions(told_store, HOUR, Asked("orders"))}
    assert sorted(found) == ["bank.pay", "place"]
    assert (found["place"].path, found["place"].routes, found["place"].self_ns) == (
        "/app/server.js",
        ("/o",),
        None,
    )
    assert (found["bank.pay"].line, found["bank.pay"].failed) == (12, (("Declined", 1),))
    took = found["bank.pay"].wall.quantile(0.5)
    assert took.low < 2_000_000 <= took.high
    callers, callees = neighbours(told_store, HOUR, Asked("orders"), "place", "spans")
    assert ([one.caller for one in callers], [one.function for one in callees]) == ([""], ["bank.pay"])


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (Asked("shop", route="/show"), ["shop.cart.show"]),
        (Asked("shop", failing=True), ["shop.cart.total"]),
        (Asked(text="CART.SH"), ["shop.cart.show"]),
        (Asked(text="server.js"), ["place"]),
        (Asked(version="2"), []),
    ],
)
def test_filters_keep_what_is_asked(told_store, asked, names):
    assert [one.name for one in functions(told_store, HOUR, asked)] == names


def test_orders_put_the_most_first(told_store):
    found = functions(told_store, HOUR, Asked("shop"))
    assert [one.name for one in ordered(found, Sort.CALLS)] == ["shop.cart.total", "shop.cart.show"]
    assert [one.name for one in ordered(found, Sort.NAME)] == ["shop.cart.show", "shop.cart.total"]


def test_a_function_over_time_has_every_bucket(told_store):
    found = functions(told_store, HOUR, Asked("shop"))
    moments = over_time(told_store, HOUR, Asked("shop"), found)[("shop", "shop.cart.total")]
    assert sum(one.calls for one in moments) == 100
    assert [one.calls for one in moments if one.calls] == [90, 10]
    assert len(moments) > 50


def test_callers_have_their_calls(told_store):
    callers, callees = neighbours(told_store, HOUR, Asked("shop"), "shop.cart.total")
    assert [(one.caller, one.calls) for one in callers] == [("", 90), ("shop.cart.show", 10)]
    assert callees == []
    assert routes(told_store, HOUR, Asked("shop")) == [("/cart", 100), ("/show", 5), ("", 1)]


def test_calls_that_told_keep_arguments_as_they_came(told_store):
    slow, failed = told_calls(told_store, HOUR, Asked("shop"), "shop.cart.total")
    assert [(one.arguments, one.result, one.trace_id) for one in slow] == [
        ('{"items": "<b>3</b>"}', "7", "ab" * 16)
    ]
    assert [(one.error, one.message) for one in failed] == [("ValueError", "no price")]


def test_a_function_that_did_not_run_is_named_with_what_to_do(told_store):
    with pytest.raises(NotFoundError, match="did not run"):
        one_function(told_store, HOUR, Asked("shop"), "shop.cart.nothing")


def test_a_function_ran_when_any_process_ran_it_and_a_line_when_any_process_ran_it(told_store):
    now = present(watched(told_store, "shop"))
    assert {one.version for one in watched(told_store, "shop")} == {"1", "0.9"}
    of = next(one for one in watched(told_store, "shop") if one.version == "1")
    assert (of.functions, of.never) == (3, 1)
    assert [one.function for one in never_ran(told_store, of)] == ["gone"]
    (module,) = lines_never_ran(told_store, of)
    assert (module.ranges, module.processes, module.lines) == (((20, 21),), 2, 2)
    assert len(now) == 1


def test_a_version_is_watched_until_its_last_call_was_counted_with_days_calls_and_processes(told_store):
    by_version = {one.version: one for one in watched(told_store, "shop")}
    now, old = by_version["1"], by_version["0.9"]
    # Coverage was told in the first minute, a call was counted in the one after.
    assert (now.days, now.calls, now.processes) == (1, 105, 2)
    assert now.last_at == AT.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    assert (old.days, old.calls, old.processes) == (0, 0, 1)
    assert not now.is_enough
    assert dataclasses.replace(now, days=14, calls=1000).is_enough
    assert not dataclasses.replace(now, days=14, calls=1000, processes=1).is_enough


def test_numbers_become_runs():
    assert runs([3, 4, 5, 9]) == ((3, 5), (9, 9))
    assert runs([]) == ()


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60), st.integers(0, 5), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_of_the_true_one_and_is_off_by_no_more_than_is_said(
    values, scale, level
):
    def number(value):
        return scale * 2**32 + 2**31 + math.ceil(math.log2(value) * 2**scale) - 1

    sketch = sketch_of([(number(one), 1) for one in values])
    true = sorted(values)[max(1, math.ceil(level * len(values))) - 1]
    found = sketch.quantile(level)
    assert found.low * (1 - 1e-9) <= true <= found.high * (1 + 1e-9)
    assert abs(found.value / true - 1) <= sketch.error + 1e-9


@given(st.lists(st.tuples(st.integers(-3, 6), st.integers(-50, 90), st.integers(1, 9)), max_size=30))
def test_histograms_of_several_scales_lose_no_call(parts):
    sketch = sketch_of([(scale * 2**32 + 2**31 + index, count) for scale, index, count in parts])
    assert sketch.n == sum(count for _, _, count in parts)
    assert sketch.scale == (min(scale for scale, _, _ in parts) if parts else 20)


def test_self_time_is_divided_among_callers_by_calls():
    flame = built(
        {"a": 10.0, "b": 20.0, "c": 90.0},
        [Edge("", "a", 1), Edge("", "b", 1), Edge("a", "c", 2), Edge("b", "c", 1)],
    )
    assert flame.total_ns == pytest.approx(120)
    assert [(one.name, one.total_ns) for one in flame.children] == [
        ("a", pytest.approx(70)),
        ("b", pytest.approx(50)),
    ]
    assert flame.below(("a", "c")).self_ns == pytest.approx(60)
    assert flame.below(("c",)) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "c", "d"]), st.sampled_from("abcd"), st.integers(1, 50)),
        max_size=15,
    )
)
def test_a_flame_graph_never_has_more_time_than_was_measured(edges):
    flame = built({"a": 5.0, "b": 7.0, "c": 11.0, "d": 0.0}, [Edge(*one) for one in edges])
    assert flame.total_ns == pytest.approx(23)
    assert sum(one.total_ns for one in flame.children) <= 23 + 1e-6


def deployed(store, folder, service, after_index, after_failed):
    made = []
    for minute in range(-12, 12):
        after = minute >= 0
        one = measured(minute, "f", 200, version="2" if after else "1", index=after_index if after else 80,
                       failed={"E": after_failed} if after and after_failed else None)  # fmt: skip
        one.resource_metrics[0].resource.attributes[0].value.string_value = service
        made.append(one)
    file = folder / f"{service}.segment"
    file.write_bytes(segment(*made))
    store.load(METRICS, file, service)
    return since_deployment(
        store, Interval(AT - dt.timedelta(hours=1), AT + dt.timedelta(minutes=12)), service
    )


@pytest.mark.parametrize(
    ("index", "failed", "measures"),
    [(80, 0, []), (84, 0, [Measure.P95]), (80, 20, [Measure.ERRORS])],
    ids=["nothing", "slower", "failing"],
)
def test_a_change_since_a_version_is_named_only_when_it_is_there(
    told_store, tmp_path, index, failed, measures
):
    since = deployed(told_store, tmp_path, f"deployed-{index}-{failed}", index, failed)
    assert (since.deployment.version, since.deployment.previous) == ("2", "1")
    assert [one.measure for one in since.of("f")] == measures
    assert all(one.is_worse for one in since.of("f"))
