"""A status page whose incidents are added and deleted while its pages are turned, by both APIs."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from test_instatus import Instatus, instatus_form
from test_statuspage import Page, after, incident

from ktlo.sources.rest.quota import World
from ktlo.sources.statuspage import StatuspageSource
from ktlo.sources.statuspage import source as statuspage_source
from ktlo.sources.statuspage.source import StatuspageConfig

DAY = 86_400
OPTIONS: dict[str, dict[str, str]] = {
    "statuspage": {"token": "env:STATUS_KEY"},
    "instatus": {"api": "https://api.instatus.com/v1", "page_id": "nasa", "token": "env:STATUS_KEY"},
}


class Busy:
    """A page that changes with the answers that it gives."""

    def __init__(self, kind: str, seed: int) -> None:
        told = [incident(f"P{number}", "minor", "0 investigating") for number in range(11)]
        self.kind, self.dice, self.is_quiet = kind, random.Random(seed), False
        self.now = after(0).timestamp()
        self.page: Any = Page() if kind == "statuspage" else Instatus([instatus_form(one) for one in told])
        if kind == "statuspage":
            self.page.incidents, self.page.past = [], told
        self.incidents: list[dict[str, Any]] = self.page.past if kind == "statuspage" else self.page.incidents
        self.example = self.incidents[0]

    def answer(self, request: httpx.Request) -> httpx.Response:
        given: httpx.Response = self.page.answer(request)
        if "page" in request.url.params and not self.is_quiet:
            if self.dice.random() < 0.4:
                self.incidents.remove(self.dice.choice(self.incidents))
            if self.dice.random() < 0.3:
                self.incidents.insert(0, {**self.example, "id": f"N{self.dice.random()}"})
        return given

    def read(self, seen: Seen) -> None:
        config = StatuspageConfig(url="https://status.example.org", **OPTIONS[self.kind])
        world = World(now=lambda: self.now)
        made = StatuspageSource(config, world, httpx.MockTransport(self.answer))
        assert run(made, seen) is None
        self.now += DAY

    def missing(self, seen: Seen) -> set[str]:
        there = {row["external_id"] for row in seen.shown("incidents")}
        return {one["id"] for one in self.incidents} ^ there


@pytest.mark.parametrize("kind", list(OPTIONS))
def test_nothing_is_lost_for_good_and_nothing_that_is_there_is_taken_for_deleted(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuspage_source, "PER_PAGE", 3)
    monkeypatch.setenv("STATUS_KEY", "k3y")
    for seed in range(20):
        busy, seen = Busy(kind, seed), Seen()
        for _ in range(3):
            busy.read(seen)
            removed = {name for table, name in seen.missing.gone if table == "incidents"}
            assert removed.isdisjoint(one["id"] for one in busy.incidents), seed
        busy.is_quiet = True
        busy.read(seen)
        assert not busy.missing(seen), seed


def test_an_incident_that_is_asked_for_by_itself_and_cannot_be_read_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STATUS_KEY", "k3y")
    busy, seen = Busy("statuspage", 1), Seen()
    busy.is_quiet = True
    busy.read(seen)
    odd = {**busy.incidents.pop(3), "created_at": "some time"}
    answer = busy.page.answer

    def by_itself(request: httpx.Request) -> httpx.Response:
        is_it = request.url.path.endswith(f"/{odd['id']}")
        return httpx.Response(200, json=odd) if is_it else answer(request)

    monkeypatch.setattr(busy.page, "answer", by_itself)
    busy.read(seen)
    (told,) = [one for batch in seen.batches for one in batch.rejected]
    assert odd["id"] in str(told)
