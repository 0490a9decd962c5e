"""Ticks and numbers: properties that hold for every domain, and examples a reader can check."""

import datetime as dt
import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ktlo.report.charts import (
    COUNT,
    PERSON_DAYS,
    SECONDS,
    SHARE,
    SHARE_OF_TIME,
    unit_named,
    written,
    written_interval,
)
from ktlo.report.charts.calendar_ticks import time_ticks
from ktlo.report.charts.quantity import compact, duration, share
from ktlo.report.charts.scale import Linear, Log, padded, padded_log

amounts = st.floats(-1e150, 1e150, allow_nan=False, allow_infinity=False, allow_subnormal=False)
positive = st.floats(1e-9, 1e12)


@given(amounts, amounts, st.integers(2, 12), st.sampled_from([COUNT, SHARE, SECONDS]))
def test_linear_ticks_ascend_inside_the_domain_and_are_neither_none_nor_a_crowd(a, b, count, unit):
    low, high = sorted((a, b))
    ticks = Linear(low, high, 0, 100).ticks(unit, count)
    values = [t.value for t in ticks]
    assert 1 <= len(values) <= 4 * count + 5
    assert values == sorted(set(values))
    slack = (high - low) * 1e-6
    assert all(low - slack <= v <= high + slack for v in values)
    assert all(t.label for t in ticks)


@given(positive, positive, st.integers(3, 10), st.sampled_from([COUNT, SECONDS]))
def test_logarithmic_ticks_lie_inside_and_few_enough_to_read(a, b, count, unit):
    low, high = sorted((a, b))
    assume(high / low > 1.01)
    ticks = Log(low, high, 0, 100).ticks(unit, count)
    assert 1 <= len(ticks) <= 4 * count + 5
    assert all(low * 0.99 <= t.value <= high * 1.01 for t in ticks)


@given(
    st.integers(31_536_000, 4_260_000_000),
    st.timedeltas(dt.timedelta(hours=1), dt.timedelta(days=36500)),
    st.integers(2, 12),
)
def test_time_ticks_are_inside_the_range_ascending_and_never_named_alike(start, length, count):
    low = float(start)
    ticks = time_ticks(Linear(low, low + length.total_seconds(), 0, 700), count)
    values = [t.value for t in ticks]
    assert values == sorted(set(values))
    assert len(values) <= 2 * count + 4
    assert all(low <= v <= low + length.total_seconds() for v in values)
    assert all(a.label != b.label for a, b in itertools.pairwise(ticks))


@given(st.lists(amounts, min_size=1, max_size=20))
def test_a_domain_of_amounts_holds_zero_and_every_value(values):
    low, high = padded(values)
    assert low <= min(0, *values)
    assert max(0, *values) <= high
    assert low < high


@given(st.lists(positive, min_size=1, max_size=20))
def test_a_logarithmic_domain_is_positive_and_holds_every_value(values):
    low, high = padded_log(values)
    assert 0 < low < min(values) * 1.0001
    assert max(values) < high * 1.0001


@given(amounts)
def test_a_written_number_is_short(value):
    assert len(compact(value)) <= 9


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, COUNT, "0"), (0.0421, COUNT, "0.042"), (9812, COUNT, "9,812"), (12345, COUNT, "12.3k"),
        (999_999, COUNT, "1M"), (4.1e6, COUNT, "4.1M"), (2.5e9, COUNT, "2.5bn"), (-3.25, COUNT, "\u22123.2"),
        (1.2e40, COUNT, "1.2e40"), (0, SECONDS, "0 s"), (0.25, SECONDS, "250 ms"), (45, SECONDS, "45 s"),
        (720, SECONDS, "12 min"), (12600, SECONDS, "3.5 h"), (2.1 * 86400, SECONDS, "2.1 d"),
        (3 * 31557600, SECONDS, "3 y"), (0.31, SHARE, "31%"), (0.042, SHARE, "4.2%"), (1, SHARE, "100%"),
        (0.99999, SHARE_OF_TIME, "99.999%"), (0.9993, SHARE_OF_TIME, "99.93%"), (1, SHARE_OF_TIME, "100%"),
        (0.99999, SHARE, "more than 99.9%"), (0.99569, SHARE, "99.5%"), (0.99, SHARE, "99%"), (0.999, SHARE, "99.9%"),
        (0.987, SHARE, "99%"), (31, PERSON_DAYS, "31 person-days"),
        (None, SECONDS, "not estimable"), (3, unit_named("lines"), "3 lines"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_say_them(value, unit, words):
    assert written(value, unit) == words


def test_an_interval_with_an_unknown_end_says_so():
    assert written_interval(0.27, 0.36, SHARE) == "27% to 36%"
    assert written_interval(0.42, 0.99569, SHARE) == "42% to 99.5%"
    assert written_interval(0.9993, 0.9998, SHARE) == "more than 99.9%"
    assert written_interval(0.994, 0.998, SHARE_OF_TIME) == "99.4% to 99.8%"
    assert written_interval(12600, None, SECONDS) == "above 3.5 h"
    assert written_interval(None, None, SECONDS) == "interval not estimable"


def test_ticks_of_a_duration_axis_share_one_unit():
    labels = [t.label for t in Linear(0, 3.2 * 86400, 0, 100).ticks(SECONDS, 4)]
    assert labels == ["0", "1 d", "2 d", "3 d"]


@pytest.mark.parametrize("write", [compact, duration, share])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e301])
def test_what_is_no_number_is_refused(write, value):
    with pytest.raises(ValueError, match="finite"):
        write(value)
