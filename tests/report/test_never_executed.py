"""What the page of functions that never ran says of the time that was watched."""

import datetime as dt

from ktlo.report.function_time import never_view
from ktlo.telemetry.coverage import Watched

SINCE = dt.datetime(2026, 11, 24, 18, 9, tzinfo=dt.UTC)


def watched(seconds: int) -> Watched:
    until = SINCE + dt.timedelta(seconds=seconds)
    return Watched("shop", "prod", "v1", SINCE, until, 10, 1, 1, 100, 1)


def said(one: Watched) -> tuple[str, object]:
    view = never_view([one], one, (), (), lambda path, given: path)
    versions = next(each for each in view.listings if each.anchor == "versions")
    return view.answer.change, versions.table.rows[0].cells[5]


def test_the_time_that_was_watched_is_told():
    change, began = said(watched(3600))
    assert change.startswith("watched from 24 Nov 2026 18:09 to 24 Nov 2026 19:09 UTC; not for long enough")
    assert began == SINCE


def test_a_watch_that_ends_before_it_began_is_told_as_a_wrong_clock():
    change, began = said(watched(-120))
    assert change.startswith(
        "watched until 24 Nov 2026 18:07 UTC; since when is not known: a clock was wrong"
        " (it said 24 Nov 2026 18:09 UTC); not for long enough"
    )
    assert began == "not known: a clock was wrong"
