"""A page that was made a moment ago is shown again, unless a record, the settings or the question have changed."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import httpx
import pytest

from ktlo.errors import StoreError
from ktlo.metrics.question import Question
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.code import Tag
from ktlo.records.schema import Life
from ktlo.report.bugs import bugs
from ktlo.report.dialects import dialects
from ktlo.report.effort import effort
from ktlo.report.overview import overview
from ktlo.report.reliability import reliability
from ktlo.report.sections import NoLinks
from ktlo.server.web.again import LASTS, Again
from ktlo.server.web.section_page import REMEMBERED

SECTIONS = {"overview": overview, "effort": effort, "reliability": reliability, "bugs": bugs}
PAGES = ("/", "/effort", "/reliability", "/bugs", "/metrics/dialects", "/plan/history")


class Counting:
    """The store of a runtime, and what it was asked."""

    def __init__(self, store):
        self._store = store
        self.asked = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def query(self, sql, params=None):
        self.asked.append(sql)
        return self._store.query(sql, params)


@pytest.fixture
def asked(runtime, house, monkeypatch) -> list[str]:
    """What the store is asked, with nothing remembered yet and a clock that stands still."""
    counting = Counting(runtime.store)
    monkeypatch.setattr(runtime, "store", counting)
    house.app.state.again = Again(lambda: 1000.0)
    return counting.asked


def _work(asked: list[str]) -> int:
    """How many questions rest on issues, incidents or effort; a filter bar's choices are asked for each time."""
    n = sum(_is_work(sql) for sql in asked)
    asked.clear()
    return n


def _is_work(sql: str) -> bool:
    return "WITH members" in sql or "person_days" in sql


class Held:
    """Visitors who ask at once: what rests on work is answered to none of them before it is let go."""

    def __init__(self, house, store) -> None:
        self._house, self._query = house, store.query
        self._let_go, self._come = threading.Event(), threading.Semaphore(0)
        self.error: Exception | None = None
        store.query = self._wait
        house.app.state.again = Again(self._clock)

    def _clock(self) -> float:
        self._come.release()  # a request is about to ask for what was made
        return 1000.0

    def _wait(self, sql, params=None):
        if _is_work(sql):
            assert self._let_go.wait(30)
        answer = self._query(sql, params)
        if _is_work(sql) and self.error is not None:
            raise self.error
        return answer

    def ask(self, path: str) -> Future[httpx.Response]:
        """A visitor's answer, under way."""
        answer = self._house.start(path)
        assert self._come.acquire(timeout=30)
        return answer

    def let_go(self) -> None:
        self._let_go.set()


@pytest.fixture
def held(house, runtime, asked) -> Iterator[Held]:
    made = Held(house, runtime.store)
    yield made
    made.let_go()


@pytest.mark.parametrize(
    ("first", "second"),
    [*((path, path) for path in PAGES), ("/bugs", "/bugs.json"), ("/plan/history.json", "/plan/history")],
)
def test_two_who_ask_at_once_get_what_is_made_once(house, asked, held, first, second):
    answers = [held.ask(first), held.ask(second)]
    held.let_go()
    got = [each.result(60) for each in answers]
    assert [each.status_code for each in got] == [200, 200]
    together = _work(asked)
    house.app.state.again = Again()
    house.get(first)
    assert together == _work(asked) > 0
    if first == second:
        assert got[0].text == got[1].text


def test_an_error_reaches_both_and_the_next_who_asks_tries_again(house, asked, held):
    held.error = StoreError("the disk is full")
    answers = [held.ask("/bugs"), held.ask("/bugs")]
    held.let_go()
    assert ["the disk is full" in each.result(60).text for each in answers] == [True, True]
    assert _work(asked) == 1
    held.error = None
    assert house.get("/bugs").status_code == 200


def test_one_who_goes_away_takes_nothing_from_the_other(house, asked, held):
    gone, other = held.ask("/bugs"), held.ask("/bugs")
    gone.cancel()
    held.let_go()
    assert other.result(60).status_code == 200
    together = _work(asked)
    house.app.state.again = Again()
    house.get("/bugs")
    assert together == _work(asked) > 0


@pytest.mark.parametrize("path", PAGES)
def test_a_second_click_asks_the_store_nothing_and_shows_the_same(house, asked, path):
    first = house.page(path)
    assert _work(asked) > 0
    assert house.page(path) == first
    assert _work(asked) == 0


def test_the_twin_of_a_page_is_made_from_the_same(house, asked):
    house.page("/bugs")
    _work(asked)
    assert house.get("/bugs.json").status_code == 200
    assert _work(asked) == 0


def test_another_question_is_answered_anew(house, asked):
    house.page("/metrics/dialects")
    for path in (
        "/metrics/dialects?from=30d",
        "/metrics/dialects/bug_time_to_close",
        "/bugs",
        "/bugs?from=30d",
    ):
        _work(asked)
        house.page(path)
        assert _work(asked) > 0, path


def test_a_record_that_arrived_since_is_in_the_page(house, runtime, asked):
    house.page("/bugs")
    _work(asked)
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = Tag(source="s", repository="acme/again", name="v1", sha="c0ffee", tagged_at=moment)
    runtime.store.insert(TABLES["tags"], to_arrow([made], Tag))
    house.page("/bugs")
    assert _work(asked) > 0


def test_other_settings_are_heeded_at_once(house, runtime, asked, monkeypatch):
    house.page("/reliability")
    _work(asked)
    monkeypatch.setattr(
        runtime, "settings", runtime.settings.model_copy(update={"downtime_severities": ["x"]})
    )
    house.page("/reliability")
    assert _work(asked) > 0


@pytest.mark.parametrize(("seconds", "is_made"), [(LASTS - 1, False), (LASTS, True), (-1, True)])
def test_after_a_minute_ages_have_moved_on(house, asked, seconds, is_made):
    now = [1000.0]
    house.app.state.again = Again(lambda: now[0])
    house.page("/bugs")
    _work(asked)
    now[0] += seconds
    house.page("/bugs")
    assert (_work(asked) > 0) is is_made


def test_where_nobody_can_tell_what_was_written_a_page_is_made_each_time(house, runtime, asked, monkeypatch):
    monkeypatch.setattr(runtime.store, "mark", lambda: None, raising=False)
    house.page("/bugs")
    _work(asked)
    house.page("/bugs")
    assert _work(asked) > 0


def test_a_budget_that_was_recorded_since_is_in_the_quarters(house, asked):
    house.page("/plan/history")
    _work(asked)
    house.post("/plan/budgets", data={"share": "31", "since": "2026-01-01"})
    house.page("/plan/history")
    assert _work(asked) > 0


def test_what_is_remembered_rests_on_no_telemetry_of_which_the_mark_does_not_tell(runtime):
    streamed = {name for name, table in TABLES.items() if table.life is Life.STREAMED}
    assert set(SECTIONS) == REMEMBERED
    now = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    question = Question(dt.datetime(2025, 1, 1, tzinfo=dt.UTC), now, now)
    for section in (*SECTIONS.values(), dialects):
        counting = Counting(runtime.store)
        section(counting, question, NoLinks())
        named = {name for sql in counting.asked for name in re.findall(r"ktlo\.`?(\w+)", sql)}
        assert named
        assert not named & streamed
