"""Telemetry in every backend: what OTLP says is what the tables say, once, and in the roll-ups too."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from otlp_requests import MS, TEN, Said, request, segment

from ktlo.errors import StoreError
from ktlo.store import Store, ddl
from ktlo.store.streams import TRACES, create_flow


@pytest.fixture
def load(store: Store, tmp_path: Path):
    def loaded(*requests, token: str = "") -> None:
        file = tmp_path / f"{uuid.uuid4().hex}.segment"
        file.write_bytes(segment(*requests))
        store.load(TRACES, file, token or uuid.uuid4().hex)

    return loaded


def rows(store: Store, columns: str, service: str) -> list[dict]:
    return store.query(
        f"SELECT {columns} FROM ktlo.spans WHERE service = {{s:String}} ORDER BY started_at", {"s": service}
    ).to_pylist()


def test_every_field_of_a_span_arrives(store, load):
    said = Said(
        "b7ad6b7169203331", "GET /cart", took=12.5, parent="00f067aa0ba902b7", error=True,
        attributes={"text": "äöü <b>", "n": -7, "x": 0.5, "yes": True, "raw": b"\x00\xff", "none": ""},
        events=[("exception", {"exception.type": "ValueError"})],
        links=[("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb")],
    )  # fmt: skip
    resource = {"deployment.environment.name": "production", "host.name": "h1"}
    load(request("fields", said, resource=resource))
    (row,) = rows(store, "*", "fields")
    assert row["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (row["span_id"], row["parent_span_id"]) == ("b7ad6b7169203331", "00f067aa0ba902b7")
    assert (row["name"], row["kind"], row["status"]) == ("GET /cart", "server", "error")
    assert row["started_at"].value == TEN
    assert row["duration_ns"] == 12.5 * MS
    assert dict(row["attributes"]) == {
        "text": "äöü <b>", "n": "-7", "x": "0.5", "yes": "true", "raw": "AP8=", "none": "",
    }  # fmt: skip
    assert (row["version"], row["environment"], row["instance"]) == ("1.0", "production", "h1")
    assert row["event_names"] == ["exception"]
    assert [dict(each) for each in row["event_attributes"]] == [{"exception.type": "ValueError"}]
    assert row["link_traces"] == ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    assert row["link_spans"] == ["bbbbbbbbbbbbbbbb"]
    assert row["scope_name"] == "opentelemetry.instrumentation.flask"


def test_a_segment_that_is_loaded_again_adds_nothing_also_not_to_roll_ups(store, load):
    made = request(
        "again", Said("b7ad6b7169203331", "GET /", trace_id="a" * 32), Said("c" * 16, "db", trace_id="a" * 32)
    )
    for _ in range(3):
        load(made, token="segment-1")
    assert len(rows(store, "span_id", "again")) == 2
    summary = store.query(
        "SELECT spans FROM ktlo.trace_summaries WHERE trace_id = {t:String}", {"t": "a" * 32}
    )
    assert summary.to_pylist() == [{"spans": 2}]
    counted = store.query("SELECT sum(calls) AS n FROM ktlo.operation_minutes WHERE service = 'again'")
    assert counted.to_pylist() == [{"n": 2}]


def test_genuine_duplicates_of_a_span_are_both_kept(store, load):
    twin = Said("d" * 16, "retry", trace_id="d" * 32)
    load(request("twins", twin, twin))
    assert len(rows(store, "span_id", "twins")) == 2


def test_late_spans_complete_a_trace_and_its_figures(store, load):
    trace = "e" * 32
    load(
        request(
            "late", Said("1" * 16, "child", start=5, took=10, parent="2" * 16, trace_id=trace, error=True)
        )
    )
    load(request("late", Said("2" * 16, "GET /", start=0, took=30, trace_id=trace)))
    (summary,) = store.query(
        "SELECT *, dateDiff('nanosecond', started_at, ended_at) AS took FROM ktlo.trace_summaries"
        " WHERE trace_id = {t:String}", {"t": trace},
    ).to_pylist()  # fmt: skip
    assert (summary["spans"], summary["errors"], summary["took"]) == (2, 1, 30 * MS)
    assert (summary["root_service"], summary["root_name"]) == ("late", "GET /")


def test_the_roll_up_by_minute_counts_errors_and_names_the_longest(store, load):
    spans = [
        Said(f"{n:016x}", "GET /", start=n, took=took, trace_id=f"{n:032x}", error=n == 3)
        for n, took in ((1, 10), (2, 40), (3, 20))
    ]
    load(request("rolled", *spans))
    (row,) = store.query("SELECT * FROM ktlo.operation_minutes WHERE service = 'rolled'").to_pylist()
    assert (row["calls"], row["errors"], row["total_ns"]) == (3, 1, 70 * MS)
    assert (row["longest_ns"], row["longest_trace"]) == (40 * MS, f"{2:032x}")


@pytest.mark.parametrize("end", [TEN - 5, 0])
def test_a_span_that_ends_before_it_begins_took_no_time(store, load, end):
    made = request(f"backwards-{end}", Said("1" * 16, "x"))
    made.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = end
    load(made)
    assert rows(store, "duration_ns", f"backwards-{end}") == [{"duration_ns": 0}]


@pytest.mark.parametrize("moment", [0, 1, 2**63, 2**64 - 1])
def test_a_clock_that_is_wrong_by_centuries_loses_nothing(store, load, moment):
    made = request(f"clock-{moment}", Said("1" * 16, "x"))
    span = made.resource_spans[0].scope_spans[0].spans[0]
    span.start_time_unix_nano = span.end_time_unix_nano = moment
    load(made)
    assert len(rows(store, "span_id", f"clock-{moment}")) == 1


def test_numbers_outside_the_enumerations_are_kept_as_the_default(store, load):
    made = request("enums", Said("1" * 16, "x", kind=99))
    made.resource_spans[0].scope_spans[0].spans[0].status.code = 77
    load(made)
    assert rows(store, "kind, status", "enums") == [{"kind": "internal", "status": "unset"}]


def test_what_is_no_protobuf_is_refused_and_nothing_of_it_is_in(store, tmp_path):
    broken = tmp_path / "broken.segment"
    good = segment(request("broken", Said("1" * 16, "x")))
    broken.write_bytes(good + b"\x05\xff\xff\xff\xff\xff")
    with pytest.raises(StoreError):
        store.load(TRACES, broken, "broken-1")
    assert rows(store, "span_id", "broken") == []


def test_retention_is_set_and_changed(store):
    for days in (14, 14, 30):
        store.retain("spans", days)
        store.retain("trace_summaries", days)
        store.retain("operation_minutes", days)
        (made,) = store.query(
            "SELECT create_table_query AS sql FROM system.tables WHERE database = 'ktlo' AND name = 'spans'"
        ).to_pylist()
        assert f"toIntervalDay({days})" in made["sql"]


def test_the_ddl_for_a_cluster_is_what_the_engine_parses(store):
    place = ddl.Place("ktlo", "main")
    from ktlo.records import TABLES

    statements = create_flow(place)
    for noun in ("spans", "trace_summaries", "operation_minutes"):
        statements += ddl.create_table(TABLES[noun], place) + ddl.create_view(TABLES[noun], place)
    for statement in statements:
        (formatted,) = store.query("SELECT formatQuery({q:String}) AS f", {"q": statement}).to_pylist()
        assert "ON CLUSTER" in formatted["f"]
