"""What Prometheus writes, as OTLP has it."""

from __future__ import annotations

import struct
from typing import Any

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.receivers.body import BadBodyError, TooLargeError
from ktlo.receivers.prometheus.http import unsnappy
from ktlo.receivers.prometheus.messages import Histogram, WriteRequest
from ktlo.receivers.prometheus.native import UnfitError, fill
from ktlo.receivers.prometheus.translation import Families, translate

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
AT = 1_790_000_000_000


def written(*series: tuple[dict[str, str], list[tuple[int, float]]]) -> Any:
    made = WriteRequest()
    for labels, samples in series:
        one = made.timeseries.add()
        for name, value in labels.items():
            one.labels.add(name=name, value=value)
        for at, value in samples:
            one.samples.add(timestamp=at, value=value)
    return made


def only_metric(made: Any) -> Any:
    ((resource,),) = [[*made.request.resource_metrics]]
    return resource.scope_metrics[0].metrics[0]


def test_job_and_instance_become_the_service_and_other_labels_stay():
    labels = {"__name__": "http_requests_total", "job": "acme/shop", "instance": "h:1", "code": "200"}
    made = translate(written((labels, [(AT, 7.0)])), Families())
    resource = made.request.resource_metrics[0]
    assert {one.key: one.value.string_value for one in resource.resource.attributes} == {
        "service.name": "shop", "service.namespace": "acme", "service.instance.id": "h:1",
    }  # fmt: skip
    metric = only_metric(made)
    assert (metric.name, metric.sum.is_monotonic, metric.sum.aggregation_temporality) == (
        "http_requests_total", True, 2,
    )  # fmt: skip
    (point,) = metric.sum.data_points
    assert (point.as_double, point.time_unix_nano) == (7.0, AT * 1_000_000)
    assert [(one.key, one.value.string_value) for one in point.attributes] == [("code", "200")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("up", "gauge"), ("x_total", "sum"), ("x_bucket", "sum"), ("x_sum", "sum"), ("x_count", "sum")],
)
def test_what_a_series_is_follows_from_its_name(name, kind):
    assert (
        only_metric(translate(written(({"__name__": name}, [(AT, 1)])), Families())).WhichOneof("data")
        == kind
    )


def test_a_stale_marker_is_a_point_without_a_value_and_another_nan_is_a_value():
    made = translate(written(({"__name__": "up"}, [(AT, STALE), (AT + 1, float("nan"))])), Families())
    stale, nan = only_metric(made).gauge.data_points
    assert (stale.flags, stale.WhichOneof("value")) == (1, None)
    assert (nan.flags, nan.WhichOneof("value")) == (0, "as_double")


def test_the_scope_is_said_by_its_labels():
    labels = {"__name__": "m", "otel_scope_name": "meter", "otel_scope_version": "2"}
    made = translate(written((labels, [(AT, 1)])), Families())
    scope = made.request.resource_metrics[0].scope_metrics[0].scope
    assert (scope.name, scope.version) == ("meter", "2")
    assert not only_metric(made).gauge.data_points[0].attributes


def test_metadata_gives_descriptions_to_what_comes_later():
    families = Families()
    told = WriteRequest()
    told.metadata.add(metric_family_name="orders", help="Orders taken.", unit="orders")
    translate(told, families)
    metric = only_metric(translate(written(({"__name__": "orders_total"}, [(AT, 1)])), families))
    assert (metric.description, metric.unit) == ("Orders taken.", "orders")


def test_an_exemplar_goes_to_the_last_point_of_its_series_and_one_without_is_counted():
    made = written(({"__name__": "a_total"}, [(AT, 1), (AT + 1, 2)]), ({"__name__": "b_total"}, []))
    for series in made.timeseries:
        exemplar = series.exemplars.add(value=0.5, timestamp=AT)
        exemplar.labels.add(name="trace_id", value="0af7651916cd43dd8448eb211c80319c")
        exemplar.labels.add(name="span_id", value="not hexadecimal!")
    translated = translate(made, Families())
    first, last = only_metric(translated).sum.data_points
    assert (len(first.exemplars), len(last.exemplars)) == (0, 1)
    assert last.exemplars[0].trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert last.exemplars[0].filtered_attributes[0].key == "span_id"
    assert sum(translated.left_out.values()) == 1


@pytest.mark.parametrize(
    ("labels", "at", "told"),
    [
        ({"job": "x"}, AT, "without a name"),
        ({"__name__": "m"}, -5, "before 1970"),
        ({"__name__": "m"}, 1 << 62, "after the year 2262"),
    ],
)
def test_samples_that_cannot_be_kept_are_counted_by_reason(labels, at, told):
    made = translate(written((labels, [(at, 1.0)])), Families())
    assert [told in reason for reason in made.rejected] == [True]


def native(**said: Any) -> Any:
    made = Histogram(count_int=said.pop("count", 0), schema=said.pop("schema", 0))
    for name, value in said.items():
        if name.endswith("spans"):
            for offset, length in value:
                getattr(made, name).add(offset=offset, length=length)
        elif isinstance(value, list):
            getattr(made, name).extend(value)
        else:
            setattr(made, name, value)
    return made


class Point:
    """An OTLP point, made fresh."""

    def __new__(cls, kind: str = "ExponentialHistogramDataPoint"):
        from opentelemetry.proto.metrics.v1 import metrics_pb2

        return getattr(metrics_pb2, kind)()


def test_a_native_histogram_has_its_gaps_filled_and_its_index_moved_by_one():
    point = Point()
    fill(point, native(count=6, positive_spans=[(1, 2), (2, 1)], positive_deltas=[1, 1, 1], zero_count_int=2))
    assert (point.positive.offset, list(point.positive.bucket_counts)) == (0, [1, 2, 0, 0, 3])
    assert (point.count, point.zero_count) == (6, 2)


def test_a_native_histogram_with_bounds_of_its_own_is_an_explicit_one():
    point = Point("HistogramDataPoint")
    fill(
        point,
        native(count=3, schema=-53, custom_values=[1.0, 5.0], positive_spans=[(1, 1)], positive_deltas=[3]),
    )
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([1.0, 5.0], [0, 3, 0])


@pytest.mark.parametrize(
    "made",
    [
        native(positive_spans=[(0, 1), (1 << 30, 1)], positive_deltas=[1, 1]),
        native(positive_spans=[(0, 1)], positive_deltas=[-1]),
        native(positive_spans=[(0, 2)], positive_deltas=[1]),
        native(schema=99),
        native(positive_counts=[0.5]),
    ],
)
def test_a_native_histogram_that_otlp_cannot_say_is_refused(made):
    with pytest.raises(UnfitError):
        fill(Point(), made)


@given(st.binary(max_size=3000))
def test_what_was_snappy_comes_back(plain):
    assert unsnappy(bytes(cramjam.snappy.compress_raw(plain))) == plain


@given(st.binary(max_size=200))
def test_no_bytes_break_snappy(body):
    try:
        unsnappy(body, most=1 << 20)
    except (BadBodyError, TooLargeError):
        return


def test_a_snappy_bomb_is_known_by_its_size_before_it_is_opened():
    with pytest.raises(TooLargeError):
        unsnappy(bytes(cramjam.snappy.compress_raw(bytes(2 << 20))), most=1 << 20)


@given(st.binary(max_size=300))
def test_no_write_request_breaks_the_translation(body):
    from google.protobuf.message import DecodeError

    made = WriteRequest()
    try:
        made.ParseFromString(body)
    except DecodeError:
        return
    translate(made, Families())
