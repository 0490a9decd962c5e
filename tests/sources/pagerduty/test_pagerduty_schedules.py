"""PagerDuty's schedules: ten shifts worked out by hand, an override, a change ahead, deletion, and a refused right.

Payloads follow ``Schedule`` and ``ScheduleLayerEntry`` (and ``ComputedShiftAssignment`` of shift-based schedules) in
PagerDuty's published REST description.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from collected_rows import Seen, run
from pagerduty_account import USERS, Account, Rota, moment, user
from test_pagerduty import source

from ktlo.sources.pagerduty.source import PagerDutySource
from ktlo.sources.protocol import Status
from ktlo.sources.rest.connection import DeniedError

NOW = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)
EARLINE, TIM = "PXPGF42", "PT23IWX"
BY_HAND = """
# from                      | until                     | who     | layer    | hours
2026-09-28T09:00:00-04:00   | 2026-10-05T09:00:00-04:00 | PXPGF42 | Week     | 168
2026-10-05T09:00:00-04:00   | 2026-10-12T09:00:00-04:00 | PT23IWX | Week     | 168
2026-10-12T09:00:00-04:00   | 2026-10-14T18:00:00-04:00 | PXPGF42 | Week     | 57
2026-10-14T18:00:00-04:00   | 2026-10-15T06:00:00-04:00 | PT23IWX | override | 12
2026-10-15T06:00:00-04:00   | 2026-10-19T09:00:00-04:00 | PXPGF42 | Week     | 99
2026-10-19T09:00:00-04:00   | 2026-10-26T09:00:00-04:00 | PT23IWX | Week     | 168
2026-10-26T09:00:00-04:00   | 2026-11-02T09:00:00-05:00 | PXPGF42 | Week     | 169
2026-11-02T09:00:00-05:00   | 2026-11-09T09:00:00-05:00 | PT23IWX | Week     | 168
2026-11-09T09:00:00-05:00   | 2026-11-16T09:00:00-05:00 | PXPGF42 | Week     | 168
2026-12-07T09:00:00-05:00   | 2026-12-14T09:00:00-05:00 | PT23IWX | Week     | 168
"""
"""The first reaches into the time that is read, the last out of it; clocks change in the seventh."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "k3y")


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def account_by_hand() -> Account:
    rota = Rota("Daily Engineering Rotation", {"Week": []})
    for begin, end, who, layer, _ in lines():
        (rota.overrides if layer == "override" else rota.layers["Week"]).append((begin, end, who))
    return Account(now=NOW, rotas={"PI7DH85": rota})


def reader(account: Account, **options: Any) -> PagerDutySource:
    return source(account, since=dt.date(2026, 10, 1), **options)


def shifts(seen: Seen) -> list[tuple[dt.datetime, dt.datetime | None, str, str]]:
    rows = seen.shown("on_call_shifts")
    return sorted(
        (
            row["started_at"],
            row["ended_at"],
            row["account"],
            "override" if row["is_override"] else row["layer"],
        )
        for row in rows
    )


@pytest.mark.parametrize("number", range(10))
def test_ten_shifts_are_those_worked_out_by_hand(number: int) -> None:
    begin, end, who, layer, hours = lines()[number]
    seen = Seen()
    assert run(reader(account_by_hand()), seen) is None
    assert len(seen.shown("on_call_shifts")) == 10
    found = shifts(seen)[number]
    assert found == (moment(begin), moment(end), f"pagerduty:{who}", layer)
    assert found[1] is not None
    assert (found[1] - found[0]) / dt.timedelta(hours=1) == float(hours)


def test_a_shift_says_whose_it_is_in_which_schedule() -> None:
    seen = Seen()
    run(reader(account_by_hand()), seen)
    row = next(row for row in seen.shown("on_call_shifts") if row["is_override"])
    assert (row["schedule"], row["schedule_id"], row["team"]) == (
        "Daily Engineering Rotation",
        "PI7DH85",
        "Engineering",
    )
    assert row["person"] == USERS[TIM][1]


def test_without_the_right_to_read_users_a_shift_keeps_the_name() -> None:
    account, seen = account_by_hand(), Seen()
    account.refuse = {"/users": 403}
    run(reader(account), seen)
    assert {row["person"] for row in seen.shown("on_call_shifts")} == {"Earline Greenholt", "Tim Wright"}


def test_a_second_reading_asks_for_the_time_since_and_writes_what_changed() -> None:
    account, seen = account_by_hand(), Seen()
    run(reader(account), seen)
    account.now += dt.timedelta(hours=2)
    account.asked.clear()
    before = dict(seen.rows)
    seen.batches.clear()
    run(reader(account), seen)
    assert account.asked.count("/schedules/PI7DH85") == 1
    assert seen.rows == before
    assert not [batch for batch in seen.batches if "on_call_shifts" in batch.rows]
    account.now += dt.timedelta(minutes=10)
    account.asked.clear()
    run(reader(account), seen)
    assert not [path for path in account.asked if "schedules" in path]


