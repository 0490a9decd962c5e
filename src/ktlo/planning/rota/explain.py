"""Why no schedule exists: a smallest set of rules and wishes that cannot hold together, and what giving way costs.

The conflict is found by deletion (an irreducible infeasible set, Chinneck, "Feasibility and Infeasibility in
Optimization", 2008): leave a rule out, and where there is still no schedule it had no part in it. The cheapest
way out is a schedule in which every rule may be broken at a price, with the sum of prices kept low.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ktlo.planning.rota import cp_sat
from ktlo.planning.rota.board import Board, Kind, Price, Problem, Rule
from ktlo.planning.rota.rules import Length
from ktlo.planning.rota.saying import days_words, moment_words
from ktlo.planning.rota.shifts import Shift
from ktlo.wording import counted, named

_EFFORT_OF_A_QUESTION = 0.5
_EFFORT_OF_A_WAY_OUT = 4.0
_MOST_QUESTIONS = 150
_LISTED = 4


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why nothing can be planned.

    Attributes:
        summary: one sentence.
        reasons: what cannot hold together, one sentence each; leave any of them out and this conflict is gone.
        ways_out: changes that each make a schedule possible by themselves, cheapest first.
        cheapest: what to give up together at the least price; empty when a single way out is as cheap.
        is_proven: the conflict was proven; False when the search gave up first.
    """

    summary: str
    reasons: tuple[str, ...]
    ways_out: tuple[str, ...]
    cheapest: tuple[str, ...]
    is_proven: bool = True

    @property
    def words(self) -> str:
        """All of it as plain text."""
        lines = [self.summary, *(f"  - {reason}" for reason in self.reasons)]
        if self.ways_out:
            lines += ["Any one of these is enough:", *(f"  - {way}" for way in self.ways_out)]
        if self.cheapest:
            lines += ["The cheapest way out:", *(f"  - {way}" for way in self.cheapest)]
        return "\n".join(lines)


def explain(problem: Problem) -> Explanation:
    """Explain why a problem has no solution; must be asked only about problems that have none."""
    return _Inquiry(problem).explain()


