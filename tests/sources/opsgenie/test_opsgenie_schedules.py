"""Opsgenie's schedules: ten shifts worked out by hand, turns of a team, a change ahead, deletion, a refused right."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools

import httpx
import pytest
from collected_rows import Seen, run
from opsgenie_timelines import Timeline, Turn
from test_opsgenie import Account

from ktlo.sources.opsgenie import OpsgenieSource
from ktlo.sources.opsgenie.source import OpsgenieConfig
from ktlo.sources.protocol import Status
from ktlo.sources.rest.on_call import AHEAD
from ktlo.sources.rest.quota import World

END = dt.datetime(2026, 12, 9, tzinfo=dt.UTC)
"""Four weeks ahead of now, rounded up to whole days from the beginning."""
NOW = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
BY_HAND = """
# rotation | from                      | until                     | who               | kind       | layer     | hours
primary    | 2026-09-28T09:00:00+02:00 | 2026-10-05T09:00:00+02:00 | ada@example.org   | default    | primary    | 103
primary    | 2026-10-05T09:00:00+02:00 | 2026-10-12T09:00:00+02:00 | grace@example.org | default    | primary    | 168
primary    | 2026-10-12T09:00:00+02:00 | 2026-10-14T18:00:00+02:00 | ada@example.org   | default    | primary    | 57
primary    | 2026-10-14T18:00:00+02:00 | 2026-10-15T06:00:00+02:00 | grace@example.org | override   | primary    | 12
primary    | 2026-10-15T06:00:00+02:00 | 2026-10-19T09:00:00+02:00 | ada@example.org   | default    | primary    | 99
primary    | 2026-10-19T09:00:00+02:00 | 2026-10-26T09:00:00+01:00 | grace@example.org | default    | primary    | 169
primary    | 2026-10-26T09:00:00+01:00 | 2026-11-02T09:00:00+01:00 | ada@example.org   | forwarding | primary    | 168
primary    | 2026-11-09T09:00:00+01:00 | 2026-11-16T09:00:00+01:00 | grace@example.org | default    | primary    | 168
primary    | 2026-12-07T09:00:00+01:00 | 2026-12-14T09:00:00+01:00 | ada@example.org   | default    | primary    | 40
secondary  | 2026-11-02T09:00:00+01:00 | 2026-11-09T09:00:00+01:00 | ada@example.org   | default    | secondary  | 168
"""
"""The first reaches into the time that is read and the ninth out of it, and both are cut there; clocks change in the
sixth; nobody has the week from 2 November in the first rotation."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def account_by_hand() -> Account:
    account, rotations = Account(), dict[str, list[Turn]]()
    account.now = NOW
    for name, begin, end, who, kind, *_ in lines():
        rotations.setdefault(name, []).append((begin, end, who, kind))
    account.timelines.of["s1"] = Timeline("checkout", rotations)
    return account


def source(account: Account) -> OpsgenieSource:
    config = OpsgenieConfig(token="env:OG_KEY", since=SINCE.date())
    return OpsgenieSource(config, World(now=account.now.timestamp), httpx.MockTransport(account.answer))


Found = tuple[dt.datetime, dt.datetime, str, str]


def shifts(seen: Seen) -> list[Found]:
    rows = seen.shown("on_call_shifts")
    return sorted((row["started_at"], row["ended_at"], row["person"], row["layer"]) for row in rows)


@pytest.mark.parametrize("number", range(10))
def test_ten_shifts_are_those_worked_out_by_hand(number: int) -> None:
    _, begin, end, who, kind, layer, hours = lines()[number]
    seen = Seen()
    assert run(source(account_by_hand()), seen) is None
    assert len(seen.shown("on_call_shifts")) == 10
    start = max(dt.datetime.fromisoformat(begin), SINCE)
    (found,) = [one for one in shifts(seen) if one[0] == start and one[3] == layer]
    (row,) = [
        row for row in seen.shown("on_call_shifts") if (row["started_at"], row["layer"]) == (start, layer)
    ]
    assert row["is_override"] == (kind != "default")
    assert found[1:3] == (min(dt.datetime.fromisoformat(end), END), who)
    assert (found[1] - found[0]) / dt.timedelta(hours=1) == float(hours)


def test_a_timeline_that_tells_less_than_was_asked_for_is_read_on_from_its_end() -> None:
    whole, seen, account = Seen(), Seen(), account_by_hand()
    run(source(account_by_hand()), whole)
    account.timelines.most_days = 5
    run(source(account), seen)
    assert shifts(seen)[:-1] == shifts(whole)[:-1]
    assert shifts(seen)[-1][1] >= NOW + AHEAD


def test_a_shift_that_was_cut_at_the_end_of_a_reading_is_whole_after_the_next() -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account), seen)
    account.now += dt.timedelta(days=9)
    run(source(account), seen)
    assert len(shifts(seen)) == 10
    assert shifts(seen)[-1][:2] == tuple(dt.datetime.fromisoformat(said) for said in lines()[8][1:3])


