"""The account in memory answers of alerts as Opsgenie describes; what only an alert by itself tells is asked for."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from generated_client import GeneratedClient
from opsgenie_published import published
from test_opsgenie import Account, source


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")


@pytest.fixture(scope="module")
def description() -> GeneratedClient:
    found = published()
    if found is None:
        pytest.skip("pip cannot have opsgenie-sdk: the stand-in is not held against Opsgenie's description")
    return found


def ask(account: Account, rest: str = "", **query: str) -> httpx.Response:
    address, headers = f"https://api.opsgenie.com/v2/alerts{rest}", {"authorization": "GenieKey k3y"}
    return account.answer(httpx.Request("GET", address, params=query, headers=headers))


@pytest.mark.parametrize(("rest", "parameter"), [("", "page"), ("/A0", "limit"), ("/A0/logs", "sort")])
def test_a_parameter_that_is_not_described_fails_the_test_that_asked(
    description: GeneratedClient, rest: str, parameter: str
) -> None:
    with pytest.raises(AssertionError, match=f"no parameter {parameter}"):
        ask(Account(), rest, **{"limit": "1", parameter: "1"})


@pytest.mark.parametrize(
    ("field", "value"),
    [("count", "1"), ("tag", []), ("owner", None), ("report", {"ackTime": None}), ("entities", "db-1")],
)
def test_an_answer_of_another_form_fails_the_test_that_got_it(
    description: GeneratedClient, field: str, value: Any
) -> None:
    account = Account()
    account.alerts[0][field] = value
    with pytest.raises(AssertionError, match=field):
        ask(account, limit="1")


def test_the_entity_that_the_list_does_not_tell_is_asked_for_where_no_tag_names_the_service() -> None:
    asked: list[str] = []

    class Counting(Account):
        def answer(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.path)
            return super().answer(request)

    seen = Seen()
    assert run(source(Counting()), seen) is None
    assert {key: seen.item(key)["service"] for key in ("A0", "A1", "A9")} == {
        "A0": "db-1",
        "A1": "checkout",
        "A9": "",  # an empty tag says that there is none
    }
    assert (asked.count("/v2/alerts/A0"), asked.count("/v2/alerts/A1"), asked.count("/v2/alerts/A9")) == (
        1,
        0,
        0,
    )


def test_a_key_that_may_not_read_an_alert_by_itself_costs_its_service_only_and_is_told() -> None:
    class Closed(Account):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v2/alerts/A0":
                return httpx.Response(403, json={"message": "You are not authorized"})
            return super()._answer(request)

    seen = Seen()
    assert run(source(Closed()), seen) is None
    assert len(seen.shown("incidents")) == 10
    assert seen.item("A0")["service"] == ""
    (told,) = seen.rejected
    assert "which service it is of" in told
