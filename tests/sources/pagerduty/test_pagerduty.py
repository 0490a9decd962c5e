"""PagerDuty: ten incidents worked out by hand, resumed and incremental reading, and its ways to fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import httpx
import pytest
from collected_rows import Missing
from pagerduty_account import Account, user

from ktlo.errors import KtloError, UserError
from ktlo.sources.pagerduty import PagerDutySource, windows
from ktlo.sources.pagerduty.source import PagerDutyConfig
from ktlo.sources.protocol import Batch, Status
from ktlo.sources.rest.quota import LimitReachedError, World

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)

BY_HAND = """
# incident | steps: minutes after noon and kind                          | ack | resolved | reopened | state
P00 | 0 trigger                                                          |  -  |    -     | 0 | open
P01 | 0 trigger, 3 acknowledge                                           |  3  |    -     | 0 | open
P02 | 0 trigger, 3 acknowledge, 33 resolve                               |  3  |    33    | 0 | resolved
P03 | 0 trigger, 20 resolve                                              |  -  |    20    | 0 | resolved
P04 | 0 trigger, 5 acknowledge, 35 unacknowledge, 40 acknowledge, 60 resolve | 5 |  60    | 0 | resolved
P05 | 0 trigger, 10 resolve, 15 reopen, 45 resolve                       |  -  |    45    | 1 | resolved
P06 | 0 trigger, 10 resolve, 15 reopen                                   |  -  |    -     | 1 | open
P07 | 0 trigger, 5 escalate, 8 acknowledge, 90 resolve                   |  8  |    90    | 0 | resolved
P08 | 0 trigger, 1 notify, 2 notify, 4 acknowledge, 5 annotate, 6 resolve |  4  |   6     | 0 | resolved
P09 | 0 trigger, 2 acknowledge, 4 resolve, 6 reopen, 9 resolve, 12 reopen, 20 resolve | 2 | 20 | 2 | resolved
"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "k3y")


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def play(account: Account, key: str, steps: str) -> None:
    for step in steps.split(","):
        minutes, kind = step.split()
        if kind == "trigger":
            account.trigger(key, after(int(minutes)))
        elif kind == "reopen":
            account.reopen(key, after(int(minutes)))
        elif kind == "notify":
            account.step(key, kind, after(int(minutes)), user=user("PT23IWX"))
        else:
            account.step(key, kind, after(int(minutes)))


def account_by_hand() -> Account:
    account = Account(now=after(24 * 60))
    for key, steps, *_ in lines():
        play(account, key, steps)
    return account


def source(account: Account, **options: Any) -> PagerDutySource:
    async def nap(_: float) -> None:
        await asyncio.sleep(0)

    config = PagerDutyConfig(**{"token": "env:PD_KEY", "since": dt.date(2026, 8, 1), **options})

    def clock() -> float:
        return account.now.timestamp()

    world = World(now=clock, sleep=nap, chance=lambda: 0.5)
    return PagerDutySource(config, world, account.transport())


