"""What people say changes the schedule from that moment on, in the order it was said, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest

from ktlo.errors import NotFoundError, UsageError
from ktlo.planning.rota import journal, swaps
from ktlo.planning.rota.board import Kind
from ktlo.planning.rota.check import troubles
from ktlo.planning.rota.duties import Because, Duty, Mood
from ktlo.planning.rota.rules import Rota
from ktlo.planning.rota.schedule import in_force
from ktlo.planning.rota.swaps import Step
from ktlo.store.state import State

from .teams import NAMES, START, after, away, rota

NOW = after(-3)


def weeks(*people: str) -> tuple[Duty, ...]:
    """A weekly duty each, from the start on."""
    return tuple(
        Duty("checkout", "primary", person, after(7 * week), after(7 * week + 7))
        for week, person in enumerate(people)
    )


@pytest.fixture
def team(state: State) -> Rota:
    """Four people with six published weeks."""
    duties = weeks("ada", "bob", "cyd", "dan", "ada", "bob")
    journal.publish(state, "checkout", (START, after(42)), ["primary"], duties, "ada")
    return rota(4, handover_time="00:00")


def names(state: State) -> list[str]:
    return [duty.person for duty in in_force(state, "checkout").duties]


def ask(state: State, team: Rota, week: int, taker: str, in_return: int | None = None) -> swaps.Swap:
    schedule = in_force(state, "checkout")
    given = schedule.find("primary", after(7 * week))
    back = schedule.find("primary", after(7 * in_return)) if in_return is not None else None
    assert given is not None
    return swaps.ask(
        state, team, given, team.member(taker), in_return=back, author=given.person, now=NOW
    )  # fmt: skip


def test_a_published_plan_is_in_force_and_a_later_one_replaces_its_time_only(
    state: State, team: Rota
) -> None:
    later = tuple(replace(duty, person="cyd") for duty in weeks(*"abcdef")[2:3])
    journal.publish(state, "checkout", (after(14), after(21)), ["primary"], later, "bob")
    assert names(state) == ["ada", "bob", "cyd", "dan", "ada", "bob"]
    assert in_force(state, "checkout").planned_until == after(42)
    assert [duty.person for duty in in_force(state, "checkout").at(after(15))] == ["cyd"]


def test_a_draft_changes_nothing_until_it_is_published(state: State, team: Rota) -> None:
    journal.keep_draft(state, "checkout", (START, after(7)), ["primary"], weeks("dan"), "ada")
    assert names(state)[0] == "ada"
    kept = journal.draft(state, "checkout")
    assert kept is not None
    assert kept.duties == weeks("dan")
    journal.drop_draft(state, "checkout", "ada")
    assert journal.draft(state, "checkout") is None


def test_a_swap_is_asked_accepted_and_approved_before_anything_changes(state: State, team: Rota) -> None:
    swap = ask(state, team, 0, "bob", in_return=1)
    assert names(state)[:2] == ["ada", "bob"]
    swaps.say(state, team, swap.number, Step.ACCEPTED, "Bob")
    assert names(state)[:2] == ["ada", "bob"]
    swaps.say(state, team, swap.number, Step.APPROVED, "cyd")
    assert names(state)[:2] == ["bob", "ada"]
    assert in_force(state, "checkout").duties[0].because is Because.SWAP
    assert [entry.author for entry in state.history(journal.SWAP)] == ["ada", "bob", "cyd"]


def test_a_swap_may_take_nothing_in_return(state: State, team: Rota) -> None:
    swap = ask(state, team, 0, "dan")
    swaps.say(state, team, swap.number, Step.ACCEPTED, "dan")
    swaps.say(state, team, swap.number, Step.APPROVED, "bob")
    assert names(state)[0] == "dan"


@pytest.mark.parametrize(
    ("step", "who", "what"),
    [
        (Step.ACCEPTED, "cyd", "only Bob can accept this"),
        (Step.APPROVED, "cyd", "it can be approved when it is accepted"),
        (Step.WITHDRAWN, "bob", "only Ada can withdraw this"),
        (Step.REFUSED, "stranger", "stranger has no say in this swap"),
        (Step.OVERTAKEN, "bob", "a swap cannot be overtaken"),
    ],
)
def test_nobody_says_what_is_not_theirs_to_say(
    state: State, team: Rota, step: Step, who: str, what: str
) -> None:
    swap = ask(state, team, 0, "bob")
    with pytest.raises(UsageError, match=what):
        swaps.say(state, team, swap.number, step, who)


def test_a_swap_is_approved_by_somebody_who_is_not_part_of_it_and_may(state: State, team: Rota) -> None:
    swap = ask(state, team, 0, "bob")
    swaps.say(state, team, swap.number, Step.ACCEPTED, "bob")
    with pytest.raises(UsageError, match="somebody who is not part of it"):
        swaps.say(state, team, swap.number, Step.APPROVED, "ada")
    strict = replace(team, approvers=("Grace",))
    with pytest.raises(UsageError, match="cyd may not approve swaps of checkout"):
        swaps.say(state, strict, swap.number, Step.APPROVED, "cyd")
    assert swaps.say(state, strict, swap.number, Step.APPROVED, "Grace").step is Step.APPROVED


def test_a_swap_with_oneself_of_a_past_shift_or_asked_twice_is_refused(state: State, team: Rota) -> None:
    with pytest.raises(UsageError, match="Ada already has that shift"):
        ask(state, team, 0, "ada")
    ask(state, team, 0, "bob")
    with pytest.raises(UsageError, match="Bob was already asked"):
        ask(state, team, 0, "bob")
    with pytest.raises(UsageError, match="that shift is over"):
        swaps.ask(state, team, weeks("ada")[0], team.member("cyd"), author="ada", now=after(8))
    with pytest.raises(UsageError, match="not Bob's"):
        ask(state, team, 0, "bob", in_return=2)
    with pytest.raises(NotFoundError, match="there is no swap"):
        swaps.say(state, team, "nonsense", Step.ACCEPTED, "bob")


def test_of_two_swaps_of_one_shift_the_first_approved_holds_and_the_other_is_told_as_overtaken(
    state: State, team: Rota
) -> None:
    first, second = ask(state, team, 0, "bob"), ask(state, team, 0, "cyd")
    for swap, taker in ((first, "bob"), (second, "cyd")):
        swaps.say(state, team, swap.number, Step.ACCEPTED, taker)
    swaps.say(state, team, second.number, Step.APPROVED, "dan")
    swaps.say(state, team, first.number, Step.APPROVED, "dan")
    assert names(state)[0] == "cyd"
    steps = {swap.number: swap.step for swap in in_force(state, "checkout").swaps}
    assert steps == {first.number: Step.OVERTAKEN, second.number: Step.APPROVED}


def test_two_people_who_ask_the_same_at_once_get_one_swap(state: State, team: Rota) -> None:
    outcomes: list[str] = []

    def try_it() -> None:
        try:
            outcomes.append(ask(state, team, 0, "bob").step)
        except UsageError as error:
            outcomes.append(error.what)

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("asked") == 1
    assert len(swaps.swaps(state, "checkout")) == 1


def test_somebody_stands_in_for_an_evening_and_the_rest_stays(state: State, team: Rota) -> None:
    span = (after(2), after(2) + dt.timedelta(hours=6))
    journal.override(state, "checkout", "primary", team.member("dan"), span, reason="dentist", author="ada")
    duties = in_force(state, "checkout").between(START, after(7))
    assert [(duty.person, duty.start, duty.end) for duty in duties] == [
        ("ada", START, span[0]),
        ("dan", *span),
        ("ada", span[1], after(7)),
    ]
    number = journal.overrides(state, "checkout")[0].number
    assert journal.take_back(state, number, "ada") == "override"
    assert len(in_force(state, "checkout").between(START, after(7))) == 1


def test_time_off_is_in_days_where_the_person_lives(state: State) -> None:
    ada = rota(["ada"], {"ada": {"time_zone": "Asia/Tokyo"}}).members[0]
    absence = journal.take_time_off(state, ada, "2027-02-01", "2027-02-05", author="ada", now=NOW)
    assert absence.start == dt.datetime(2027, 1, 31, 15, tzinfo=dt.UTC)
    assert absence.words == "1 to 5 Feb 2027"
    assert journal.absences(state) == [absence]


@pytest.mark.parametrize(
    ("first", "last", "what"),
    [
        ("2026-06-01", "2026-06-05", "1 to 5 Jun 2026 is over"),
        ("2027-02-05", "2027-02-01", "2027-02-01 is before 2027-02-05"),
        ("tomorrow", "", "'tomorrow' is not a date"),
        ("2027-02-30", "", "'2027-02-30' is not a date"),
        ("2027-01-01", "2031-01-01", "longer than three years"),
        ("9999-12-31", "", "is not a"),
    ],
)
def test_time_off_that_cannot_be_is_told(state: State, first: str, last: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        journal.take_time_off(state, rota(1).members[0], first, last, author="ada", now=NOW)


def test_time_off_within_time_off_is_told_and_overlapping_counts_once(state: State) -> None:
    ada = rota(1).members[0]
    journal.take_time_off(state, ada, "2027-02-01", "2027-02-10", author="ada", now=NOW)
    with pytest.raises(UsageError, match="Ada is already away 1 to 10 Feb 2027"):
        journal.take_time_off(state, ada, "2027-02-03", "2027-02-04", author="ada", now=NOW)
    journal.take_time_off(state, ada, "2027-02-08", "2027-02-20", author="ada", now=NOW)
    assert len(journal.absences(state)) == 2
    number = journal.absences(state)[0].number
    assert journal.take_back(state, number, "ada") == "time off"
    assert [one.words for one in journal.absences(state)] == ["8 to 20 Feb 2027"]
    with pytest.raises(NotFoundError):
        journal.take_back(state, number, "ada")


def test_wishes_are_kept_and_taken_back(state: State) -> None:
    ada = rota(1).members[0]
    said = journal.wish(
        state, ada, Mood.RATHER_NOT, "2027-02-01", "", reason="concert", author="ada", now=NOW
    )
    assert journal.wishes(state) == [said]
    assert journal.take_back(state, said.number, "ada") == "wish"
    assert journal.wishes(state) == []


def test_gaps_and_conflicts_are_found_ahead(state: State, team: Rota) -> None:
    schedule = in_force(state, "checkout")
    absence = away("cyd", 15, 16)
    duties = [duty for duty in schedule.duties if duty.start != after(21)]
    duties += [Duty("checkout", "primary", "zoe", after(42), after(49))]
    found = troubles(team, duties, [absence], (START, after(90)), planned_until=after(49))
    said = [(one.kind, one.words) for one in found]
    assert said == [
        (Kind.TIME_OFF, "Cyd is primary 18 to 24 Jan 2027 but away 19 Jan to 20 Jan"),
        (Kind.COVER, "Nobody is primary 25 to 31 Jan 2027"),
        (Kind.JOINED, "zoe is primary 15 to 21 Feb 2027 but not in the rota"),
        (Kind.COVER, "Nobody is planned from Mon 22 Feb 2027 00:00 on"),
    ]
    assert "ktlo rota plan checkout --from 2027-01-25" in found[1].fix


def test_too_little_rest_too_much_share_and_missing_skills_are_found() -> None:
    team = rota(4, {"ada": {"skills": ["db"]}}, handover_time="00:00", skills=["db"], roles={"primary": {}})
    duties = weeks("ada", "ada", "bob", "ada", "ada")
    found = troubles(team, duties, (), (START, after(35)), planned_until=after(35))
    assert [one.kind for one in found if one.kind is Kind.SHARE] == [Kind.SHARE]
    assert "on call 33% of the 12 weeks" in next(one.words for one in found if one.kind is Kind.SHARE)
    assert [one.words for one in found if one.kind is Kind.SKILL] == [
        "Nobody on duty has db 18 to 24 Jan 2027"
    ]
    assert len([one for one in found if one.kind is Kind.REST]) == 2


def test_nothing_planned_yet_is_one_gap_and_not_one_a_shift() -> None:
    team = rota(list(NAMES[:4]), shift="daily")
    found = troubles(team, (), (), (START, after(90)))
    assert [one.words for one in found] == ["Nobody is planned from Mon 4 Jan 2027 00:00 on"]
