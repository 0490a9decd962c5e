"""PromQL over what services reported by OTLP: names, labels, temporality, histograms, spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from otlp_requests import MS, TEN, Said, put, request, segment
from signal_requests import add_metric, delimited, metrics

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import METRICS, TRACES
from ktlo.telemetry.promql import asking, listing
from ktlo.telemetry.promql.labels import NAME
from ktlo.telemetry.promql.question import Asked

SECOND = 1000 * MS
T0 = TEN // MS
"""The first point, milliseconds since 1970."""
EVERY, COUNT = 15, 41
END = T0 + (COUNT - 1) * EVERY * 1000
TRACE = bytes.fromhex("ab" * 16)


def _over_time(points: Any) -> Iterator[tuple[int, Any]]:
    for number, point in enumerate(points):
        point.time_unix_nano = TEN + number * EVERY * SECOND
        yield number, point


def _shop() -> list[Any]:
    found = []
    for service, pod in (("shop", "p-1"), ("shop", "p-2"), ("pay", "p-3")):
        made = metrics(
            service, name="queue.length", kind="gauge", points=COUNT,
            resource={"service.namespace": "market", "service.instance.id": pod, "k8s.pod.name": pod},
        )  # fmt: skip
        made.resource_metrics[0].scope_metrics[0].metrics[0].unit = "{message}"
        for number, point in _over_time(
            made.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
        ):
            point.as_double = number % 7
            put(point.attributes, {"queue.name": "orders", "http.route": '/cart/{id} "x"'})
        for name, temporality in (("http.server.requests", 2), ("jobs.done", 1)):
            points = add_metric(made, name, "sum", COUNT)
            metric = made.resource_metrics[0].scope_metrics[0].metrics[-1]
            metric.unit, metric.sum.is_monotonic, metric.sum.aggregation_temporality = (
                "{request}",
                True,
                temporality,
            )
            for number, point in _over_time(points):
                # Six a step: 0.4 a second, told as a total or as what was new.
                point.as_double = 6.0 * (number + 1) if temporality == 2 else 6.0
                if number == 20 and temporality == 2:
                    point.exemplars.add(
                        as_double=7.0,
                        trace_id=TRACE,
                        span_id=b"12345678",
                        time_unix_nano=point.time_unix_nano,
                    )
        for name, temporality in (("http.server.request.duration", 2), ("job.duration", 1)):
            points = add_metric(made, name, "histogram", COUNT)
            made.resource_metrics[0].scope_metrics[0].metrics[
                -1
            ].histogram.aggregation_temporality = temporality
            for number, point in _over_time(points):
                times = number + 1 if temporality == 2 else 1
                point.explicit_bounds.extend([0.1, 1.0, 10.0])
                point.bucket_counts.extend([5 * times, 3 * times, 2 * times, 0])
                point.count, point.sum = 10 * times, 4.0 * times
        points = add_metric(made, "rpc.duration", "exponential_histogram", COUNT)
        for number, point in _over_time(points):
            # Scale 0: bucket 0 is (1, 2], bucket 1 is (2, 4].
            point.scale, point.count, point.sum = 0, 10 * (number + 1), 20.0 * (number + 1)
            point.positive.offset = 0
            point.positive.bucket_counts.extend([5 * (number + 1), 5 * (number + 1)])
        points = add_metric(made, "gc.pause", "summary", COUNT)
        for number, point in _over_time(points):
            point.count, point.sum = number + 1, 0.5 * (number + 1)
            point.quantile_values.add(quantile=0.99, value=0.2)
        points = add_metric(made, "cpu.utilization", "gauge", COUNT)
        made.resource_metrics[0].scope_metrics[0].metrics[-1].unit = "1"
        for number, point in _over_time(points):
            point.as_double = 0.5
            if service == "pay" and number == 30:
                point.flags = 1
        found.append(made)
    return found


EARLIER = T0 - 86_400_000


def _shadowed() -> list[Any]:
    """A day earlier: attributes named as labels that follow from the resource, with and without the latter."""
    found = []
    for service, instance, attributes in (
        ("shop", "p-1", {"job": "night", "a.b": "1", "7up": "x", "empty": ""}),
        ("pay", "", {"instance": "mine", "a_b": "2"}),
    ):
        said = metrics(service, name="shadow.length", resource={"service.instance.id": instance})
        (point,) = said.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
        point.time_unix_nano = TEN - 86_400 * SECOND
        put(point.attributes, attributes)
        found.append(said)
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    folder = tmp_path_factory.mktemp("promql")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    (folder / "m").write_bytes(delimited(*_shop(), *_shadowed()))
    opened.load(METRICS, folder / "m", "metrics")
    spans = [
        Said(
            f"{n:016x}",
            "GET /cart",
            n * 1000,
            100 if n % 10 else 3000,
            kind=2,
            trace_id=f"{n:032x}",
            error=n % 4 == 0,
        )
        for n in range(1, 601)
    ]
    (folder / "t").write_bytes(segment(request("shop", *spans)))
    opened.load(TRACES, folder / "t", "spans")
    yield opened
    opened.close()


def values(store: EmbeddedStore, expression: str, at: int = END) -> dict[str, float]:
    """Values at one moment by the labels that are asked to be told apart."""
    vector: Any = asking.ask(store, Asked(expression, at, at)).value
    return {
        ",".join(f"{name}={value}" for name, value in labels): float(vector.values[row, 0])
        for row, labels in enumerate(vector.labels)
    }


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("count(queue_length)", {"": 3}),
        ("max by (job) (queue_length)", {"job=market/pay": 5, "job=market/shop": 5}),
        ('count by (instance, service_name) (queue_length{service_name="pay"})', {"instance=p-3,service_name=pay": 1}),
        ('count(queue_length{queue_name="orders"})', {"": 3}),
        ('count(queue_length{queue_name=~"ord"})', {}),
        ('count(queue_length{queue_name=~"ord.*",job!="market/pay"})', {"": 2}),
        ('count(queue_length{queue_name!~"ord.*"})', {}),
        ('count(queue_length{http_route="/cart/{id} \\"x\\""})', {"": 3}),
        ('count({"queue.length"})', {"": 3}),
        ('count({"queue.length", "queue.name"="orders"})', {"": 3}),
        ('count by ("queue.name") ({"queue.length"})', {"queue.name=orders": 3}),
        ("sum by (job) (rate(http_server_requests_total[5m]))", {"job=market/pay": 0.4, "job=market/shop": 0.8}),
        ('sum by (job) (rate({"http.server.requests"}[5m]))', {"job=market/pay": 0.4, "job=market/shop": 0.8}),
        ("sum by (job) (rate(jobs_done_total[5m]))", {"job=market/pay": 0.4, "job=market/shop": 0.8}),
        ('jobs_done_total{job="market/pay"} == 6 * 41', None),
        ("avg(cpu_utilization_ratio)", {"": 0.5}),
        ('histogram_quantile(0.5, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))', {"": 0.1}),
        ('histogram_quantile(0.8, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))', {"": 1.0}),
        ('histogram_quantile(0.8, sum by (le) (rate(job_duration_seconds_bucket[5m])))', {"": 1.0}),
        ('count(http_server_request_duration_seconds_bucket{le="0.1"})', {"": 3}),
        ('count(http_server_request_duration_seconds_bucket{le=~"0.1|.Inf"})', {"": 6}),
        ("sum(http_server_request_duration_seconds_count)", {"": 1230}),
        ("avg(http_server_request_duration_seconds_sum / http_server_request_duration_seconds_count)", {"": 0.4}),
        ("avg(histogram_count(rpc_duration_seconds))", {"": 410}),
        ("avg(histogram_avg(rate(rpc_duration_seconds[5m])))", {"": 2.0}),
        ("histogram_quantile(0.5, sum(rate(rpc_duration_seconds[5m])))", {"": 2.0}),
        ("histogram_quantile(0.75, sum(rate(rpc_duration_seconds[5m])))", {"": 2 * 2**0.5}),
        ("histogram_fraction(0, 2, sum(rate(rpc_duration_seconds[5m])))", {"": 0.5}),
        ("count(rpc_duration_seconds)", {"": 3}),
        ('max(gc_pause_seconds{quantile="0.99"})', {"": 0.2}),
        ("max(gc_pause_seconds_count)", {"": 41}),
        (
            ("count by (k8s_pod_name)"
            " (cpu_utilization_ratio * on (job, instance) group_left (k8s_pod_name) target_info)"),
            {"k8s_pod_name=p-1": 1, "k8s_pod_name=p-2": 1, "k8s_pod_name=p-3": 1},
        ),
    ],
)  # fmt: skip
def test_an_expression_over_what_was_reported(store: EmbeddedStore, expression: str, expected: Any) -> None:
    found = values(store, expression)
    if expected is None:
        assert len(found) == 1
        return
    assert found.keys() == expected.keys()
    for labels, value in expected.items():
        assert found[labels] == pytest.approx(value, rel=1e-9), labels


def test_a_series_is_gone_where_its_point_says_that_it_is_stale(store: EmbeddedStore) -> None:
    stale_at = T0 + 30 * EVERY * 1000
    assert len(values(store, "cpu_utilization_ratio", stale_at - 1)) == 3
    assert len(values(store, "cpu_utilization_ratio", stale_at + 1)) == 2
    assert len(values(store, "cpu_utilization_ratio", stale_at + EVERY * 1000)) == 3


def test_spans_are_metrics_without_an_exporter(store: EmbeddedStore) -> None:
    """600 calls, one a second; every fourth fails, every tenth takes 3 s and the others 0.1 s."""
    at = T0 + 9 * 60_000
    (rate,) = values(
        store, 'sum by (service) (rate(traces_spanmetrics_calls_total{service="shop"}[5m]))', at
    ).values()
    assert rate == pytest.approx(1, rel=0.05)
    errors = values(
        store, 'sum(increase(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[4m]))'
        " / sum(increase(traces_spanmetrics_calls_total[4m]))", at,
    )  # fmt: skip
    assert errors[""] == pytest.approx(0.25, rel=1e-6)
    buckets = "sum by (le) (rate(traces_spanmetrics_latency_bucket[5m]))"
    assert 0.064 < values(store, f"histogram_quantile(0.5, {buckets})", at)[""] <= 0.128
    assert 2.048 < values(store, f"histogram_quantile(0.95, {buckets})", at)[""] <= 4.096
    mean = values(
        store,
        "sum(rate(traces_spanmetrics_latency_sum[5m])) / sum(rate(traces_spanmetrics_latency_count[5m]))",
        at,
    )
    assert mean[""] == pytest.approx(0.39, rel=0.02)


def test_a_range_of_many_steps_reads_each_series_once(store: EmbeddedStore) -> None:
    answered = asking.ask(
        store, Asked("sum(rate(http_server_requests_total[1m]))", T0 + 120_000, END, 15_000)
    )
    vector: Any = answered.value
    assert answered.samples == 3 * (COUNT - 4), "from a minute before the first step"
    assert np.allclose(vector.values[vector.present], 1.2)


def test_names_labels_and_values_are_listed_for_completion(store: EmbeddedStore) -> None:
    named = listing.names(store, T0, END)
    assert {
        "queue_length",
        "http_server_requests_total",
        "job_duration_seconds_bucket",
        "rpc_duration_seconds",
    } <= {*named}
    selector = [asking.selector_from("queue_length")]
    assert listing.label_names(store, selector, T0, END).values == sorted(
        [
            NAME,
            "http_route",
            "instance",
            "job",
            "otel_scope_name",
            "queue_name",
            "service_name",
            "service_version",
        ]
    )
    assert listing.label_values(store, "job", selector, T0, END).values == ["market/pay", "market/shop"]
    buckets = [asking.selector_from("job_duration_seconds_bucket")]
    assert listing.label_values(store, "le", buckets, T0, END).values == ["0.1", "1", "10", "+Inf"]
    assert listing.names(store, T0 - 9_000_000, T0 - 8_000_000) == list(listing.SPAN_NAMES)


def test_what_a_metric_is_comes_with_its_unit_and_description(store: EmbeddedStore) -> None:
    (found,) = [
        each
        for each in asking.described(store, T0, END, "", 100)
        if each.name == "http_server_request_duration_seconds"
    ]
    assert (found.kind, found.unit, found.description) == (
        "histogram",
        "s",
        "the http.server.request.duration",
    )


def test_exemplars_lead_to_their_traces(store: EmbeddedStore) -> None:
    found = asking.exemplars(store, "sum(rate(http_server_requests_total[5m]))", T0, END)
    assert {(each.trace_id, each.value) for each in found} == {("ab" * 16, 7.0)}
    assert asking.exemplars(store, "rate(queue_length[5m])", T0, END) == []


def test_nothing_of_what_a_person_types_becomes_sql(store: EmbeddedStore) -> None:
    odd = "x' OR 1=1 --"
    assert values(store, f'queue_length{{queue_name="{odd}"}}') == {}
    assert values(store, f'queue_length{{"{odd}"="y"}}') == {}
    assert values(store, f'{{"{odd}"}}') == {}


@pytest.mark.parametrize(
    "expression",
    [
        "sum by (instance) (queue_length)",
        "rate(http_server_requests_total[1m])",
        "rate(jobs_done_total[1m])",
        "jobs_done_total",
        "job_duration_seconds_count",
        "rate(job_duration_seconds_count[1m])",
        "histogram_quantile(0.8, sum by (le) (rate(http_server_request_duration_seconds_bucket[1m])))",
        "queue_length offset 33s",
        "max_over_time(queue_length[45s]) - min_over_time(queue_length[45s] offset 1m)",
    ],
)
def test_what_is_left_out_between_windows_changes_no_answer(store: EmbeddedStore, expression: str) -> None:
    whole = asking.ask(store, Asked(expression, T0 + 61_000, END, 1000, lookback=20_000))
    thin = asking.ask(store, Asked(expression, T0 + 61_000, END, 90_000, lookback=20_000))
    a, b = whole.value, thin.value
    rows = [a.labels.index(labels) for labels in b.labels]
    assert rows
    assert np.array_equal(a.present[rows][:, ::90], b.present)
    assert np.array_equal(np.where(b.present, a.values[rows][:, ::90], 0), np.where(b.present, b.values, 0))
    assert thin.samples <= whole.samples


@pytest.mark.parametrize(("start", "end"), [(T0, END), (EARLIER, EARLIER)])
def test_the_engine_lists_the_labels_and_values_that_reading_every_series_gives(
    store: EmbeddedStore, start: int, end: int
) -> None:
    every = [asking.selector_from('{__name__!="",__name__!~"traces_.*"}')]
    there = listing.label_names(store, every, start, end).values
    assert listing.label_names(store, [], start, end).values == there
    assert {"job", "service_name"} <= {*there}
    for label in (*there, "exported_job", "exported_instance", "nobody"):
        if label != NAME:
            assert listing.label_values(store, label, [], start, end) == listing.label_values(
                store, label, every, start, end
            ), label
    assert listing.label_values(store, "job", [], T0 - 9_000_000, T0 - 8_000_000).values == []
    assert listing.label_names(store, [], T0 - 9_000_000, T0 - 8_000_000).values == []


def test_attributes_beside_labels_of_the_resource_are_listed_under_their_names(
    store: EmbeddedStore,
) -> None:
    listed = {
        label: listing.label_values(store, label, [], EARLIER, EARLIER).values
        for label in ("job", "exported_job", "instance", "exported_instance", "a_b", "key_7up", "empty")
    }
    assert listed == {
        "job": ["pay", "shop"], "exported_job": ["night"], "instance": ["mine", "p-1"], "exported_instance": [],
        "a_b": ["1", "2"], "key_7up": ["x"], "empty": [],
    }  # fmt: skip
    assert listing.label_values(store, "a_b", [], EARLIER, EARLIER, 1).values == ["1"]
