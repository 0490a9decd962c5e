"""PagerDuty is written to while ktlo turns its pages."""

from __future__ import annotations

import datetime as dt
import random

import httpx
import pytest
from pagerduty_account import Account
from test_pagerduty import Seen, after, run, source

from ktlo.sources.pagerduty import windows


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "k3y")


@pytest.mark.parametrize("seed", range(5))
def test_what_changes_while_pages_are_turned_is_neither_lost_nor_there_twice(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "PER_PAGE", 5)
    chance = random.Random(seed)
    account, seen = Account(now=after(24 * 60)), Seen()
    for number in range(40):
        account.trigger(f"Q{number:02d}", after(number))
    answer, left = account.answer, [40]

    def busy(request: httpx.Request) -> httpx.Response:
        """Between two pages something is written: a new incident, or a step of one that was read already or not."""
        if left[0]:
            left[0] -= 1
            account.now += dt.timedelta(seconds=chance.choice([1, 30]))
            if chance.random() < 0.3:
                account.trigger(f"N{left[0]:02d}", account.now)
            else:
                account.step(
                    f"Q{chance.randrange(40):02d}", chance.choice(["acknowledge", "resolve"]), account.now
                )
        return answer(request)

    account.answer = busy  # type: ignore[method-assign]
    assert run(source(account), seen) is None
    assert left[0] < 20
    left[0] = 0
    account.now += dt.timedelta(hours=1)
    assert run(source(account), seen) is None
    fresh = Seen()
    assert run(source(account), fresh) is None
    for table in ("incidents", "incident_events"):
        told, wanted = ([{**row, "row_version": 0} for row in one.shown(table)] for one in (seen, fresh))
        assert sorted(told, key=str) == sorted(wanted, key=str)