def test_an_override_of_what_runs_and_a_change_ahead_replace_what_was_read() -> None:
    account, seen = account_by_hand(), Seen()
    run(reader(account), seen)
    account.now += dt.timedelta(days=1)
    rota = account.rotas["PI7DH85"]
    week = rota.layers["Week"]
    begin, end, _ = week.pop(-2)
    week[-1:] = [
        (begin, "2026-11-12T09:00:00-05:00", EARLINE),
        ("2026-11-12T21:00:00-05:00", end, EARLINE),
        (week[-1][0], week[-1][1], EARLINE),
    ]
    rota.overrides.append(("2026-11-12T09:00:00-05:00", "2026-11-12T21:00:00-05:00", TIM))
    run(reader(account), seen)
    found = [(begin.isoformat()[:13], who.partition(":")[2]) for begin, _, who, _ in shifts(seen)[8:]]
    assert found == [
        ("2026-11-09T14", EARLINE),
        ("2026-11-12T14", TIM),
        ("2026-11-13T02", EARLINE),
        ("2026-12-07T14", EARLINE),
    ]
    assert shifts(seen)[8][1] == moment("2026-11-12T09:00:00-05:00")


def test_what_a_deleted_schedule_had_stays_and_what_lay_ahead_is_taken_back() -> None:
    account, seen = account_by_hand(), Seen()
    run(reader(account), seen)
    account.now += dt.timedelta(days=1)
    del account.rotas["PI7DH85"]
    run(reader(account), seen)
    found = shifts(seen)
    assert len(found) == 9
    assert found[-1][:2] == (moment("2026-11-09T09:00:00-05:00"), account.now)
    assert seen.cursor["schedules"]["known"] == {}


def test_a_run_cut_off_anywhere_goes_on_to_the_same_shifts() -> None:
    whole = Seen()
    run(reader(account_by_hand()), whole)
    assert len(whole.batches) > 3
    for cut in range(1, len(whole.batches)):
        account, seen = account_by_hand(), Seen()
        run(reader(account), seen, stop_after=cut)
        run(reader(account), seen)
        assert shifts(seen) == shifts(whole)


def test_more_of_the_past_is_read_when_it_is_wanted_later() -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account, since=dt.date(2026, 11, 1)), seen)
    assert len(shifts(seen)) == 4
    run(reader(account), seen)
    assert shifts(seen) == [
        (moment(begin), moment(end), f"pagerduty:{who}", layer) for begin, end, who, layer, _ in lines()
    ]


def test_shift_based_schedules_are_read_as_well() -> None:
    account, seen = account_by_hand(), Seen()
    account.rotas["PS1A2B3C"] = Rota("Engineering On-Call", account.rotas["PI7DH85"].layers, [], True)
    run(reader(account), seen)
    own = [row for row in seen.shown("on_call_shifts") if row["schedule_id"] == "PS1A2B3C"]
    assert (len(own), {row["schedule"] for row in own}) == (9, {"Engineering On-Call"})
    # The list does not say which team's it is, the schedule by itself does.
    assert {row["team"] for row in own} == {"Engineering"}
    assert {row["person"] for row in own} == {"earline@example.org", "tim@example.org"}