class Seen:
    """What a store would show: the newest version of each key."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, dict[str, Any]]] = {"incidents": {}, "incident_events": {}}
        self.missing = Missing()
        self.cursor: dict[str, Any] = {}
        self.batches: list[Batch] = []

    def put(self, rows: Any) -> None:
        for table, batch in rows.items():
            for row in batch.to_pylist():
                key = (row.get("external_id"), row.get("incident_id"), row.get("event_id"))
                if self.missing.holds(table, row, self.rows[table].get(key)):
                    self.rows[table][key] = row

    def shown(self, table: str) -> list[dict[str, Any]]:
        return [row for row in self.rows[table].values() if self.missing.shows(table, row)]

    def incident(self, key: str) -> dict[str, Any]:
        return next(row for row in self.shown("incidents") if row["external_id"] == key)


def run(made: PagerDutySource, seen: Seen, stop_after: int | None = None) -> KtloError | None:
    async def work() -> KtloError | None:
        try:
            async for batch in made.collect(seen.cursor):
                seen.put(batch.rows)
                seen.missing.judge(batch)
                seen.batches.append(batch)
                if batch.cursor is not None:
                    seen.cursor = json.loads(json.dumps(batch.cursor))
                if stop_after is not None and len(seen.batches) >= stop_after:
                    return None
        except KtloError as error:
            return error
        return None

    return asyncio.run(work())


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_incidents_have_the_phases_worked_out_by_hand(line: list[str]) -> None:
    key, _, acknowledged, resolved, reopened, state = line
    seen = Seen()
    assert run(source(account_by_hand()), seen) is None
    found = seen.incident(key)
    assert found["detected_at"] == NOON
    assert found["acknowledged_at"] == (None if acknowledged == "-" else after(int(acknowledged)))
    assert found["resolved_at"] == (None if resolved == "-" else after(int(resolved)))
    assert (found["reopen_count"], found["state"]) == (int(reopened), state)
    assert (found["service"], found["team"], found["severity"]) == ("My Mail Service", "Engineering", "P2")


def test_every_step_of_the_log_is_an_event_by_the_mail_of_who_took_it() -> None:
    seen = Seen()
    run(source(account_by_hand()), seen)
    steps = sorted(
        (row["occurred_at"], row["kind"], row["actor"], row["after"])
        for row in seen.shown("incident_events")
        if row["incident_id"] == "P08"
    )
    assert [(kind, actor, said) for _, kind, actor, said in steps] == [
        ("detected", "", "triggered"),
        ("paged", "", "tim@example.org"),
        ("paged", "", "tim@example.org"),
        ("acknowledged", "earline@example.org", "acknowledged"),
        ("note", "earline@example.org", "annotate"),
        ("resolved", "earline@example.org", "resolved"),
    ]
    assert seen.incident("P08")["responders"] == ["earline@example.org"]


def test_who_was_paged_is_not_a_responder() -> None:
    account = Account(now=after(600))
    play(account, "P1", "0 trigger, 1 notify")
    seen = Seen()
    run(source(account), seen)
    assert seen.incident("P1")["responders"] == []


def test_a_second_run_reads_only_what_was_written_since_and_changes_what_changed() -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account), seen)
    account.asked.clear()
    account.now = after(48 * 60)
    account.step("P00", "acknowledge", after(30 * 60))
    account.step("P00", "resolve", after(31 * 60))
    run(source(account), seen)
    assert seen.incident("P00")["resolved_at"] == after(31 * 60)
    assert seen.incident("P00")["acknowledged_at"] == after(30 * 60)
    assert account.asked.count("/incidents/P00") == 1
    assert not [path for path in account.asked if path.startswith("/incidents/P0") and "P00" not in path]


def test_a_run_cut_off_anywhere_goes_on_to_the_same_rows() -> None:
    account = account_by_hand()
    whole = Seen()
    run(source(account), whole)
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(account), seen, stop_after=cut)
        run(source(account), seen)
        assert seen.rows == whole.rows


def test_an_incident_that_pagerduty_no_longer_has_is_removed() -> None:
    account, seen = account_by_hand(), Seen()
    run(source(account), seen)
    account.now = after(48 * 60)
    account.step("P00", "annotate", after(25 * 60))
    del account.incidents["P00"]
    run(source(account), seen)
    assert "P00" not in {row["external_id"] for row in seen.shown("incidents")}


def test_a_window_that_holds_more_than_can_be_paged_through_is_halved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "PER_PAGE", 10)
    monkeypatch.setattr(windows, "FARTHEST", 20)
    account = Account(now=after(20_000), farthest=30)
    for number in range(300):
        account.trigger(f"Q{number:03d}", after(number * 60))
    seen = Seen()
    assert run(source(account), seen) is None
    assert len(seen.shown("incidents")) == 300


def test_users_beyond_those_that_are_listed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PER_PAGE", 1)
    monkeypatch.setattr(windows, "FARTHEST", 0)
    account, seen = Account(now=after(60)), Seen()
    assert run(source(account), seen) is None
    (told,) = [one for batch in seen.batches for one in batch.rejected if one.place == "/users"]
    assert "further ones keep PagerDuty's names" in told.reason
    monkeypatch.setattr(windows, "FARTHEST", 1)
    seen = Seen()
    assert run(source(account), seen) is None
    assert [one.place for batch in seen.batches for one in batch.rejected] == []


def test_a_429_is_waited_out_and_a_long_one_ends_the_run_to_go_on_later() -> None:
    account, seen = account_by_hand(), Seen()
    account.faults = [httpx.Response(429, headers={"ratelimit-reset": "7", "ratelimit-remaining": "0"})]
    assert run(source(account), seen) is None
    account.faults = [httpx.Response(429, headers={"retry-after": "900"})]
    failure = run(source(account), Seen())
    assert isinstance(failure, LimitReachedError)
    assert failure.retry_after == 900


def test_a_key_that_is_not_accepted_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "expired")
    failure = run(source(account_by_hand()), Seen())
    assert isinstance(failure, UserError)
    assert "API Access Keys" in failure.fix
    assert "expired" not in failure.fix.split("where `token`")[0]


def test_the_check_names_what_the_key_may_not_read_and_what_the_numbers_lose() -> None:
    account = account_by_hand()
    account.refuse = {"/users": 403}
    health = asyncio.run(source(account).check())
    assert health.status is Status.LIMITED
    assert "people keep PagerDuty's names" in [one.cost for one in health.missing][-1]
    seen = Seen()
    assert run(source(account), seen) is None
    assert seen.incident("P08")["responders"] == ["Earline Greenholt"]


def test_an_object_of_an_unexpected_form_costs_itself_only() -> None:
    account, seen = account_by_hand(), Seen()
    account.is_as_described = False
    account.incidents["P01"] |= {"title": {"html": "<b>"}}
    assert run(source(account), seen) is None
    rejected = [one for batch in seen.batches for one in batch.rejected]
    assert [one.place for one in rejected] == ["/incidents", "/incidents/P01"]
    assert len(seen.shown("incidents")) == 9


def test_an_empty_account_is_no_failure() -> None:
    seen = Seen()
    assert run(source(Account(now=NOON)), seen) is None
    assert seen.shown("incidents") == []