class _Inquiry:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._rota = problem.rota
        self._names = {person.key: person.name for person in self._rota.members}
        self._absences = {absence.number: absence for absence in problem.absences}
        self._asked = 0

    def explain(self) -> Explanation:
        """Find the conflict and the ways out, and put them into words."""
        places = frozenset(range(len(self._problem.shifts)))
        rules = self._rules()
        if not self._impossible(frozenset(), places):
            return Explanation(
                "No schedule was found with the work allowed, and none was ruled out: allow more (--effort).",
                (),
                (),
                self._cheapest(),
                is_proven=False,
            )
        places = self._fewest_shifts(places)
        kept = self._fewest_rules(rules, places)
        singles = [rule for rule in kept if rule.kind is not Kind.JOINED and self._is_enough(rule)]
        prices = self._priced()
        cost = {rule: self._cost(rule, prices) for rule in singles}
        singles.sort(key=lambda rule: (cost[rule], rule))
        ways = [self._way(rule, prices) for rule in singles]
        used = sorted({price.rule for price, _ in prices})
        cheapest = () if len(used) == 1 and used[0] in singles else self._said(prices)
        return Explanation(self._summary(places), tuple(self._reasons(kept)), tuple(ways), cheapest)

    def _rules(self) -> list[Rule]:
        """Every rule that could have a part in it, those that people can least do about first."""
        rota, problem = self._rota, self._problem
        rules = [Rule(Kind.REST), Rule(Kind.SHARE)]
        rules += [Rule(Kind.NIGHTS)] if rota.most_nights is not None else []
        skills = rota.skills | {skill for role in rota.roles for skill in role.skills}
        rules += [Rule(Kind.SKILL, skill) for skill in sorted(skills)]
        rules += [Rule(Kind.SHADOW, person.key) for person in rota.members if person.shadows]
        rules += [Rule(Kind.JOINED, person.key) for person in rota.members if person.joined]
        rules += [Rule(Kind.ELSEWHERE, key) for key in sorted({duty.person for duty in problem.elsewhere})]
        span = (problem.shifts[0].first, problem.shifts[-1].last)
        # The shortest absences are tried last, so that they are what a conflict is told with.
        relevant = [a for a in problem.absences if a.start < span[1] and a.end > span[0]]
        relevant.sort(key=lambda a: (-(a.end - a.start), a.start, a.number))
        return [*rules, *(Rule(Kind.TIME_OFF, absence.number) for absence in relevant)]

    def _impossible(self, dropped: frozenset[Rule], places: frozenset[int]) -> bool:
        """True when it is proven that no schedule keeps the other rules."""
        self._asked += 1
        solver = cp_sat.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self._problem.seed
        solver.parameters.max_deterministic_time = _EFFORT_OF_A_QUESTION
        board = Board(self._problem, dropped=dropped, only=places)
        return solver.solve(board.model) == cp_sat.INFEASIBLE

    def _fewest_shifts(self, places: frozenset[int]) -> frozenset[int]:
        """A small set of shifts that cannot be filled together."""
        for place in sorted(places):
            if self._impossible(frozenset(), frozenset((place,))):
                return frozenset((place,))
        ordered = sorted(places)
        size = max(len(ordered) // 2, 1)
        while self._asked < _MOST_QUESTIONS:
            start = 0
            while start < len(ordered) and self._asked < _MOST_QUESTIONS:
                fewer = ordered[:start] + ordered[start + size :]
                if fewer and self._impossible(frozenset(), frozenset(fewer)):
                    ordered = fewer
                else:
                    start += size
            if size <= max(len(places) // 16, 1):
                break
            size //= 2
        return frozenset(ordered)

    def _fewest_rules(self, rules: Sequence[Rule], places: frozenset[int]) -> list[Rule]:
        dropped: frozenset[Rule] = frozenset()
        kept = []
        for rule in rules:
            without = dropped | {rule}
            if self._impossible(without, places):
                dropped = without
            else:
                kept.append(rule)
        return kept

    def _is_enough(self, rule: Rule) -> bool:
        """Whether a schedule exists once one rule is dropped."""
        solver = cp_sat.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self._problem.seed
        solver.parameters.max_deterministic_time = _EFFORT_OF_A_QUESTION
        status = solver.solve(Board(self._problem, dropped=frozenset((rule,))).model)
        return status in (cp_sat.OPTIMAL, cp_sat.FEASIBLE)

    def _priced(self) -> list[tuple[Price, int]]:
        """What is given up, and how much of it, at the least price."""
        board = Board(self._problem, priced=True)
        board.model.minimize(cp_sat.LinearExpr.sum([price.cost * price.amount for price in board.prices]))
        solver = cp_sat.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self._problem.seed
        solver.parameters.max_deterministic_time = _EFFORT_OF_A_WAY_OUT
        if solver.solve(board.model) not in (cp_sat.OPTIMAL, cp_sat.FEASIBLE):
            return []
        return [
            (price, amount)
            for price in board.prices
            if (amount := int(solver.value(price.amount))) and (price.cost or price.rule.kind in _AMOUNTS)
        ]

    def _cheapest(self) -> tuple[str, ...]:
        return self._said(self._priced())

    def _cost(self, rule: Rule, prices: Iterable[tuple[Price, int]]) -> int:
        """A rule that the cheapest way out breaks comes first, then wishes by their length, then rules."""
        if any(price.rule == rule for price, _ in prices):
            return 0
        if rule.kind is Kind.TIME_OFF:
            absence = self._absences[rule.subject]
            return 1 + (absence.end - absence.start) // dt.timedelta(days=1)
        return 1000

    def _people_needed(self) -> int:
        """How many people the share on call asks for, by counting alone."""
        rota, shifts = self._rota, self._problem.shifts
        minutes = sum(shift.clock_minutes for shift in shifts) * len(rota.roles)
        span = sum((shift.end - shift.start).total_seconds() / 60 for shift in shifts)
        return math.ceil(round(minutes / span / rota.most_share, 6))

    # Words from here on.

    def _summary(self, places: frozenset[int]) -> str:
        shifts = [self._problem.shifts[place] for place in sorted(places)]
        first = shifts[0].first.astimezone(self._rota.zone)
        last = shifts[-1].last.astimezone(self._rota.zone)
        if len(shifts) == 1:
            return (
                f"The shift of {self._rota.name} from {moment_words(first)} to {moment_words(last)}"
                " cannot be filled:"
            )
        return (
            f"{counted(len(shifts), 'shifts')} of {self._rota.name} between {moment_words(first)} and"
            f" {moment_words(last)}"
            " cannot all be filled:"
        )

    def _reasons(self, rules: Sequence[Rule]) -> list[str]:
        rota = self._rota
        roles = ", ".join(role.name for role in rota.roles)
        people = (
            "1 person takes turns"
            if len(rota.members) == 1
            else counted(len(rota.members), "people take turns")
        )
        count = "one role is" if len(rota.roles) == 1 else f"{counted(len(rota.roles), 'roles')} are"
        told = [f"{people}, and {count} to fill at each moment ({roles})"]
        needed = self._people_needed()
        if needed > len(rota.members):
            told.append(f"at {rota.most_share:.0%} on call each, at least {needed} people are needed")
        return [*told, *(self._reason(rule) for rule in rules)]

    def _reason(self, rule: Rule) -> str:
        rota, name = self._rota, self._names.get(rule.subject, rule.subject)
        match rule.kind:
            case Kind.TIME_OFF:
                absence = self._absences[rule.subject]
                return f"{self._names[absence.person]} is away {absence.words}"
            case Kind.REST:
                return f"{_hours(rota.rest)} of rest between two shifts of one person (rest_hours)"
            case Kind.SHARE:
                weeks = counted(rota.share_weeks, "weeks")
                return f"nobody is on call more than {rota.most_share:.0%} of {weeks} (most_share)"
            case Kind.NIGHTS:
                nights = f"{rota.most_nights:g} {named(rota.most_nights or 0, 'nights')}"
                return f"nobody has more than {nights} in 4 weeks (most_nights)"
            case Kind.SKILL:
                able = [person.name for person in rota.members if rule.subject in person.skills]
                return f"{rule.subject} is asked for, which {_listed(able)} {'has' if len(able) == 1 else 'have'}"
            case Kind.SHADOW:
                person = next(p for p in rota.members if p.key == rule.subject)
                return f"{name} first goes along with {counted(person.shadows, 'shifts')}"
            case Kind.JOINED:
                person = next(p for p in rota.members if p.key == rule.subject)
                joined = person.joined or dt.date.min
                return f"{name} joins on {days_words(joined, joined)}"
            case _:
                return f"{name} is on duty in another rota"

    def _way(self, rule: Rule, prices: Iterable[tuple[Price, int]]) -> str:
        used = [(price, amount) for price, amount in prices if price.rule == rule]
        if used:
            return self._given_up(rule, used)
        rota, name = self._rota, self._names.get(rule.subject, rule.subject)
        match rule.kind:
            case Kind.TIME_OFF:
                return self._given_up(rule, [])
            case Kind.REST:
                return f"less rest than {_hours(rota.rest)} between some shifts"
            case Kind.SHARE:
                return f"more than {rota.most_share:.0%} on call for some"
            case Kind.NIGHTS:
                return f"more than {rota.most_nights:g} {named(rota.most_nights or 0, 'nights')} in 4 weeks for some"
            case Kind.SKILL:
                return f"shifts without {rule.subject}, or somebody else who learns it"
            case Kind.SHADOW:
                return f"{name} starts without going along first"
            case _:
                return f"{name} is freed in the other rota"

    def _said(self, prices: Sequence[tuple[Price, int]]) -> tuple[str, ...]:
        grouped: dict[Rule, list[tuple[Price, int]]] = defaultdict(list)
        for price, amount in prices:
            grouped[price.rule].append((price, amount))
        return tuple(self._given_up(rule, used) for rule, used in sorted(grouped.items()))

    def _given_up(self, rule: Rule, used: Sequence[tuple[Price, int]]) -> str:
        rota, name = self._rota, self._names.get(rule.subject, rule.subject)
        match rule.kind:
            case Kind.TIME_OFF:
                absence = self._absences[rule.subject]
                return f"{self._names[absence.person]} moves the time off of {absence.words}"
            case Kind.COVER:
                return f"nobody is {rule.subject} {self._when(used)}"
            case Kind.REST:
                who = _listed(sorted({self._names[price.person] for price, _ in used}))
                return f"less rest than {_hours(rota.rest)} for {who}, {counted(len(used), 'times')}"
            case Kind.SHARE:
                window = dt.timedelta(weeks=rota.share_weeks) / dt.timedelta(minutes=1)
                return _more(
                    used, self._names, lambda over: f"{rota.most_share + over / window:.0%}", "on call",
                    f"instead of {rota.most_share:.0%}",
                )  # fmt: skip
            case Kind.NIGHTS:
                most = rota.most_nights or 0
                return _more(
                    used, self._names, lambda over: f"{most + over / 480:.0f}", "nights in 4 weeks",
                    f"instead of {most:g}",
                )  # fmt: skip
            case Kind.SKILL:
                return f"nobody with {rule.subject} {self._when(used)}"
            case Kind.SHADOW:
                return f"{name} starts without going along first"
            case _:
                return f"{name} is freed in the other rota {self._when(used)}"

    def _when(self, used: Sequence[tuple[Price, int]]) -> str:
        shifts = [self._problem.shifts[price.shift] for price, _ in used if price.shift >= 0]
        told = [self._span(shift) for shift in sorted(set(shifts), key=lambda shift: shift.start)]
        more = f" and {counted(len(told) - _LISTED, 'more shifts')}" if len(told) > _LISTED else ""
        return "; ".join(told[:_LISTED]) + more

    def _span(self, shift: Shift) -> str:
        first, last = (moment.astimezone(self._rota.zone) for moment in (shift.first, shift.last))
        if self._rota.length is Length.WEEKLY:
            return days_words(first.date(), last.date())
        return f"{moment_words(first)} to {last:%H:%M}"


_AMOUNTS = (Kind.SHARE, Kind.NIGHTS)


def _more(
    used: Sequence[tuple[Price, int]],
    names: dict[str, str],
    said: Callable[[int], str],
    what: str,
    instead: str,
) -> str:
    most: dict[str, int] = defaultdict(int)
    for price, amount in used:
        if not price.cost:
            most[price.person] = max(most[price.person], amount)
    by_amount: dict[str, list[str]] = defaultdict(list)
    for person, amount in most.items():
        by_amount[said(amount)].append(names[person])
    told = [f"{_listed(sorted(who))} {amount} {what}" for amount, who in by_amount.items()]
    return f"{'; '.join(told)} {instead}"


def _hours(length: dt.timedelta) -> str:
    hours = length / dt.timedelta(hours=1)
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "nobody"
    if len(names) > _LISTED + 1:
        return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
