"""How long ago something was, as pages say it."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.metrics.estimate import Estimate
from ktlo.metrics.registry import definition
from ktlo.report.words import ago, estimate_text

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (90, "2 min ago"), (3882, "65 min ago"), (5400, "1.5 h ago"), (3 * 86400, "3 d ago")],
)
def test_minutes_are_whole_and_the_rest_is_said_as_a_duration(seconds: int, said: str) -> None:
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == said


def test_what_never_was_is_never() -> None:
    assert ago(None, NOW) == "never"


def test_only_a_share_of_time_tells_its_nines() -> None:
    shown = Estimate(0.99569, 0.9942, 0.997, 40)
    availability, effort = definition("availability"), definition("ktlo_share")
    assert estimate_text(shown, availability.unit, availability.headline) == "99.569% (99.42% to 99.7%)"
    assert estimate_text(shown, effort.unit, effort.headline) == "99.5% (99.4% to 99.7%)"
