"""What cannot be planned, and what ktlo says about it: golden cases, in tests/golden/rota_infeasible.txt."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ktlo.planning.rota.board import Problem
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.explain import explain
from ktlo.planning.rota.shifts import shifts_between
from ktlo.planning.rota.solve import Plan, Unsolved, solve

from .teams import START, after, away, rota

GOLDEN = Path(__file__).parents[2] / "golden" / "rota_infeasible.txt"
TWO = {"primary": {}, "secondary": {}}


def problem(team: object, weeks: int = 8, **said: object) -> Problem:
    shifts = shifts_between(team, START, after(7 * weeks))  # type: ignore[arg-type]
    return Problem(team, shifts, effort=0.3, **said)  # type: ignore[arg-type]


CASES: dict[str, Callable[[], Problem]] = {
    "a team of one": lambda: problem(rota(1)),
    "three people cannot keep a quarter each": lambda: problem(rota(3), 12),
    "everybody is away at once": lambda: problem(
        rota(4, most_share=1), absences=tuple(away(n, 16, 18) for n in ("ada", "bob", "cyd", "dan"))
    ),
    "the only one with the skill is away": lambda: problem(
        rota(5, {"ada": {"skills": ["db"]}}, skills=["db"], most_share=1, rest_hours=0, shift="daily"),
        2,
        absences=(away("ada", 9, 9),),
    ),
    "two roles and two people, one of them away": lambda: problem(
        rota(3, roles=TWO, most_share=1, rest_hours=0), 4, absences=(away("bob", 8, 9), away("cyd", 12, 13))
    ),
    "too few nights are allowed": lambda: problem(
        rota(4, shift="daily", most_share=1, most_nights=5, rest_hours=24), 4
    ),
    "a newcomer is needed before going along": lambda: problem(
        rota(2, {"bob": {"shadows": 1}}, shift="daily", most_share=1), 2, absences=(away("ada", 1, 1),)
    ),
    "the other rota has everybody": lambda: problem(
        rota(2, most_share=1, rest_hours=0),
        2,
        elsewhere=tuple(Duty("search", "primary", n, after(8), after(9)) for n in ("ada", "bob")),
    ),
    "the only other one joins later": lambda: problem(
        rota(2, {"bob": {"joined": "2027-02-01"}}, most_share=1), 3
    ),
}


def golden() -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", GOLDEN.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_a_conflict_is_explained_in_these_words(name: str) -> None:
    case = CASES[name]()
    assert isinstance(solve(case), Unsolved)
    assert explain(case).words == golden()[name]


def test_every_golden_case_is_tested() -> None:
    assert set(golden()) == set(CASES)


def test_each_single_way_out_is_one() -> None:
    case = CASES["everybody is away at once"]()
    for absence in case.absences:
        others = tuple(one for one in case.absences if one != absence)
        assert isinstance(solve(Problem(case.rota, case.shifts, absences=others, effort=0.3)), Plan)
    assert len(explain(case).ways_out) == len(case.absences)


def test_a_long_absence_is_dearer_than_a_short_one() -> None:
    team = rota(2, most_share=1, rest_hours=0)
    case = problem(team, 3, absences=(away("ada", 7, 13), away("bob", 8, 8)))
    told = explain(case)
    assert told.ways_out[0].startswith("Bob moves")
    assert told.ways_out[1].startswith("Ada moves")


def test_work_that_does_not_suffice_is_not_called_impossible() -> None:
    team = rota(12, shift="daily", roles=TWO)
    case = Problem(team, shifts_between(team, START, after(91)), effort=0.0001)
    found = solve(case)
    told = explain(case) if isinstance(found, Unsolved) else None
    assert told is None or not told.is_proven
