"""Of a metric request the points that say something are kept; the others are counted with their reason."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otlp_requests import put
from signal_requests import add_metric, metrics, points_of

from ktlo.receivers.otlp import json_form, signals
from ktlo.receivers.otlp.accepting import MOST_ATTRIBUTES, MalformedError, Reasons
from ktlo.receivers.otlp.exchange import keep, parse
from ktlo.receivers.otlp.metrics import MOST_BUCKETS, MOST_EXEMPLARS

KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def kept(made: ExportMetricsServiceRequest) -> tuple[int, str]:
    reasons = Reasons()
    items, _ = keep(signals.METRICS, made, reasons)
    return items, reasons.said("data point")


@pytest.mark.parametrize("kind", KINDS)
def test_points_of_every_kind_are_kept(kind):
    assert kept(metrics("shop", kind=kind, points=3)) == (3, "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_point_beyond_the_year_2262_is_rejected_and_its_neighbours_stay(kind):
    made = metrics("shop", kind=kind, points=3)
    points_of(made)[1].time_unix_nano = 1 << 63
    assert kept(made) == (2, "1 data point: a time is after the year 2262")


@pytest.mark.parametrize("kind", KINDS)
def test_points_of_a_metric_without_a_name_are_rejected(kind):
    assert kept(metrics("shop", name="", kind=kind, points=2)) == (0, "2 data points: the metric has no name")


def test_a_point_without_a_value_is_rejected_unless_it_says_that_it_has_none():
    made = metrics("shop", points=2)
    for point in points_of(made):
        point.ClearField("as_double")
    points_of(made)[1].flags = 1
    assert kept(made) == (1, "1 data point: the point has no value, and no flag says so")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_values(value):
    made = metrics("shop")
    points_of(made)[0].as_double = value
    assert kept(made) == (1, "")


@pytest.mark.parametrize(
    ("bounds", "counts", "told"),
    [
        ([1.0, 2.0], [1, 1], "the histogram's buckets are not one more than its bounds"),
        ([2.0, 1.0], [1, 1, 1], "the histogram's bounds do not grow"),
        ([1.0, 1.0], [1, 1, 1], "the histogram's bounds do not grow"),
        ([math.nan], [1, 1], ""),
        ([], [5], ""),
        ([], [], ""),
        ([1.0], [1 << 63, 0], "a count is larger than 2^63-1"),
    ],
)
def test_a_histogram_whose_buckets_do_not_fit_its_bounds_is_rejected(bounds, counts, told):
    made = metrics("shop", kind="histogram")
    points_of(made)[0].explicit_bounds.extend(bounds)
    points_of(made)[0].bucket_counts.extend(counts)
    assert kept(made) == (0, f"1 data point: {told}") if told else (1, "")


@pytest.mark.parametrize("side", ["positive", "negative"])
def test_a_histogram_of_too_many_buckets_is_rejected_before_the_engine_makes_room_for_it(side):
    made = metrics("shop", kind="exponential_histogram")
    getattr(points_of(made)[0], side).bucket_counts.extend([0] * (MOST_BUCKETS + 1))
    items, told = kept(made)
    assert (items, "4,096 buckets" in told) == (0, True)


def test_an_exemplar_with_an_impossible_identifier_is_kept_without_it():
    made = metrics("shop")
    point = points_of(made)[0]
    point.exemplars.add(as_double=1, trace_id=b"x", span_id=bytes(8))
    for _ in range(MOST_EXEMPLARS):
        point.exemplars.add(as_double=2, trace_id=b"t" * 16)
    items, told = kept(made)
    assert items == 1
    assert "trace_id is none" in told
    assert len(point.exemplars) == MOST_EXEMPLARS
    assert (point.exemplars[0].trace_id, point.exemplars[1].trace_id) == (b"", b"t" * 16)


def test_ten_thousand_attributes_of_a_point_are_cut():
    made = metrics("shop")
    put(points_of(made)[0].attributes, {f"k{n}": [n] for n in range(10_000)})
    kept(made)
    assert len(points_of(made)[0].attributes) == MOST_ATTRIBUTES
    assert points_of(made)[0].attributes[7].value.string_value == "[7]"


def test_a_metric_without_data_is_no_item_and_no_error():
    made = metrics("shop")
    made.resource_metrics[0].scope_metrics[0].metrics[0].ClearField("gauge")
    assert kept(made) == (0, "")


def test_metrics_in_json_take_integers_as_text_and_the_special_numbers_by_name():
    point = {"timeUnixNano": "1790000000000000000", "asInt": "-7"}
    special = {"timeUnixNano": 1790000000000000000, "asDouble": "NaN"}
    said = {"name": "m", "gauge": {"dataPoints": [point, special]}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [said]}]}]}).encode()
    made = json_form.read(body, ExportMetricsServiceRequest())
    assert points_of(made)[0].as_int == -7
    assert math.isnan(points_of(made)[1].as_double)


@given(st.binary(max_size=300))
def test_no_bytes_break_it(body):
    made = ExportMetricsServiceRequest()
    try:
        parse(body, made)
    except MalformedError:
        return
    kept(made)


def test_all_five_kinds_in_one_request_are_counted_together():
    made = metrics("shop")
    for kind in KINDS[1:]:
        add_metric(made, kind, kind, points=2)
    assert kept(made) == (9, "")
