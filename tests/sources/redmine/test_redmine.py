"""Redmine, a real one: its items worked out by hand, what changed since, what was deleted, and bad keys."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import test_what_every_pulled_source_meets as every
from collected_rows import Seen, run
from redmine_by_hand import INCIDENTS, ISSUES, NOON, TITLE, after, lines, made_by_hand, nothing_there
from redmine_server import KEY, Redmine
from revisited_house import House

from ktlo.errors import UserError
from ktlo.sources.missing_items import MissingItems
from ktlo.sources.protocol import Drawn, Status
from ktlo.sources.redmine import RedmineSource
from ktlo.sources.redmine.source import RedmineConfig

TOO_LARGE = every.test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages_or_told_with_what_to_do


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDMINE_KEY", KEY)


def source(
    redmine: Redmine, transport: httpx.AsyncBaseTransport | None = None, **options: Any
) -> RedmineSource:
    given = {"url": redmine.url, "token": "env:REDMINE_KEY", "since": dt.date(2026, 8, 1)}
    return RedmineSource(RedmineConfig(**{**given, **options}), transport=transport)


@pytest.fixture(scope="module")
def numbers(redmine: Redmine) -> dict[str, int]:
    return made_by_hand(redmine)


@pytest.fixture(scope="module")
def read(redmine: Redmine, numbers: dict[str, int]) -> Seen:
    seen = Seen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDMINE_KEY", KEY)
        assert run(source(redmine), seen) is None
    return seen


def moment(said: str) -> dt.datetime | None:
    return None if said == "-" else after(int(said))


@pytest.mark.parametrize("line", lines(ISSUES), ids=lambda line: line[0])
def test_ten_issues_are_as_worked_out_by_hand(read: Seen, numbers: dict[str, int], line: list[str]) -> None:
    name, tracker, priority, steps, state, closed_as, service, ended, history = line
    key = str(numbers[name])
    found = read.item(key, "issues")
    assert found["issue_type"] == ("Bug" if "becomes Bug" in steps else tracker)
    assert (found["title"], found["severity"], found["service"]) == (TITLE, priority, service)
    assert (found["state"], found["closed_as"]) == (state, closed_as)
    assert (found["created_at"], found["closed_at"]) == (NOON, moment(ended))
    told = [row for row in read.shown("issue_events") if row["issue_id"] == key]
    assert [row["kind"] for row in sorted(told, key=lambda row: row["occurred_at"])] == history.split()


@pytest.mark.parametrize("line", lines(INCIDENTS), ids=lambda line: line[0])
def test_ten_incidents_are_as_worked_out_by_hand(
    read: Seen, numbers: dict[str, int], line: list[str]
) -> None:
    name, _, priority, _, state, service, acknowledged, resolved, closed, reopened = line
    key = str(numbers[name])
    found = read.item(key)
    assert (found["title"], found["severity"], found["service"]) == (TITLE, priority, service)
    assert (found["state"], found["reopen_count"]) == (state, int(reopened))
    assert (found["detected_at"], found["acknowledged_at"]) == (NOON, moment(acknowledged))
    assert (found["resolved_at"], found["closed_at"]) == (moment(resolved), moment(closed))
    assert [kind for kind, _ in read.steps(key)].count("reopened") == int(reopened)


def test_nothing_else_is_there(read: Seen, numbers: dict[str, int]) -> None:
    assert read.tables == set(RedmineSource.brings)
    assert len(lines(ISSUES)) == len(lines(INCIDENTS)) == 10
    for table, names in (("issues", lines(ISSUES)), ("incidents", lines(INCIDENTS))):
        assert {row["external_id"] for row in read.shown(table)} == {str(numbers[one[0]]) for one in names}


def test_what_changed_since_is_read_and_what_was_deleted_is_removed(redmine: Redmine) -> None:
    seen, made = Seen(), source(redmine)
    number, gone = redmine.create("late"), redmine.create("gone")
    assert run(made, seen) is None
    assert seen.item(str(number), "issues")["state"] == "open"
    other = redmine.create("the same")
    redmine.change(number, status_id=5, notes="done")
    redmine.ask("DELETE", f"/issues/{gone}.json")
    seen.cursor["compared_at"] = "2026-01-01T00:00:00Z"
    assert run(made, seen) is None
    assert seen.item(str(number), "issues")["state"] == "closed"
    kinds = [row["kind"] for row in seen.shown("issue_events") if row["issue_id"] == str(number)]
    assert sorted(kinds) == ["closed", "commented", "opened"]
    assert str(gone) not in {row["external_id"] for row in seen.shown("issues")}
    # Relating two issues is no change of theirs to Redmine: it shows with the next change.
    redmine.relate(number, other, "duplicates")
    assert run(made, seen) is None
    redmine.change(number, notes="see there")
    assert run(made, seen) is None
    assert seen.item(str(number), "issues")["closed_as"] == "duplicate"


def known_again(made: RedmineSource, *numbers: int) -> set[str]:
    """Numbers that leave when some known ones are asked for again."""

    async def asked() -> set[str]:
        seen, known = Seen(), {"issues": sorted(str(number) for number in numbers)}
        async for batch in made.revisit({}, Drawn(known)):
            seen.put(batch)
        return {name for _, name in seen.missing.gone}

    return asyncio.run(asked())


def test_closed_issues_that_were_deleted_or_moved_out_of_the_project_are_found_by_asking_again(
    redmine: Redmine,
) -> None:
    redmine.ask("POST", "/projects.json", {"project": {"name": "Attic", "identifier": "attic"}})
    attic = redmine.ask("GET", "/projects/attic.json")["project"]["id"]
    stays, gone, moved = (redmine.create(title) for title in ("stays", "gone", "moved"))
    for number in (stays, gone, moved):
        redmine.change(number, status_id=5)
    redmine.ask("DELETE", f"/issues/{gone}.json")
    redmine.change(moved, project_id=attic)
    assert known_again(source(redmine), stays, gone, moved) == {str(gone)}
    assert known_again(source(redmine, project="shop"), stays, gone, moved) == {str(gone), str(moved)}


def test_an_open_issue_that_is_moved_out_of_the_project_leaves_within_a_day(redmine: Redmine) -> None:
    redmine.ask("POST", "/projects.json", {"project": {"name": "Cellar", "identifier": "cellar"}})
    cellar = redmine.ask("GET", "/projects/cellar.json")["project"]["id"]
    seen, made = Seen(), source(redmine, project="shop")
    number = redmine.create("open and moved")
    assert run(made, seen) is None
    redmine.change(number, project_id=cellar)
    seen.cursor["compared_at"] = "2026-01-01T00:00:00Z"
    assert run(made, seen) is None
    assert str(number) not in {row["external_id"] for row in seen.shown("issues")}
    assert number not in seen.cursor["open"]


def test_a_whole_project_that_was_deleted_stays_as_last_seen_until_a_person_says_so(
    redmine: Redmine, house: House
) -> None:
    redmine.ask("POST", "/projects.json", {"project": {"name": "Vault", "identifier": "vault"}})
    vault = redmine.ask("GET", "/projects/vault.json")["project"]["id"]
    made = source(redmine)
    house.read(made)
    others = house.names(made, "issues", "incidents")
    for number in range(max(12, len(others) + 2)):
        redmine.create(f"in the vault {number}", project_id=vault)
    house.read(made)
    everything = house.names(made, "issues", "incidents")
    redmine.ask("DELETE", "/projects/vault.json")
    cursor = house.state.cursor(made.source_id)
    house.state.set_cursor(made.source_id, {**cursor, "compared_at": "2026-01-01T00:00:00Z"})
    house.read(made)
    assert house.names(made, "issues", "incidents") == everything
    assert house.hidden(made) == everything - others
    assert MissingItems(made.source_id, house.store).confirm("Vault", house.now) == len(everything - others)
    assert house.names(made, "issues", "incidents") == others


def test_a_reading_that_finds_nothing_new_is_no_failure(redmine: Redmine, numbers: dict[str, int]) -> None:
    seen = Seen()
    for _ in range(3):
        assert run(source(redmine, project="web"), seen) is None


def test_an_issue_that_may_no_longer_be_read_stays_as_it_was_and_that_is_said(
    redmine: Redmine, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"url": redmine.url, "token": "env:REDMINE_KEY", "project": "web", "since": "2026-08-01"}
    monkeypatch.setitem(every.ASKED, "redmine", ("redmine", lambda: recorded(redmine), options))
    service, plain, key = every.Service("redmine"), recorded(redmine), numbers["I7"]
    seen = service.whole()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/issues/{key}.json":
            return every.refusal(403)
        body = plain(request).json()
        body["issues"] = [one for one in body.get("issues", ()) if one["id"] != key]
        return httpx.Response(200, json=body)

    service._answer = answer
    for run_number in (1, 2):
        seen.cursor["compared_at"] = "2026-01-01T00:00:00Z"
        assert run(service.source(), seen) is None
        assert seen.item(str(key))["state"] == "open"
        assert len(seen.rejected) == run_number
        said = f"So whether {key} of the open issues are as they were is not known"
        assert said in seen.rejected[-1]


def recorded(redmine: Redmine) -> Callable[[httpx.Request], httpx.Response]:
    """What the real one answers, asked once each."""
    answers: dict[tuple[str, str], httpx.Response] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        key = (str(request.url), request.headers["x-redmine-api-key"])
        if key not in answers:
            headers = {"x-redmine-api-key": key[1], "accept": "application/json"}
            answers[key] = httpx.get(key[0], headers=headers, timeout=60, trust_env=False)
        given = answers[key]
        headers = {name: given.headers[name] for name in ("content-type",)}
        return httpx.Response(given.status_code, headers=headers, content=given.content)

    return answer


@pytest.mark.parametrize(
    ("test", "more"),
    [
        (every.test_a_token_that_expires_while_it_is_read_is_a_sentence_and_the_next_run_goes_on, ()),
        (every.test_a_right_that_is_revoked_costs_what_it_covers_and_is_said, ()),
        (every.test_a_429_is_waited_out_with_and_without_a_time, ("2",)),
        (every.test_a_429_is_waited_out_with_and_without_a_time, ("Wed, 01 Jan 2020 00:00:00 GMT",)),
        (every.test_a_429_is_waited_out_with_and_without_a_time, (None,)),
        (every.test_a_429_of_an_hour_ends_the_run_which_goes_on_later, ()),
        (every.test_reading_it_all_twice_changes_nothing, ()),
        (every.test_ten_megabytes_of_text_are_cut_and_lose_nothing_else, ()),
        (TOO_LARGE, ()),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_lies_between_may_fail_as_for_every_other_service(
    redmine: Redmine,
    numbers: dict[str, int],
    test: Callable[..., None],
    more: tuple[Any, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = "shop" if test is TOO_LARGE else "web"  # a list that is larger than any of its issues
    options = {"url": redmine.url, "token": "env:REDMINE_KEY", "project": project, "since": "2026-08-01"}
    monkeypatch.setitem(every.ASKED, "redmine", ("redmine", lambda: recorded(redmine), options))
    test("redmine", *more)


def test_a_run_cut_off_anywhere_goes_on_to_the_same_rows(
    redmine: Redmine, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ktlo.sources.rest.gathering.PER_PAGE", 7)
    whole, transport = Seen(), httpx.MockTransport(recorded(redmine))
    run(source(redmine, transport), whole)
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(redmine, transport), seen, stop_after=cut)
        run(source(redmine, transport), seen)
        assert seen.rows == whole.rows


def test_the_check_says_how_many_and_by_whom(redmine: Redmine, numbers: dict[str, int]) -> None:
    health = asyncio.run(source(redmine).check())
    assert health.status is Status.READY
    assert "issues can be read" in health.summary


def test_a_key_that_is_not_accepted_says_where_to_get_one(
    redmine: Redmine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDMINE_KEY", "0" * 40)
    failure = run(source(redmine), Seen())
    assert isinstance(failure, UserError)
    assert "API access key" in failure.fix
    assert asyncio.run(source(redmine).check()).status is Status.UNREACHABLE


def test_an_empty_project_is_no_failure(redmine: Redmine) -> None:
    seen, made = Seen(), source(redmine, project="empty")
    assert run(made, seen) is None
    assert (seen.rows, seen.rejected) == ({}, [])
    assert asyncio.run(made.check()).status is Status.LIMITED
    assert redmine.ask("GET", "/issues.json?project_id=empty&limit=100") == nothing_there("/issues.json")
    assert redmine.ask("GET", "/issue_statuses.json") == nothing_there("/issue_statuses.json")
    assert nothing_there("/users/current.json")["user"].items() <= (
        redmine.ask("GET", "/users/current.json")["user"].items()
    )


def test_a_project_that_is_not_there_is_a_sentence(redmine: Redmine) -> None:
    health = asyncio.run(source(redmine, project="nowhere").check())
    assert health.status is Status.UNREACHABLE
