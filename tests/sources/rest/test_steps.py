"""What the steps of all services have in common: how much is kept of them, and when two tellings are one."""

from __future__ import annotations

import datetime as dt

from ktlo.sources.rest.steps import incident_step, second

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def test_of_what_a_step_changed_200_characters_are_kept() -> None:
    step = incident_step("s", "1", "e", "status", NOON, "ada", before="b" * 500, after="🔥" * 500)
    assert (step.before, step.after, step.actor) == ("b" * 200, "🔥" * 200, "ada")


def test_two_tellings_within_a_second_are_one_step_whatever_their_zone() -> None:
    elsewhere = NOON.astimezone(dt.timezone(dt.timedelta(hours=5))) + dt.timedelta(milliseconds=300)
    assert second("resolved", NOON) == second("resolved", elsewhere) == "resolved@2026-09-01T12:00:00Z"
    assert second("resolved", NOON + dt.timedelta(seconds=1)) != second("resolved", NOON)
    assert second("reopened", NOON) != second("resolved", NOON)