def test_what_runs_is_one_shift_although_what_is_over_of_it_is_told_apart() -> None:
    account, seen = account_by_hand(), Seen()
    for _ in range(3):
        run(source(account), seen)
        (running,) = [one for one in shifts(seen) if one[0] <= account.now < one[1]]
        assert running[0] == dt.datetime.fromisoformat(lines()[7][1])
        account.now += dt.timedelta(hours=7)


def test_the_turns_of_somebody_who_is_always_on_call_are_told_apart() -> None:
    account, seen = account_by_hand(), Seen()
    days = [f"2026-11-{day:02}T09:00:00+01:00" for day in (2, 9, 16, 23)]
    turns = [(begin, end, "ada@example.org", "default") for begin, end in itertools.pairwise(days)]
    account.timelines.of["s1"].rotations = {"primary": turns}
    run(source(account), seen)
    assert [one[:2] for one in shifts(seen)] == [
        tuple(map(dt.datetime.fromisoformat, turn[:2])) for turn in turns
    ]


def test_a_change_ahead_replaces_what_was_read() -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account), seen)
    account.now += dt.timedelta(hours=3)
    turns = account.timelines.of["s1"].rotations["primary"]
    turns[-1] = (*turns[-1][:2], "grace@example.org", "override")
    run(source(account), seen)
    assert len(shifts(seen)) == 10
    assert shifts(seen)[-1][2:] == ("grace@example.org", "primary")


def test_of_a_teams_turn_the_people_are_told_once_it_is_over() -> None:
    account, seen = account_by_hand(), Seen()
    account.timelines.of["s1"].rotations = {
        "primary": [
            (
                "2026-11-10T06:00:00+00:00",
                "2026-11-10T18:00:00+00:00",
                "team:Payments=ada@x+bob@x",
                "default",
            ),
            ("2026-11-11T06:00:00+00:00", "2026-11-11T18:00:00+00:00", "team:Payments=bob@x", "default"),
            ("2026-11-12T06:00:00+00:00", "2026-11-12T18:00:00+00:00", "none", "default"),
        ]
    }
    run(source(account), seen)
    assert [(who, end) for _, end, who, _ in shifts(seen)] == [("ada@x", NOW), ("bob@x", NOW)]
    told = [reason for reason in seen.rejected if "turns of the team Payments name no person" in reason]
    assert len(told) == 1
    account.now = NOW + dt.timedelta(days=2)
    run(source(account), seen)
    assert [(who, (end - begin) / dt.timedelta(hours=1)) for begin, end, who, _ in shifts(seen)] == [
        ("ada@x", 12),
        ("bob@x", 12),
        ("bob@x", 12),
    ]


@pytest.mark.parametrize("how", ["deleted", "switched off"])
def test_what_a_schedule_that_is_gone_had_stays_and_what_lay_ahead_is_taken_back(how: str) -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account), seen)
    account.now += dt.timedelta(days=1)
    if how == "deleted":
        del account.timelines.of["s1"]
    else:
        account.timelines.of["s1"].enabled = False
    run(source(account), seen)
    found = shifts(seen)
    assert (len(found), found[-1][1]) == (9, account.now)


def test_a_key_that_may_not_read_schedules_costs_them_only_and_is_told() -> None:
    account, seen = account_by_hand(), Seen()
    account.timelines.may_read = False
    assert run(source(account), seen) is None
    assert {row["external_id"] for row in seen.shown("incidents")} == {"A0", "A1", "A7"}
    assert [reason for reason in seen.rejected if "it is not known who was on call" in reason]
    health = asyncio.run(source(account).check())
    assert health.status is Status.LIMITED
    (missing,) = [one for one in health.missing if one.what.startswith("schedules")]
    assert "Configuration Access" in missing.fix
    # The right is given: the past is there as well.
    account.timelines.may_read = True
    run(source(account), seen)
    assert len(shifts(seen)) == 10


def test_a_schedule_that_is_read_again_within_the_hour_is_not_asked_for() -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account), seen)
    account.timelines.asked.clear()
    account.now += dt.timedelta(minutes=50)
    run(source(account), seen)
    assert account.timelines.asked == []


def test_a_run_cut_off_anywhere_goes_on_to_the_same_shifts() -> None:
    whole = Seen()
    run(source(account_by_hand()), whole)
    for cut in range(1, len(whole.batches)):
        account, seen = account_by_hand(), Seen()
        run(source(account), seen, stop_after=cut)
        run(source(account), seen)
        ends = [(begin, min(end, NOW + AHEAD), who) for begin, end, who, _ in shifts(whole)]
        assert [(begin, min(end, NOW + AHEAD), who) for begin, end, who, _ in shifts(seen)] == ends
