"""Refused webhooks are counted to the last one, in few writes."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.errors import StoreError
from ktlo.sources.refusals import Refusals


class Kept:
    """What a store would hold of the rows written: the newest of a name."""

    def __init__(self) -> None:
        self.writes, self.rows = 0, {}
        self.is_full = False

    def insert(self, table, batch) -> None:
        if self.is_full:
            raise StoreError("the disk is full")
        self.writes += 1
        for row in batch.to_pylist():
            self.rows[row["source"], row["delivery_id"]] = row


NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def test_ten_thousand_refusals_in_a_minute_are_a_handful_of_writes_with_the_exact_count():
    refusals, kept = Refusals(), Kept()
    for number in range(10_000):
        at = NOON + dt.timedelta(milliseconds=6 * number)
        refusals.note("a:b", "no", at)
        refusals.write(kept, at)
    refusals.write(kept, at + dt.timedelta(seconds=5))
    assert (kept.writes, [row["times"] for row in kept.rows.values()]) == (13, [10_000])
    assert refusals.write(kept, at + dt.timedelta(minutes=9)) == 0
    assert not refusals._counted, "a minute that is over and written is forgotten"


def test_what_the_store_did_not_take_is_counted_when_it_takes_again_and_at_the_last():
    refusals, kept = Refusals(), Kept()
    kept.is_full = True
    for _ in range(3):
        refusals.note("a:b", "no", NOON)
        with pytest.raises(StoreError):
            refusals.write(kept, NOON)
    kept.is_full = False
    assert refusals.write(kept, NOON) == 1
    refusals.note("a:b", "no", NOON)
    assert refusals.write(kept, NOON) == 0, "not twice within five seconds"
    assert refusals.write(kept, NOON, is_last=True) == 1
    assert [row["times"] for row in kept.rows.values()] == [4]


def test_two_processes_of_one_minute_do_not_write_over_each_other():
    kept = Kept()
    for _ in range(2):
        refusals = Refusals()
        refusals.note("a:b", "no", NOON)
        refusals.write(kept, NOON)
    assert sum(row["times"] for row in kept.rows.values()) == 2
