"""Log records by pages and as they arrive: each once, whatever is equal, late or written meanwhile."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otlp_requests import TEN
from signal_requests import log, logs

from ktlo.errors import UsageError
from ktlo.receivers.spool import length_prefix
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import LOGS
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import read
from ktlo.telemetry.logs import Cursor, around, arrived, of_trace, patterns, present, search

START = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
DAY = Interval(START - dt.timedelta(days=2), START + dt.timedelta(days=2))
ALL = read("service:pages")


@pytest.fixture(scope="module")
def write(store: EmbeddedStore, tmp_path_factory):
    folder, written = tmp_path_factory.mktemp("tail"), [0]

    def append(*records: dict, service: str = "pages") -> None:
        body = logs(service, *records).SerializeToString()
        file = folder / "segment"
        file.write_bytes(length_prefix(len(body)) + body)
        written[0] += 1
        store.load(LOGS, file, f"pages-{written[0]}")

    return append


@pytest.fixture(scope="module")
def pages(store, write):
    """Sixty records of which many are equal in every respect."""
    write(*(log(f"job {n % 4}", at=float(n // 20)) for n in range(60)))
    return store


@pytest.mark.parametrize("size", [1, 7, 20, 59, 60, 100])
def test_pages_give_every_record_once_equal_ones_too(pages, size):
    found, cursor = [], None
    while True:
        page = search(pages, DAY, ALL, size, cursor)
        found += page.records
        cursor = page.next
        if cursor is None:
            break
        cursor = Cursor.read(str(cursor))
    assert len(found) == 60
    assert [one.logged_ns for one in found] == sorted((one.logged_ns for one in found), reverse=True)
    assert sorted(one.body for one in found) == sorted(f"job {n % 4}" for n in range(60))


def test_what_arrives_is_told_once_also_when_it_is_late_by_its_own_clock(store, write):
    wanted = read("service:tail")
    place = present(store)
    assert arrived(store, wanted, place).records == ()
    told: list[str] = []
    for number in range(6):
        write(*(log(f"{number}", at=-number * 3_600_000.0) for _ in range(5)), service="tail")
        for size in (3, 3):
            page = arrived(store, wanted, place, size)
            told += [one.body for one in page.records]
            place = Cursor.read(str(page.next))
    while (page := arrived(store, wanted, place, 4)).records:
        told += [one.body for one in page.records]
        place = page.next
    assert told == [f"{number}" for number in range(6) for _ in range(5)]
    assert arrived(store, wanted, present(store)).records == ()


def test_around_the_last_moment_that_there_is_stands_what_came_before(pages):
    assert around(pages, (1 << 63) - 1, ALL) == ()


def test_what_stands_around_a_record_is_before_and_after_it(pages):
    found = around(pages, TEN + 1_000_000, ALL, each=10)
    assert len(found) == 20
    assert {one.logged_ns for one in found[:10]} == {TEN + 2_000_000}
    assert {one.logged_ns for one in found[10:]} == {TEN + 1_000_000}


def test_a_trace_has_its_records_in_order(store, write):
    trace = b"\x0c" * 16
    write(*(log(f"step {n}", at=n, trace_id=trace) for n in (3, 1, 2)), service="traced")
    assert [one.body for one in of_trace(store, trace.hex())] == ["step 1", "step 2", "step 3"]


def test_patterns_join_what_differs_in_numbers_and_quoted_names(store, write):
    write(log("user 7 bought 12 items", 1), log("user 8 bought 1 items", 2), log('no queue "a"', 3, 17),
          log('no queue "b b"', 4), log("done", 5), service="patterns")  # fmt: skip
    found = patterns(store, DAY, read("service:patterns"))
    assert [(one.template, one.records) for one in found] == [
        ('no queue "…"', 2), ("user 0 bought 0 items", 2), ("done", 1),
    ]  # fmt: skip
    assert found[0].severity == "error"


def test_patterns_keep_the_words_of_a_path_and_leave_out_colours(store, write):
    write(log("Exception on /boom/53 [GET]", 1), log("Exception on /boom/7 [GET]", 2),
          log("Exception on /fail/9/x [GET]", 3), log('\x1b[33mGET /stock\x1b[0m 404', 4), service="paths")  # fmt: skip
    found = patterns(store, DAY, read("service:paths"))
    assert [(one.template, one.records) for one in found] == [
        ("Exception on /boom/0 [GET]", 2), ("Exception on /fail/0/x [GET]", 1), ("GET /stock 0", 1),
    ]  # fmt: skip
    assert found[2].sample == "GET /stock 404"
    (kept,) = search(store, DAY, read("service:paths stock"), 10).records
    assert (kept.body, kept.said) == ("\x1b[33mGET /stock\x1b[0m 404", "GET /stock 404")


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_whatever_is_given_as_a_cursor_is_read_or_refused(text):
    with contextlib.suppress(UsageError):
        Cursor.read(text)


def test_cursors_are_read_as_they_are_written():
    assert Cursor.read("12-34-56-7") == Cursor(12, 34, 56, 7)
    for bad in (
        "",
        "1-2-3",
        "1-2-3-x",
        f"{1 << 63}-1-1-1",
        f"1-1-{1 << 64}-1",
        "-1-2-3-4",
        "1-2-3-99999999999",
    ):
        with pytest.raises(UsageError):
            Cursor.read(bad)
