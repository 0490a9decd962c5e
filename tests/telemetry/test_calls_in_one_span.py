"""Spans into which Elastic's agents put several calls count as those calls in every roll-up, with their sum.

``composite`` as in intake v2 (apm-server, docs/spec/v2/span.json): ``count``, ``sum`` in milliseconds.
"""

from __future__ import annotations

import time

import pytest
from otlp_requests import Said, request

from ktlo.receivers.spool import length_prefix
from ktlo.store.streams import TRACES


@pytest.fixture(scope="module")
def told(store, tmp_path_factory):
    """1 plain call of 8 ms, 4 in one span that lasted 40 ms but worked for 8, and 5,000 in another."""

    def composite(count: int, sum_ms: float) -> dict[str, object]:
        return {"elastic.composite.count": count, "elastic.composite.sum_ms": sum_ms}

    made = request(
        "cart-of-elastic",
        Said("1" * 16, "SELECT FROM products", took=8, kind=3),
        Said("2" * 16, "SELECT FROM products", took=40, kind=3, attributes=composite(4, 8)),
        Said("3" * 16, "GET", took=9000, kind=3, error=True, attributes=composite(5000, 10_000)),
    )
    body = made.SerializeToString()
    file = tmp_path_factory.mktemp("composite") / "segment"
    file.write_bytes(length_prefix(len(body)) + body)
    store.load(TRACES, file, f"composite-{time.monotonic_ns()}")
    return store


@pytest.mark.parametrize("table", ["operation_minutes", "operation_hours"])
def test_calls_and_durations_of_operations_are_those_of_the_calls(told, table):
    rows = told.query(
        f"SELECT toString(name) AS name, sum(calls) AS calls, sum(errors) AS errors, sum(total_ns) AS total"
        f" FROM ktlo.{table} WHERE service = 'cart-of-elastic' GROUP BY name ORDER BY name"
    ).to_pylist()
    assert rows == [
        {"name": "GET", "calls": 5000, "errors": 1, "total": 10_000_000_000},
        {"name": "SELECT FROM products", "calls": 5, "errors": 0, "total": 16_000_000},
    ]


def test_quantiles_are_of_calls_not_of_the_span_around_them(told):
    (row,) = told.query(
        "SELECT quantilesTDigestMerge(0.5, 0.95, 0.99)(durations) AS quantiles, max(longest_ns) AS longest"
        " FROM ktlo.operation_minutes_states WHERE service = 'cart-of-elastic' AND name = 'SELECT FROM products'"
    ).to_pylist()
    assert row["quantiles"][0] == 2_000_000
    assert row["longest"] == 8_000_000


def test_spans_stay_spans(told):
    (row,) = told.query(
        "SELECT sum(spans) AS spans FROM ktlo.instance_minutes WHERE service = 'cart-of-elastic'"
    ).to_pylist()
    assert row["spans"] == 3
