"""Answers worked out by hand where no Prometheus of this age can be asked."""

from __future__ import annotations

import numpy as np
import pytest

from ktlo.telemetry.promql.completing import unit_of
from ktlo.telemetry.promql.evaluate import answer
from ktlo.telemetry.promql.histograms import bucket_quantile
from ktlo.telemetry.promql.labels import labels_of
from ktlo.telemetry.promql.names import metric_name, unit_words
from ktlo.telemetry.promql.question import Asked
from ktlo.telemetry.promql.range_functions import Rules
from ktlo.telemetry.promql.samples import Fixed, Samples

MINUTE = 60_000


def source(*values: float) -> Fixed:
    """One series ``a`` with a value a minute, the first at minute 0."""
    times = [number * MINUTE for number in range(len(values))]
    return Fixed(Samples.of([(labels_of({"__name__": "a"}), times, list(values))]))


def value(expression: str, at: int, given: Fixed, rules: Rules = Rules.PROMETHEUS_3) -> float | None:
    vector = answer(Asked(expression, at, at, rules=rules), given).value
    return float(vector.values[0, 0]) if vector.labels else None


def test_a_range_leaves_out_its_left_end_as_in_prometheus_3_and_has_it_as_in_2() -> None:
    given = source(1, 2, 4, 8, 16)
    assert value("sum_over_time(a[2m])", 3 * MINUTE, given) == 8 + 4
    assert value("sum_over_time(a[2m])", 3 * MINUTE, given, Rules.PROMETHEUS_2) == 8 + 4 + 2


def test_the_newest_sample_counts_for_less_than_five_minutes() -> None:
    given = source(7)
    assert value("a", 5 * MINUTE - 1, given) == 7
    assert value("a", 5 * MINUTE, given) is None
    assert value("a", 5 * MINUTE, given, Rules.PROMETHEUS_2) == 7


def test_a_counter_that_grew_by_sixty_a_minute_through_a_restart_has_a_rate_of_one_a_second() -> None:
    # Restarted after the third: between first and last sample 120 + 60 + 60 in four minutes.
    given = source(60, 120, 180, 60, 120)
    assert value("rate(a[4m30s])", 4 * MINUTE, given) == pytest.approx(1)
    assert value("increase(a[4m])", 4 * MINUTE, given) == pytest.approx(240)
    assert value("resets(a[4m30s])", 4 * MINUTE, given) == 1


def test_the_median_absolute_deviation_is_that_of_the_window() -> None:
    # Of 1, 2, 3, 10 the median is 2.5, the deviations are 1.5, 0.5, 0.5, 7.5, and their median is 1.
    assert value("mad_over_time(a[4m])", 3 * MINUTE, source(1, 2, 3, 10)) == 1


def test_first_and_when_the_greatest_was() -> None:
    given = source(3, 9, 9, 1)
    assert value("first_over_time(a[4m])", 3 * MINUTE, given) == 3
    assert value("ts_of_max_over_time(a[4m])", 3 * MINUTE, given) == 120
    assert value("ts_of_min_over_time(a[4m])", 3 * MINUTE, given) == 180


def test_buckets_that_fall_are_taken_as_level() -> None:
    bounds = np.array([1.0, 2.0, 4.0, np.inf])
    falling = np.array([[10.0], [8.0], [20.0], [19.0]])
    level = np.array([[10.0], [10.0], [20.0], [20.0]])
    q = np.array([0.75])
    assert bucket_quantile(q, bounds, falling) == bucket_quantile(q, bounds, level) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("name", "unit", "kind", "monotonic", "expected"),
    [
        ("http.server.request.duration", "s", "histogram", False, "http_server_request_duration_seconds"),
        ("http.server.requests", "{request}", "sum", True, "http_server_requests_total"),
        ("system.network.io", "By", "sum", True, "system_network_io_bytes_total"),
        ("system.memory.usage", "By", "sum", False, "system_memory_usage_bytes"),
        ("system.cpu.utilization", "1", "gauge", False, "system_cpu_utilization_ratio"),
        ("speed", "m/s", "gauge", False, "speed_meters_per_second"),
        ("requests_total", "", "sum", True, "requests_total"),
        ("latency_bucket", "", "sum", True, "latency_bucket"),
        ("queue--length", "", "gauge", False, "queue_length"),
        ("5xx.count", "", "gauge", False, "_5xx_count"),
        ("jvm.memory.used_bytes", "By", "gauge", False, "jvm_memory_used_bytes"),
        ("", "", "gauge", False, ""),
    ],
)
def test_names_follow_opentelemetry_s_rules(name, unit, kind, monotonic, expected) -> None:
    assert metric_name(name, unit, kind, monotonic=monotonic) == expected


def test_units_are_written_in_words() -> None:
    assert [unit_words(unit) for unit in ("", "1", "By/s", "{request}/min", "km", "%")] == [
        "", "", "bytes_per_second", "per_minute", "km", "percent",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("queue_length", ""),
        ("sum(rate(http_requests_total[5m]))", "per s"),
        ("rate(network_io_bytes_total[5m])", "B per s"),
        ("histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))", "s"),
        ("rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])", "s"),
        ('sum(rate(a_total{x="1"}[5m])) / sum(rate(a_total[5m]))', "share"),
        ("sum(a_total) / sum(b_total)", ""),
        ("max(memory_usage_bytes) / 1024", "B"),
        ("count(memory_usage_bytes)", ""),
        ("cpu_utilization_ratio", "share"),
        ("increase(a_seconds_total[1h])", "s"),
        ("sum(", ""),
    ],
)
def test_the_unit_of_an_expression_follows_from_its_names(expression: str, unit: str) -> None:
    assert unit_of(expression) == unit
