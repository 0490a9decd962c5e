"""The phases of one item as a table: each instant in its order, with who tells it and how long after the detection."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ktlo.records.arrow import blank
from ktlo.records.phases import Episode
from ktlo.report.phases import phases_table

NINE = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


def episode(number: int, begins: int, **minutes: int) -> Episode:
    told: dict[str, Any] = {name: NINE + dt.timedelta(minutes=minute) for name, minute in minutes.items()}
    return blank(
        Episode,
        episode=number,
        detected_at=NINE + dt.timedelta(minutes=begins),
        detected_by="detected, the source",
        state="resolved" if "resolved_at" in minutes else "open",
        resolved_by="“Done”, known words",
        **told,
    )


def test_every_instant_that_is_known_is_a_row_and_a_reopening_goes_on() -> None:
    first = episode(1, 0, acknowledged_at=5, mitigated_at=30, resolved_at=90)
    table = phases_table([first, episode(2, 100)])
    assert [list(table.words(row)) for row in table.rows] == [
        ["detected", "2 Mar 2026 09:00 UTC", "0 s", "detected, the source"],
        ["acknowledged", "2 Mar 2026 09:05 UTC", "5 min", ""],
        ["mitigated", "2 Mar 2026 09:30 UTC", "30 min", ""],
        ["resolved", "2 Mar 2026 10:30 UTC", "1.5 h", "“Done”, known words"],
        ["reopened", "2 Mar 2026 10:40 UTC", "1.7 h", "detected, the source"],
    ]


def test_what_was_never_derived_has_no_rows() -> None:
    assert phases_table([]).rows == ()
