"""Phases of incidents and bugs, worked out by hand and by the code; what a status means is changed for the past."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.effort.conftest import GOLDEN

from ktlo.effort.episodes import Item, Step, derive_phases, episodes_of
from ktlo.effort.statuses import Meaning, Rule, StatusReader, say_status, seen_statuses
from ktlo.errors import NotFoundError, UserError
from ktlo.records.effort import ItemKind
from ktlo.records.phases import Episode
from ktlo.settings import Settings

DETECTED = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


@dataclass
class Case:
    """One case of the golden table."""

    title: str
    steps: list[Step] = field(default_factory=list)
    team: dict[str, str] = field(default_factory=dict)
    has: dict[str, int] = field(default_factory=dict)
    is_cancelled: bool = False
    expected: list[str] = field(default_factory=list)


def cases() -> list[Case]:
    found: list[Case] = []
    for line in (GOLDEN / "phases.txt").read_text().splitlines():
        first, _, rest = line.strip().partition(" ")
        if first == "case":
            found.append(Case(rest))
        elif first == "has":
            words = rest.split()
            found[-1].is_cancelled = words[-1] == "cancelled"
            pairs = words[: len(words) // 2 * 2]
            found[-1].has = {name: int(minute) for name, minute in zip(pairs[::2], pairs[1::2], strict=True)}
        elif first == "team":
            status, meaning = rest.split()
            found[-1].team[status] = meaning
        elif first == "=":
            found[-1].expected.append(rest)
        elif first.lstrip("-").isdigit():
            kind, status = rest.split(" ", 1)
            found[-1].steps.append(Step(DETECTED + dt.timedelta(minutes=int(first)), kind, status))
    return found


def minute(moment: dt.datetime | None) -> str:
    return "-" if moment is None else str(int((moment - DETECTED).total_seconds() // 60))


def shown(each: Episode) -> str:
    moments = (each.detected_at, each.acknowledged_at, each.mitigated_at, each.resolved_at)
    return " ".join([*map(minute, moments), each.state])


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.title)
def test_phases_worked_out_by_hand_are_the_phases_derived(case: Case) -> None:
    moments = {name: DETECTED + dt.timedelta(minutes=at) for name, at in case.has.items()}
    item = Item(
        kind=ItemKind.INCIDENT,
        source="pager",
        item_id="1",
        is_open="resolved" not in case.has,
        is_cancelled=case.is_cancelled,
        detected_at=DETECTED,
        acknowledged_at=moments.get("acknowledged"),
        mitigated_at=moments.get("mitigated"),
        resolved_at=moments.get("resolved"),
        basis="",
    )
    episodes = episodes_of(item, case.steps, StatusReader({"pager": case.team}, {}))
    assert [shown(each) for each in episodes] == case.expected
    assert [each.is_last for each in episodes] == [False] * (len(episodes) - 1) + [True]
    assert all(each.is_adjusted == bool(case.team) for each in episodes)
    for each in episodes:
        assert (each.resolved_at is None) or bool(each.resolved_by)
        assert (each.acknowledged_at is None) == (each.acknowledged_by == "")


def test_a_person_goes_before_the_settings_and_these_before_the_source_and_known_words() -> None:
    words = {"jira": {"Done": "mitigated", "Weg": "closed"}, "jira:acme": {"Weg": "cancelled"}}
    reader = StatusReader(words, {("jira:acme", "done"): "active"})
    assert reader.read("jira:acme", "resolved", "Done") == reader.read("jira:acme", "status", "DONE")
    assert reader.read("jira:acme", "resolved", "Done").rule is Rule.PERSON
    assert reader.read("jira:acme", "status", "weg").meaning is Meaning.CANCELLED
    assert reader.read("jira:other", "status", "weg").meaning is Meaning.CLOSED
    assert reader.read("gitlab:x", "resolved", "Done").rule is Rule.SOURCE
    assert reader.read("gitlab:x", "status", "On Hold").rule is Rule.WORDS
    assert reader.read("gitlab:x", "status", "Zeta").meaning is None


@pytest.fixture
def monitored(records: Any) -> Any:
    """Two incidents of a pager with a status of the team's own, and a bug with one."""
    for number in ("1", "2"):
        records.incident(
            number,
            source="pager:a",
            detected_at=DETECTED,
            state="resolved",
            resolved_at=at(90),
            service="shop",
        )
        for event, (when, kind, status) in enumerate(
            [(2, "acknowledged", "In Progress"), (30, "status", "Verification"), (90, "resolved", "Done")]
        ):
            records.incident_event(
                number, kind, "ada", event_id=str(event), source="pager:a", occurred_at=at(when), after=status
            )
    records.issue(7, issue_type="Bug", title="total is wrong", created_at=DETECTED, state="open")
    records.issue_event(7, "status", "ada", "1", occurred_at=at(10), after="Verification")
    records.derive()
    return records


def at(minutes: int) -> dt.datetime:
    return DETECTED + dt.timedelta(minutes=minutes)


def ends(records: Any) -> list[dt.datetime | None]:
    sql = "SELECT resolved_at FROM ktlo.phases WHERE item_kind = 'incident' ORDER BY item_id"
    return [row["resolved_at"] for row in records.rows(sql)]


def test_what_a_status_means_is_changed_for_the_past_without_reading_anything(monitored: Any) -> None:
    store, state, settings = monitored.store, monitored.state, Settings()
    assert ends(monitored) == [at(90), at(90)]
    say_status(store, settings, state, "pager:a", "verification", "resolved", "ada")
    derive_phases(store, state, settings)
    assert ends(monitored) == [at(30), at(30)]
    why = monitored.rows("SELECT DISTINCT resolved_by FROM ktlo.phases WHERE item_kind = 'incident'")
    assert [row["resolved_by"] for row in why] == ["“Verification”, a person"]
    say_status(store, settings, state, "pager:a", "Verification", "", "ada")
    derive_phases(store, state, settings)
    assert ends(monitored) == [at(90), at(90)]


def test_every_status_is_listed_with_its_meaning_its_rule_and_how_often_it_occurs(monitored: Any) -> None:
    found = seen_statuses(monitored.store, Settings(), monitored.state, "pager:a")
    said = {(one.status, one.items, one.steps, one.meaning, one.rule) for one in found}
    assert said == {
        ("In Progress", 2, 2, Meaning.ACTIVE, Rule.SOURCE),
        ("Verification", 2, 2, None, Rule.NONE),
        ("Done", 2, 2, Meaning.RESOLVED, Rule.SOURCE),
    }


def test_a_bug_has_phases_too(monitored: Any) -> None:
    rows = monitored.rows("SELECT state, acknowledged_at FROM ktlo.phases WHERE item_kind = 'issue'")
    assert rows == [{"state": "open", "acknowledged_at": None}]
    settings = Settings(statuses={"github": {"Verification": "resolved"}})
    derive_phases(monitored.store, monitored.state, settings)
    (row,) = monitored.rows("SELECT state, resolved_at FROM ktlo.phases WHERE item_kind = 'issue'")
    assert row == {"state": "resolved", "resolved_at": at(10)}


def test_a_status_that_never_occurred_and_a_meaning_that_is_none_are_refused(monitored: Any) -> None:
    with pytest.raises(NotFoundError, match="never told"):
        say_status(monitored.store, Settings(), monitored.state, "pager:a", "Limbo", "resolved", "ada")
    with pytest.raises(UserError, match="no meaning"):
        say_status(monitored.store, Settings(), monitored.state, "pager:a", "Done", "gone", "ada")