def test_a_shift_without_an_end_has_none() -> None:
    account, seen = account_by_hand(), Seen()
    rota = account.rotas["PI7DH85"]
    as_described = rota.rendered

    def endless(since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
        entry = {"start": "2026-11-09T09:00:00-05:00", "end": None, "user": user(TIM)}
        nobody = {"start": "2026-11-01T09:00:00-05:00", "end": "2026-11-02T09:00:00-05:00"}
        told = as_described(since, until)
        told["final_schedule"]["rendered_schedule_entries"] = [entry, nobody] if until > NOW else []
        return told

    rota.rendered = endless  # type: ignore[method-assign]
    run(reader(account), seen)
    ((_, end, who, _),) = shifts(seen)
    assert (end, who) == (None, f"pagerduty:{TIM}")
    account.now += dt.timedelta(days=40)
    run(reader(account), seen)
    assert len(shifts(seen)) == 1


def test_a_key_that_may_not_read_schedules_costs_them_only_and_is_told() -> None:
    account, seen = account_by_hand(), Seen()
    account.trigger("P1", NOW - dt.timedelta(hours=1))
    account.refuse = {"/schedules": 403}
    assert run(reader(account), seen) is None
    assert [row["external_id"] for row in seen.shown("incidents")] == ["P1"]
    assert any("it is not known who was on call" in reason for reason in seen.rejected)
    health = asyncio.run(reader(account).check())
    assert health.status is Status.LIMITED
    assert "who was on call" in next(one.cost for one in health.missing if "/schedules" in one.what)


def test_a_key_that_may_not_read_incidents_still_reads_who_is_on_call() -> None:
    account, seen = account_by_hand(), Seen()
    account.refuse = {"/incidents": 403}
    assert isinstance(run(reader(account), seen), DeniedError)
    assert len(shifts(seen)) == 10


def test_a_schedule_that_cannot_be_read_costs_itself_only() -> None:
    account, seen = account_by_hand(), Seen()
    account.rotas["PX"] = Rota(
        "Broken", {"Week": [("2026-11-09T09:00:00-05:00", "2026-11-10T09:00:00-05:00", TIM)]}
    )
    account.refuse = {"/schedules/PX": 403}
    assert run(reader(account), seen) is None
    assert len(shifts(seen)) == 10
    assert [reason for reason in seen.rejected if "not complete" in reason]
    assert json.dumps(seen.cursor)


def test_shift_based_schedules_that_may_not_be_read_cost_themselves_only_and_are_not_taken_for_deleted() -> (
    None
):
    account, seen = account_by_hand(), Seen()
    account.rotas["PS1A2B3C"] = Rota("Engineering On-Call", account.rotas["PI7DH85"].layers, [], True)
    run(reader(account), seen)
    assert len(shifts(seen)) == 19
    account.now += dt.timedelta(days=1)
    account.refuse = {"/v3/schedules": 403}
    assert run(reader(account), seen) is None
    assert len(shifts(seen)) == 19
    assert [reason for reason in seen.rejected if "by shift-based schedules is not known" in reason]
    # An account without any says 404, which is no loss.
    account.refuse = {"/v3/schedules": 404}
    account.now += dt.timedelta(days=1)
    assert run(reader(account), seen) is None
    assert len([row for row in seen.shown("on_call_shifts") if row["schedule_id"] == "PI7DH85"]) == 10


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_shift_based_schedule_that_is_no_longer_listed_ends_only_when_it_is_gone(is_gone: bool) -> None:
    """``GET /v3/schedules``: "schedules the caller cannot read are silently excluded"."""
    account, seen = account_by_hand(), Seen()
    account.rotas["PS1A2B3C"] = Rota("Engineering On-Call", account.rotas["PI7DH85"].layers, [], True)
    run(reader(account), seen)
    before = shifts(seen)
    del account.rotas["PS1A2B3C"]
    account.refuse = {} if is_gone else {"/v3/schedules/PS1A2B3C": 403}
    account.now += dt.timedelta(hours=2)
    assert run(reader(account), seen) is None
    assert (shifts(seen) == before) is not is_gone
    assert [reason for reason in seen.rejected if "not complete" in reason] if not is_gone else True
    assert ("PS1A2B3C" in seen.cursor["schedules"]["known"]) is not is_gone


def test_a_passing_404_of_shift_based_schedules_ends_no_shift_and_is_told() -> None:
    account, seen = account_by_hand(), Seen()
    account.rotas["PS1A2B3C"] = Rota("Engineering On-Call", account.rotas["PI7DH85"].layers, [], True)
    run(reader(account), seen)
    before = shifts(seen)
    account.refuse = {"/v3/schedules": 404, "/v3/schedules/PS1A2B3C": 404}
    account.now += dt.timedelta(hours=2)
    assert run(reader(account), seen) is None
    assert shifts(seen) == before
    (reason,) = [reason for reason in seen.rejected if "shift-based" in reason]
    assert "Engineering On-Call" in reason
    account.refuse = {}
    account.now += dt.timedelta(hours=2)
    run(reader(account), seen)
    assert shifts(seen) == before
    # It goes on for longer than any shift that is known: nothing is kept waiting.
    account.refuse = {"/v3/schedules": 404, "/v3/schedules/PS1A2B3C": 404}
    account.now += dt.timedelta(days=60)
    run(reader(account), seen)
    assert list(seen.cursor["schedules"]["known"]) == ["PI7DH85"]


def test_more_schedules_than_can_be_listed_are_told_and_those_beyond_not_taken_for_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, seen = account_by_hand(), Seen()
    account.rotas["PX"] = Rota("Second", {"Week": [("2026-11-09T09:00:00Z", "2026-11-12T09:00:00Z", TIM)]})
    run(reader(account), seen)
    before = shifts(seen)
    assert len(before) == 11
    monkeypatch.setattr("ktlo.sources.pagerduty.windows.PER_PAGE", 1)
    monkeypatch.setattr("ktlo.sources.pagerduty.windows.FARTHEST", 0)
    account.now += dt.timedelta(hours=2)
    assert run(reader(account), seen) is None
    assert [(begin, end, who) for begin, end, who, _ in shifts(seen)] == [
        (begin, end, who) for begin, end, who, _ in before
    ]
    assert any("lists no more than 1 schedules" in reason for reason in seen.rejected)


def test_a_turn_of_the_same_person_that_begins_where_a_window_begins_is_a_shift_of_its_own() -> None:
    weeks = [("2026-10-24", "2026-10-31"), ("2026-10-31", "2026-11-07")]
    turns = [(f"{begin}T00:00:00Z", f"{end}T00:00:00Z", TIM) for begin, end in weeks]
    account, seen = Account(now=NOW, rotas={"PI7DH85": Rota("Alone", {"Week": turns})}), Seen()
    run(reader(account), seen)
    assert [(begin, end) for begin, end, _, _ in shifts(seen)] == [
        (moment(begin), moment(end)) for begin, end, _ in turns
    ]
