"""Dates are proved by the values of a column, never guessed, and read back to the instant."""

from __future__ import annotations

import contextlib
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.sources.csv.dates import DateError, DateStyle, parse_instant, style_of

UTC = ZoneInfo("UTC")
moments = st.datetimes(dt.datetime(2001, 1, 2), dt.datetime(2099, 12, 30)).map(  # noqa: DTZ001 - the zone is put on next
    lambda moment: moment.replace(microsecond=0, tzinfo=dt.UTC)
)
FORMATS = {
    "%Y-%m-%dT%H:%M:%SZ": DateStyle.UNAMBIGUOUS,
    "%Y-%m-%d %H:%M:%S": DateStyle.UNAMBIGUOUS,
    "%Y/%m/%d %H:%M:%S": DateStyle.UNAMBIGUOUS,
    "%d/%b/%y %I:%M:%S %p": DateStyle.UNAMBIGUOUS,
    "%b %d, %Y %I:%M:%S %p": DateStyle.UNAMBIGUOUS,
    "%a, %d %b %Y %H:%M:%S +0000": DateStyle.UNAMBIGUOUS,
    "%d-%m-%Y %H:%M:%S": DateStyle.DAY_FIRST,
    "%d.%m.%Y %H:%M:%S": DateStyle.DAY_FIRST,
    "%m/%d/%Y %I:%M:%S %p": DateStyle.MONTH_FIRST,
}


@pytest.mark.parametrize(("written", "style"), FORMATS.items())
@settings(max_examples=40)
@given(moment=moments)
def test_every_known_format_is_read_back_to_the_second(
    written: str, style: DateStyle, moment: dt.datetime
) -> None:
    assert parse_instant(moment.strftime(written), style, UTC) == moment


@given(st.lists(moments, min_size=1, max_size=20))
def test_a_column_with_a_day_above_twelve_proves_that_the_day_is_first(days: list[dt.datetime]) -> None:
    verdict = style_of([moment.strftime("%d-%m-%Y %H:%M") for moment in days])
    assert verdict is not None
    proven = any(moment.day > 12 for moment in days)
    assert verdict.style is (DateStyle.DAY_FIRST if proven else None)


@given(st.lists(moments, min_size=1, max_size=20))
def test_whatever_style_is_proved_reads_every_value_right(days: list[dt.datetime]) -> None:
    values = [moment.strftime("%m/%d/%Y %H:%M:%S") for moment in days]
    verdict = style_of(values)
    assert verdict is not None
    if verdict.style is not None:
        assert [parse_instant(value, verdict.style, UTC) for value in values] == days


def test_the_leap_day_of_2016_proves_day_first() -> None:
    verdict = style_of(["01-03-2016 10:00", "29-02-2016 01:16", "02-03-2016 11:00"])
    assert verdict is not None
    assert verdict.style is DateStyle.DAY_FIRST
    assert "29-02-2016 01:16" in verdict.reason


def test_a_column_that_proves_both_orders_is_called_mixed() -> None:
    verdict = style_of(["13/02/2016", "02/14/2016"])
    assert verdict is not None
    assert verdict.style is None
    assert "mixed" in verdict.reason


@given(st.lists(moments, min_size=1))
def test_epochs_are_told_apart_by_their_size(days: list[dt.datetime]) -> None:
    seconds = style_of([str(int(moment.timestamp())) for moment in days])
    millis = style_of([str(int(moment.timestamp() * 1000)) for moment in days])
    assert seconds is not None
    assert millis is not None
    assert (seconds.style, millis.style) == (DateStyle.EPOCH_SECONDS, DateStyle.EPOCH_MILLIS)
    assert parse_instant(str(int(days[0].timestamp() * 1000)), DateStyle.EPOCH_MILLIS, UTC) == days[0]


@pytest.mark.parametrize("values", [["1", "2", "3"], ["INC001", "INC002"], ["yes"], [], ["1.5", "high"]])
def test_counters_and_names_are_no_dates(values: list[str]) -> None:
    assert style_of(values) is None


def test_a_numeric_date_with_the_year_last_is_refused_until_its_order_is_said() -> None:
    with pytest.raises(DateError, match="say which with `dates`"):
        parse_instant("03/02/2016", DateStyle.UNAMBIGUOUS, UTC)


def test_times_without_offset_are_in_the_zone_that_was_said_and_offsets_win() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_instant("2026-07-01 12:00", DateStyle.UNAMBIGUOUS, berlin).hour == 10
    assert parse_instant("2026-01-01 12:00", DateStyle.UNAMBIGUOUS, berlin).hour == 11
    assert parse_instant("2026-07-01T12:00:00+05:30", DateStyle.UNAMBIGUOUS, berlin).minute == 30
    assert parse_instant("46023.5", DateStyle.EXCEL_DAYS, UTC) == dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


@given(st.text(max_size=30))
def test_no_text_makes_the_reader_stumble(text: str) -> None:
    for style in DateStyle:
        with contextlib.suppress(DateError):
            assert parse_instant(text, style, UTC).tzinfo is dt.UTC
