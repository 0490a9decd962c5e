"""Logs and metrics in every backend: what OTLP says is what the tables say, once, and in what follows from them."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from pathlib import Path
from typing import Any

import pytest
from otlp_requests import MS, TEN, put
from signal_requests import add_metric, delimited, log, logs, metrics, points_of

from ktlo.records import TABLES
from ktlo.store import Store, ddl
from ktlo.store.streams import LOGS, METRICS, PHYSICAL, create_flow


@pytest.fixture
def load(store: Store, tmp_path: Path):
    def loaded(*requests, token: str = "") -> None:
        file = tmp_path / f"{uuid.uuid4().hex}.segment"
        file.write_bytes(delimited(*requests))
        stream = LOGS if hasattr(requests[0], "resource_logs") else METRICS
        store.load(stream, file, token or uuid.uuid4().hex)

    return loaded


def lines(store: Store, service: str) -> list[dict[str, Any]]:
    return store.query(
        "SELECT * FROM ktlo.log_records WHERE service = {s:String} ORDER BY logged_at", {"s": service}
    ).to_pylist()


def points(store: Store, service: str, noun: str = "metric_points") -> list[dict[str, Any]]:
    return store.query(
        f"SELECT p.*, s.name, s.type, s.temporality, s.monotonic, s.attributes FROM ktlo.{noun} AS p"
        " JOIN ktlo.metric_series AS s ON s.series = p.series"
        " WHERE s.service = {s:String} ORDER BY s.name, s.series, p.at",
        {"s": service},
    ).to_pylist()


def test_every_field_of_a_log_record_arrives(store, load):
    said = log(
        "the card was declined", at=12.5, number=17, severity_text="ERROR", trace_id=b"t" * 16, span_id=b"s" * 8,
        flags=1, event_name="card.declined", dropped_attributes_count=2, observed_time_unix_nano=TEN + 5,
        attributes={"n": -7, "x": 0.5, "yes": True, "raw": b"\x00\xff", "text": "äöü <b>"},
    )  # fmt: skip
    load(logs("fields", said, resource={"deployment.environment.name": "production", "host.name": "h1"}))
    (row,) = lines(store, "fields")
    assert (row["logged_at"].value, row["observed_at"].value) == (TEN + 12_500_000, TEN + 5)
    assert (row["severity"], row["severity_number"], row["severity_text"]) == ("error", 17, "ERROR")
    assert (row["body"], row["event_name"], row["flags"], row["dropped"]) == (
        "the card was declined", "card.declined", 1, 2,
    )  # fmt: skip
    assert (row["trace_id"], row["span_id"]) == ("74" * 16, "73" * 8)
    assert (row["version"], row["environment"], row["instance"]) == ("1.0", "production", "h1")
    assert (row["scope_name"], row["scope_version"]) == ("shop.checkout", "2")
    assert dict(row["attributes"]) == {"n": "-7", "x": "0.5", "yes": "true", "raw": "AP8=", "text": "äöü <b>"}


SEVERITIES = [
    (1, "", "trace"), (4, "", "trace"), (5, "", "debug"), (9, "", "info"), (13, "", "warn"), (16, "", "warn"),
    (17, "", "error"), (24, "", "fatal"), (0, "", ""), (25, "", ""), (-1, "", ""), (99, "WARN", "warn"),
    (0, "Warning", "warn"), (0, "CRITICAL", "fatal"), (0, "notice", "info"), (0, "loud", ""), (9, "ERROR", "info"),
]  # fmt: skip


def test_severity_follows_from_the_number_else_from_the_word(store, load):
    load(
        logs(
            "severity",
            *(log(at=n, number=of, severity_text=text) for n, (of, text, _) in enumerate(SEVERITIES)),
        )
    )
    assert [row["severity"] for row in lines(store, "severity")] == [meant for _, _, meant in SEVERITIES]


def test_a_log_without_its_own_time_has_that_of_the_collector_else_of_arrival(store, load):
    load(
        logs(
            "times", log("seen", time_unix_nano=0, observed_time_unix_nano=TEN), log("now", time_unix_nano=0)
        )
    )
    seen, now = lines(store, "times")
    assert (seen["body"], seen["logged_at"].value) == ("seen", TEN)
    assert abs(now["logged_at"].timestamp() - dt.datetime.now(dt.UTC).timestamp()) < 120


def test_logs_by_minute_are_counted_once_whatever_is_loaded_again(store, load):
    made = logs("minutes", log("a"), log("a"), log("b", number=17), log("c", at=120_000, number=17))
    for _ in range(3):
        load(made, token="log-segment-1")
    assert len(lines(store, "minutes")) == 4
    counted = store.query(
        "SELECT minute, severity, records FROM ktlo.log_minutes WHERE service = 'minutes' ORDER BY minute, severity"
    ).to_pylist()
    assert [(row["severity"], row["records"]) for row in counted] == [("error", 1), ("info", 2), ("error", 1)]


def test_a_point_of_every_number_kind_arrives(store, load):
    made = metrics("numbers", name="a.gauge", points=2)
    whole = add_metric(made, "b.sum", "sum")
    made.resource_metrics[0].scope_metrics[0].metrics[1].sum.is_monotonic = True
    whole[0].as_int = -(2**40)
    whole[0].start_time_unix_nano = TEN - 1
    put(whole[0].attributes, {"route": "/cart", "code": 200})
    load(made)
    first, second, summed = points(store, "numbers")
    assert (first["name"], first["type"], first["value"], first["at"].value) == ("a.gauge", "gauge", 0.0, TEN)
    assert (second["series"], second["value"]) == (first["series"], 1.0)
    assert (summed["type"], summed["temporality"], summed["monotonic"]) == ("sum", "cumulative", True)
    assert (summed["value"], summed["started_at"].value) == (float(-(2**40)), TEN - 1)
    assert dict(summed["attributes"]) == {"route": "/cart", "code": "200"}


def test_every_double_arrives_as_it_is(store, load):
    values = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7976931348623157e308]
    made = metrics("doubles", points=len(values))
    for point, value in zip(points_of(made), values, strict=True):
        point.as_double = value
    load(made)
    assert [str(row["value"]) for row in points(store, "doubles")] == [str(value) for value in values]


def test_a_stale_marker_is_no_value_and_says_so(store, load):
    made = metrics("stale")
    point = points_of(made)[0]
    point.ClearField("as_double")
    point.flags = 1
    load(made)
    (row,) = points(store, "stale")
    assert math.isnan(row["value"])
    assert row["flags"] == 1


def test_exemplars_arrive_in_their_order(store, load):
    made = metrics("exemplars")
    point = points_of(made)[0]
    one = point.exemplars.add(time_unix_nano=TEN, as_int=4, trace_id=b"t" * 16, span_id=b"s" * 8)
    put(one.filtered_attributes, {"user": 7})
    point.exemplars.add(time_unix_nano=TEN + 1, as_double=0.5)
    load(made)
    (row,) = points(store, "exemplars")
    assert row["exemplar_traces"] == ["74" * 16, ""]
    assert row["exemplar_spans"] == ["73" * 8, ""]
    assert row["exemplar_values"] == [4.0, 0.5]
    assert [at.value for at in row["exemplar_times"]] == [TEN, TEN + 1]
    assert [dict(each) for each in row["exemplar_attributes"]] == [{"user": "7"}, {}]


def test_histograms_of_all_three_kinds_arrive(store, load):
    made = metrics("shapes", name="a.explicit", kind="histogram")
    made.resource_metrics[0].scope_metrics[0].metrics[0].histogram.aggregation_temporality = 1
    explicit = points_of(made)[0]
    explicit.count, explicit.sum, explicit.min = 6, 2.5, 0.1
    explicit.explicit_bounds.extend([0.5, 1.0])
    explicit.bucket_counts.extend([1, 2, 3])
    exponential = add_metric(made, "b.exponential", "exponential_histogram")[0]
    exponential.count, exponential.scale, exponential.zero_count, exponential.zero_threshold = 5, -3, 1, 0.25
    exponential.positive.offset, exponential.negative.offset = 2, -7
    exponential.positive.bucket_counts.extend([1, 0, 1])
    exponential.negative.bucket_counts.extend([2])
    summary = add_metric(made, "c.summary", "summary")[0]
    summary.count, summary.sum = 9, 90.0
    summary.quantile_values.add(quantile=0.5, value=10.0)
    summary.quantile_values.add(quantile=1.0, value=math.nan)
    load(made)
    a, b, c = points(store, "shapes", "metric_histograms")
    assert (a["type"], a["temporality"], a["count"], a["total"], a["least"], a["most"]) == (
        "histogram", "delta", 6, 2.5, 0.1, None,
    )  # fmt: skip
    assert (a["bounds"], a["bucket_counts"]) == ([0.5, 1.0], [1, 2, 3])
    assert (b["type"], b["temporality"], b["total"], b["scale"]) == (
        "exponential_histogram", "cumulative", None, -3,
    )  # fmt: skip
    assert (b["zero_count"], b["zero_threshold"]) == (1, 0.25)
    assert (b["positive_offset"], b["positive_counts"]) == (2, [1, 0, 1])
    assert (b["negative_offset"], b["negative_counts"]) == (-7, [2])
    assert (c["type"], c["temporality"], c["count"], c["total"]) == ("summary", "", 9, 90.0)
    assert c["quantiles"] == [0.5, 1.0]
    assert c["quantile_values"][0] == 10.0
    assert math.isnan(c["quantile_values"][1])


def test_a_segment_of_metrics_that_is_loaded_again_adds_nothing(store, load):
    made = metrics("again", points=3)
    add_metric(made, "h", "histogram")
    for _ in range(3):
        load(made, token="metric-segment-1")
    assert (len(points(store, "again")), len(points(store, "again", "metric_histograms"))) == (3, 1)


def test_a_series_is_one_whatever_order_its_attributes_come_in_and_another_when_any_differs(store, load):
    def sent(attributes: dict[str, Any], resource: dict[str, Any] | None = None, name: str = "m") -> None:
        made = metrics("series", name=name, resource=resource)
        put(points_of(made)[0].attributes, attributes)
        load(made)

    sent({"a": 1, "b": 2})
    sent({"b": 2, "a": 1})
    sent({"a": 1, "b": 3})
    sent({"a": 1, "b": 2}, {"host.name": "h"})
    sent({"a": 1, "b": 2}, name="n")
    listed = store.query(
        "SELECT series, first_at, last_at FROM ktlo.metric_series WHERE service = 'series'"
    ).to_pylist()
    assert len(listed) == 4
    assert all(len(row["series"]) == 16 for row in listed)


def test_a_series_knows_its_first_and_last_point_and_the_unit_last_told(store, load):
    made = metrics("span-of-series", points=3)
    load(made)
    made.resource_metrics[0].scope_metrics[0].metrics[0].unit = "ms"
    load(made)
    (row,) = store.query("SELECT * FROM ktlo.metric_series WHERE service = 'span-of-series'").to_pylist()
    assert (row["first_at"].value, row["last_at"].value) == (TEN, TEN + 2000 * MS)
    assert row["unit"] == "ms"
    assert (row["description"], row["scope_name"], row["version"]) == ("the m", "shop.meter", "1.0")


@pytest.mark.parametrize("moment", [1, 2**63, 2**64 - 1])
def test_a_clock_that_is_wrong_by_centuries_loses_no_log_and_no_point(store, load, moment):
    load(logs(f"clock-{moment}", log(time_unix_nano=moment)))
    made = metrics(f"clock-{moment}")
    points_of(made)[0].time_unix_nano = moment
    load(made)
    assert len(lines(store, f"clock-{moment}")) == 1
    assert len(points(store, f"clock-{moment}")) == 1


def test_retention_is_set_for_every_stream(store):
    for noun, made in PHYSICAL.items():
        store.retain(noun, 21)
        (printed,) = store.query(
            "SELECT create_table_query AS sql FROM system.tables WHERE database = 'ktlo' AND name = {n:String}",
            {"n": made.name},
        ).to_pylist()
        assert "toIntervalDay(21)" in printed["sql"]


def test_the_ddl_of_every_stream_for_a_cluster_is_what_the_engine_parses(store):
    place = ddl.Place("ktlo", "main")
    statements = create_flow(place)
    for noun in PHYSICAL:
        statements += ddl.create_table(TABLES[noun], place) + ddl.create_view(TABLES[noun], place)
    for statement in statements:
        (formatted,) = store.query("SELECT formatQuery({q:String}) AS f", {"q": statement}).to_pylist()
        assert "ON CLUSTER" in formatted["f"]
