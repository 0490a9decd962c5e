"""What people say about debt: entries by hand, decisions, sightings; and what is refused, with what to do."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from debt_world import NOW, QUESTION, SETTINGS, SHOP
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.errors import NotFoundError, UserError
from ktlo.planning.debt import Kind, Register, Standing, Status, register
from ktlo.planning.debt.journal import Journal
from ktlo.planning.debt.paid import How, paid_entries
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.said import Said, checked
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

TODAY = NOW.date()
SAID = Said(
    "Split <b>the</b> parser", 40, 30, 60, 4, 1, 9, repository=SHOP, path="till.py", note="everybody swears"
)


@pytest.fixture(scope="module")
def found(debt_store: EmbeddedStore) -> Register:
    return register(debt_store, None, QUESTION, SETTINGS)


def test_an_entry_by_hand_is_in_the_register_as_it_was_said(debt_store: EmbeddedStore, state: State) -> None:
    key = Journal(state).add(checked(SAID, debt_store), "Ada")
    entry = register(debt_store, state, QUESTION, SETTINGS).entry(key)
    assert (entry.kind, entry.title, entry.repository) == (Kind.HAND, "Split <b>the</b> parser", SHOP)
    for told, low, value, high in ((entry.principal, 30, 40, 60), (entry.interest, 1, 4, 9)):
        assert told.draws is not None
        assert np.quantile(told.draws, (0.025, 0.5, 0.975)) == pytest.approx([low, value, high], rel=0.3)
        assert told.basis.startswith("Said by Ada on ")
    assert entry.relief.min() == 1


def test_a_changed_entry_keeps_its_key_and_the_journal_what_was_said(
    debt_store: EmbeddedStore, state: State
) -> None:
    journal = Journal(state)
    key = journal.add(SAID, "Ada")
    assert journal.add(replace(SAID, principal=50), "Bob", key) == key
    assert (
        register(debt_store, state, QUESTION, SETTINGS).entry(key).principal.basis.startswith("Said by Bob")
    )
    assert [(line.author, "40 h" in line.what) for line in journal.lines(key)] == [
        ("Ada", True),
        ("Bob", False),
    ]
    journal.withdraw(key, "Bob")
    with pytest.raises(NotFoundError):
        journal.withdraw(key, "Bob")
    assert journal.lines(key)[-1].what == "taken back"
    with pytest.raises(NotFoundError):
        journal.add(SAID, "Ada", "hand-none")


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"title": " "}, "title", "no title"),
        ({"title": "x" * 501}, "title", "longer than 500"),
        ({"principal": -1, "principal_low": -1}, "principal", "never negative"),
        ({"principal": 0, "principal_low": 0}, "principal", "paid already"),
        ({"principal": 1e6, "principal_high": 2e6}, "principal", "ten person-years"),
        ({"principal": float("nan")}, "principal", "no number"),
        ({"principal": 70}, "principal", "outside its own interval 30 to 60"),
        ({"interest_low": 5}, "interest", "outside its own interval 5 to 9"),
        ({"interest": -4, "interest_low": -9}, "interest", "never negative"),
        ({"path": "nowhere.py"}, "path", "no file or folder 'nowhere.py'"),
        ({"repository": "acme/none"}, "repository", "no file of a repository 'acme/none'"),
        ({"repository": ""}, "repository", "in which repository is till.py"),
        ({"after": ("hand-none",)}, "after", "no entry hand-none"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    debt_store: EmbeddedStore, change: dict[str, object], where: str, words: str
) -> None:
    with pytest.raises(UserError) as refused:
        checked(replace(SAID, **change), debt_store)
    assert words in refused.value.what
    assert refused.value.where == where
    assert refused.value.fix


def test_a_folder_of_the_repository_exists_too(debt_store: EmbeddedStore) -> None:
    assert checked(replace(SAID, path="/src/"), debt_store).path == "src"


def test_somebody_must_say_it(state: State) -> None:
    with pytest.raises(UserError, match="who says so"):
        Journal(state).add(SAID, "  ")


def test_paid_accepted_and_opened_again(debt_store: EmbeddedStore, state: State, found: Register) -> None:
    journal, (hotspot,) = Journal(state), [e for e in found.entries if e.title == "till.py"]
    journal.decide(hotspot, Standing(Status.ACCEPTED, "rewritten in May", TODAY, author="Ada"), TODAY)
    now = register(debt_store, state, QUESTION, SETTINGS)
    assert now.entry(hotspot.key).standing.status is Status.ACCEPTED
    assert hotspot.key not in {e.key for e in now.owed}
    later = replace(QUESTION, end=NOW + dt.timedelta(days=2), now=NOW + dt.timedelta(days=2))
    expired = register(debt_store, state, later, SETTINGS).entry(hotspot.key).standing
    assert expired.status is Status.OPEN
    assert expired.reason == f"accepted until {TODAY}: rewritten in May"
    journal.decide(now.entry(hotspot.key), Standing(Status.PAID, author="Ada"), TODAY)
    paid = register(debt_store, state, QUESTION, SETTINGS).entry(hotspot.key)
    with pytest.raises(UserError, match="paid already"):
        journal.decide(paid, Standing(Status.PAID, author="Bob"), TODAY)
    journal.decide(paid, Standing(author="Bob"), TODAY)
    assert register(debt_store, state, QUESTION, SETTINGS).entry(hotspot.key).standing.status is Status.OPEN


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(Status.ACCEPTED, "", TODAY, author="Ada"), "needs a reason"),
        (Standing(Status.ACCEPTED, "why", None, author="Ada"), "needs its last day"),
        (Standing(Status.ACCEPTED, "why", TODAY - dt.timedelta(days=1), author="Ada"), "would have ended"),
        (Standing(Status.ACCEPTED, "w" * 501, TODAY, author="Ada"), "longer than 500"),
        (Standing(Status.PAID, author=""), "who says so"),
    ],
)
def test_a_decision_without_what_it_needs_is_refused(
    state: State, found: Register, standing: Standing, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        Journal(state).decide(found.entries[0], standing, TODAY)


def test_sightings_are_written_once_and_tell_when_an_entry_went(state: State, found: Register) -> None:
    journal, day = Journal(state), dt.timedelta(days=1)
    assert journal.see(found.entries, [SHOP], NOW) == len(found.entries)
    assert journal.see(found.entries, [SHOP], NOW + day) == 0
    left = [e for e in found.entries if e.kind is not Kind.MARKER]
    assert journal.see(left, [SHOP], NOW + 2 * day) == len(found.entries) - len(left)
    (gone,) = [s for s in journal.sightings().values() if s.last is not None]
    assert (gone.kind, gone.first, gone.last) == (Kind.MARKER, NOW, NOW + 2 * day)
    assert journal.see(found.entries, [SHOP], NOW + 3 * day) == 1
    back = journal.sightings()[gone.key]
    assert (back.first, back.last) == (NOW, None)


def test_what_went_with_its_repository_was_not_paid(state: State, found: Register) -> None:
    journal = Journal(state)
    journal.see(found.entries, [SHOP], NOW)
    assert journal.see([], [], NOW + dt.timedelta(days=1)) == 0


def test_repayments_that_were_said_and_that_are_gone_are_told_apart(
    debt_store: EmbeddedStore, state: State, found: Register
) -> None:
    journal = Journal(state)
    journal.see(found.entries, [SHOP], NOW)
    journal.see([e for e in found.entries if e.kind is not Kind.MARKER], [SHOP], NOW)
    (flaky,) = [e for e in found.entries if e.kind is Kind.FLAKY]
    journal.decide(flaky, Standing(Status.PAID, author="Ada"), TODAY)
    paid = {one.kind: one for one in paid_entries(debt_store, journal, found)}
    assert paid[Kind.MARKER].how is How.GONE
    assert (paid[Kind.FLAKY].how, paid[Kind.FLAKY].by) == (How.SAID, "Ada")
    assert "too early" in paid[Kind.FLAKY].sentence


hours = st.floats(0.1, 5000, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(st.tuples(hours, hours, hours), st.tuples(hours, hours, hours))
def test_any_sensible_interval_comes_back_in_order(
    principal: tuple[float, float, float], interest: tuple[float, float, float]
) -> None:
    low, value, high = sorted(principal)
    less, some, more = sorted(interest)
    said = Said("x", value, low, high, some, less, more)
    period = Period(NOW - dt.timedelta(days=364), NOW, 8.0, 500, 1)

    class Remembering:
        """A state that holds one entry."""

        def corrections(self, _: str) -> list[object]:
            import json

            from ktlo.planning.debt.journal import _plain
            from ktlo.store.state import Correction

            return [Correction("debt", "entry|hand-1", json.dumps(_plain(said)), "Ada", NOW)]

    (entry,) = Journal(Remembering()).entries(period)  # type: ignore[arg-type]
    for told in (entry.principal, entry.interest):
        assert told.draws is not None
        assert (told.draws >= 0).all()
        assert (told.estimate.low or 0) <= (told.estimate.value or 0) <= (told.estimate.high or 0)
