"""A sender whose clock is wrong by years: everything is kept as it was told, and the sender and the page hear of it."""

from __future__ import annotations

import time

import pytest
from otlp_requests import Said, request
from signal_requests import logs, metrics, points_of

from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.accepting import Reasons
from ktlo.receivers.otlp.exchange import keep

DAY = 86_400_000_000_000
YEAR = 365 * DAY


def of_traces(at: int):
    made = request("shop", Said("1" * 16, "x"))
    made.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano = at
    return signals.TRACES, made


def of_logs(at: int):
    return signals.LOGS, logs("shop", {"body": "x", "time_unix_nano": at})


def of_metrics(at: int):
    made = metrics("shop", name="m", kind="sum", points=1)
    for point in points_of(made):
        point.time_unix_nano = at
    return signals.METRICS, made


def said(signal, made) -> set[str]:
    reasons = Reasons()
    items, _ = keep(signal, made, reasons)
    assert items == 1
    assert not reasons.rejected
    return set(reasons.warned)


SIGNALS = pytest.mark.parametrize("of", [of_traces, of_logs, of_metrics])


@SIGNALS
def test_a_time_wrong_by_years_is_kept_and_told(of):
    now = time.time_ns()
    assert said(*of(now - 5 * YEAR - DAY)) == {
        "a time is more than 5 years before it arrived: a clock is wrong; kept"
    }
    assert said(*of(now + YEAR + DAY)) == {
        "a time is more than a year after it arrived: a clock is wrong; kept"
    }


@SIGNALS
@pytest.mark.parametrize("off", [-5 * YEAR + DAY, -3 * DAY, 0, DAY, YEAR - DAY])
def test_a_time_that_may_be_right_is_not_spoken_of(of, off):
    assert said(*of(time.time_ns() + off)) == set()


@pytest.mark.parametrize("of", [of_logs, of_metrics])
def test_no_time_is_no_wrong_clock(of):
    assert said(*of(0)) == set()
