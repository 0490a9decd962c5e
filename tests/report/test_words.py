"""How long ago something was, as pages say it."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.report.words import ago

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (90, "2 min ago"), (3882, "65 min ago"), (5400, "1.5 h ago"), (3 * 86400, "3 d ago")],
)
def test_minutes_are_whole_and_the_rest_is_said_as_a_duration(seconds: int, said: str) -> None:
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == said


def test_what_never_was_is_never() -> None:
    assert ago(None, NOW) == "never"
