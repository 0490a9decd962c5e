"""An organization whose issues come, come back, end and are deleted while its list is paged through."""

from __future__ import annotations

import datetime as dt
import random

import httpx
import pytest
from collected_rows import Seen, run
from sentry_organization import Organization, after
from test_sentry import source


class Busy(Organization):
    """What happens, happens between two pages."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.dice, self.is_quiet, self.hours = random.Random(seed), False, 50.0
        for number in range(8):
            self.happen(f"S2{number}", "seen", after(number))

    def answer(self, request: httpx.Request) -> httpx.Response:
        given = super().answer(request)
        if self.asked[-1] == "list" and not self.is_quiet and self.dice.random() < 0.7:
            self.change()
        return given

    def change(self) -> None:
        self.hours += 0.25
        key = self.dice.choice(sorted(self.issues))
        happens = (
            ["seen", "set_resolved"] if self.issues[key]["status"] == "unresolved" else ["set_regression"]
        )
        what = self.dice.choice(["deleted", "deleted", "new", *happens])
        if what == "deleted":
            del self.issues[key]
        elif what == "new":
            self.happen(f"S3{self.hours:.2f}", "seen", after(self.hours))
        else:
            self.happen(key, what, after(self.hours))


@pytest.mark.parametrize("runs", [1, 3])
def test_what_changes_while_pages_are_turned_is_right_with_the_next_reading(
    runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ktlo.sources.sentry.listing.PER_PAGE", 3)
    monkeypatch.setenv("SENTRY_KEY", "k3y")
    for seed in range(8):
        busy, seen, fresh = Busy(seed), Seen(), Seen()
        for _ in range(runs):
            assert run(source(busy), seen) is None
        busy.is_quiet = True
        assert run(source(busy), seen) is None
        assert run(source(busy), fresh) is None
        there = shown(fresh)
        # Of a closed issue nobody asks again: it stays in the past when it is deleted.
        gone = {key: state for key, (state, _) in shown(seen).items() if key not in there}
        assert {key: one for key, one in shown(seen).items() if key in there} == there, seed
        assert set(gone.values()) <= {"closed"}, seed


def shown(seen: Seen) -> dict[str, tuple[str, dt.datetime | None]]:
    return {row["external_id"]: (row["state"], row["closed_at"]) for row in seen.shown("issues")}


class Late(Organization):
    """An issue that cannot be read comes up while the list is gone through."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        given = super().answer(request)
        if self.asked.count("list") == 2 and self.asked[-1] == "list" and "S99" not in self.issues:
            self.happen("S99", "seen", after(60))
            self.issues["S99"]["title"], self.is_as_described = {}, False
        return given


def test_what_cannot_be_read_and_came_up_while_pages_were_turned_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ktlo.sources.sentry.listing.PER_PAGE", 3)
    monkeypatch.setenv("SENTRY_KEY", "k3y")
    seen = Seen()
    assert run(source(Late()), seen) is None
    assert len([one for batch in seen.batches for one in batch.rejected]) == 1
