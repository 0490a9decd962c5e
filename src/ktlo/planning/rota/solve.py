"""Fills the shifts of a rota: hard rules from ``board``, then what is fair, wished for and steady.

OR-Tools' CP-SAT, searched in a fixed order from a seed and stopped by work done, not by the clock, so that the
same records give the same plan on any machine. What counts for how much is in :class:`Weights`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ktlo.planning.rota import cp_sat
from ktlo.planning.rota.board import Board, Problem
from ktlo.planning.rota.duties import Duty, Mood, holder, overlaps
from ktlo.planning.rota.fairness import KINDS, LOOK_BACK, presence, served_by
from ktlo.planning.rota.rules import SHADOW, Length
from ktlo.planning.rota.shifts import Burden, burden_of

MOST_CANDIDATES = 60
"""Members that are weighed against each other; of more, those to whom most is due."""
_CLOCK_LIMIT = 90.0
"""Seconds after which the search ends whatever it has done."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What an hour counts for. Fairness weighs hours served against hours due, in each kind of time."""

    hours: int = 1
    night: int = 1
    weekend: int = 1
    holiday: int = 2
    rather_not: int = 2
    gladly: int = 1
    avoidable_night: int = 10
    """Times members: an hour at night in a 12 h rota, which follows the sun."""
    change: int = 4
    """Times members: an hour of a published shift that goes to somebody else."""
    divide_handover: int = 4
    """A hand-over counts as the hours of a shift divided by this."""
    divide_close: int = 2
    """Two shifts of one person close together count as the hours of a shift divided by this."""


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule that keeps every hard rule.

    Attributes:
        duties: in order of time and role.
        is_best: proven that none is better by the weights.
        gap: how far it may be from the best, 0 to 1, by the solver's bound.
        changed: shifts in force that go to somebody else.
        wishes_missed: numbers of "rather not" wishes that could not be kept.
        notes: what a reader should know, one sentence each.
    """

    duties: tuple[Duty, ...]
    is_best: bool
    gap: float
    changed: int
    wishes_missed: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsolved:
    """No plan: either there is none, or none was found with the work allowed."""

    is_impossible: bool


Told = Callable[[int, float], None]
"""Hears how many plans were found so far, and the gap of the best, 0 to 1."""


def solve(problem: Problem, told: Told | None = None) -> Plan | Unsolved:
    """Find the best schedule that the work allowed finds.

    Args:
        problem: what to plan.
        told: hears of progress.
    """
    problem, notes = _narrowed(problem)
    if not problem.shifts:
        return Plan((), True, 0.0, 0, (), ("No shift starts in this time.",))
    board = Board(problem)
    _Aims(board).post()
    solver = cp_sat.CpSolver()
    parameters = solver.parameters
    parameters.num_workers = 1
    parameters.interleave_search = True
    parameters.random_seed = problem.seed
    parameters.max_deterministic_time = problem.effort
    parameters.max_time_in_seconds = _CLOCK_LIMIT
    parameters.relative_gap_limit = 0.001
    status = solver.solve(board.model, _teller(told) if told else None)
    if status == cp_sat.UNKNOWN:
        # Any schedule at all, without looking for a good one.
        board = Board(problem)
        status = solver.solve(board.model)
        if status in (cp_sat.OPTIMAL, cp_sat.FEASIBLE):
            notes.append("This is the first schedule found; more work (effort) may find a fairer one.")
            return _read(board, solver, is_best=False, gap=1.0, notes=notes)
    if status not in (cp_sat.OPTIMAL, cp_sat.FEASIBLE):
        return Unsolved(is_impossible=status == cp_sat.INFEASIBLE)
    if status == cp_sat.FEASIBLE and solver.wall_time >= _CLOCK_LIMIT:
        notes.append("The search was stopped by the clock: another run may find another plan.")
    is_best = status == cp_sat.OPTIMAL
    gap = 0.0 if is_best else _gap(solver.objective_value, solver.best_objective_bound)
    return _read(board, solver, is_best=is_best, gap=gap, notes=notes)


def _teller(told: Told) -> cp_sat.CpSolverSolutionCallback:
    class Teller(cp_sat.CpSolverSolutionCallback):
        def __init__(self) -> None:
            super().__init__()
            self._found = 0

        def on_solution_callback(self) -> None:
            """Pass it on."""
            self._found += 1
            told(self._found, _gap(self.objective_value, self.best_objective_bound))

    return Teller()


def _gap(value: float, bound: float) -> float:
    return max(value - bound, 0.0) / max(abs(value), 1.0)


def _narrowed(problem: Problem) -> tuple[Problem, list[str]]:
    """Of very many members, those to whom most is due: the others stay out of this plan."""
    rota = problem.rota
    if len(rota.members) <= MOST_CANDIDATES:
        return problem, []
    base = base_of(problem)
    order = {person.key: place for place, person in enumerate(rota.members)}
    skilled: list[set[str]] = []
    needed = rota.skills | {skill for role in rota.roles for skill in role.skills}
    for skill in sorted(needed):
        able = sorted(
            (person for person in rota.members if skill in person.skills),
            key=lambda p: (base[p.key], order[p.key]),
        )
        skilled.append({person.key for person in able[:MOST_CANDIDATES]})
    held = {duty.person for duty in problem.standing}
    kept = set().union(held, *skilled)
    for person in sorted(rota.members, key=lambda p: (base[p.key], order[p.key])):
        if len(kept) >= MOST_CANDIDATES:
            break
        kept.add(person.key)
    members = tuple(person for person in rota.members if person.key in kept)
    said = (
        f"{len(rota.members)} people are in the rota; the {len(members)} to whom most is due were weighed."
        " Each is on call so seldom that little is kept in practice (SRE: at least once or twice a quarter):"
        " consider smaller rotas."
    )
    return replace(problem, rota=replace(rota, members=members)), [said]


def base_of(problem: Problem) -> Mapping[str, float]:
    """Hours above (or, negative, below) their due that each member has served before the plan."""
    start = problem.shifts[0].start
    window = (start - LOOK_BACK, start)
    return {
        one.person.key: one.counted.hours - one.due.hours
        for one in served_by(problem.rota, problem.fixed, window, problem.absences, problem.pages)
    }


class _Aims:
    """What a good plan is, as an objective to keep low."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._problem = board.problem
        self._model = board.model
        self._costs: list[cp_sat.LinearExpr] = []
        shifts = self._problem.shifts
        self._usual = max(round(sum(shift.hours for shift in shifts) / len(shifts)), 1)

    def post(self) -> None:
        """Add every aim and the hint to the model."""
        self._fair()
        self._wishes()
        self._avoidable_nights()
        self._standing()
        self._handovers()
        self._close()
        self._shadows()
        self._model.minimize(cp_sat.LinearExpr.sum(self._costs))

    def _fair(self) -> None:
        problem, rota = self._problem, self._problem.rota
        start, end = problem.shifts[0].start, problem.shifts[-1].end
        window = (start - LOOK_BACK, end)
        before = {
            one.person.key: one.counted
            for one in served_by(rota, problem.fixed, (window[0], start), problem.absences, problem.pages)
        }
        here = presence(rota, window, problem.absences)
        everything = sum(here.values()) or 1.0
        burdens = {
            (person.key, place): burden_of(problem.shifts[place].pieces, person, rota.night)
            for person in rota.members
            for place in self._board.places
        }
        for kind in KINDS:
            weight: int = getattr(WEIGHTS, kind)
            planned = sum(
                len(rota.roles)
                * sum(getattr(burdens[person.key, place], kind) for person in rota.members)
                / len(rota.members)
                for place in self._board.places
            )
            total = planned + sum(getattr(burden, kind) for burden in before.values())
            if total < 0.5:
                continue
            self._even(kind, weight, before, burdens, {k: total * h / everything for k, h in here.items()})

    def _even(
        self,
        kind: str,
        weight: int,
        before: Mapping[str, Burden],
        burdens: Mapping[tuple[str, int], Burden],
        due: Mapping[str, float],
    ) -> None:
        model, board = self._model, self._board
        bound = 0
        sums = []
        for person in self._problem.rota.members:
            offset = round(getattr(before[person.key], kind) - due[person.key])
            terms = [
                round(getattr(burdens[key, place], kind)) * variable
                for (key, place), variable in board.on.items()
                if key == person.key
            ]
            bound = max(
                bound,
                abs(offset) + sum(round(getattr(burdens[person.key, place], kind)) for place in board.places),
            )
            sums.append(cp_sat.LinearExpr.sum(terms) + offset)
        top, bottom = model.new_int_var(-bound, bound, ""), model.new_int_var(-bound, bound, "")
        for total in sums:
            away = model.new_int_var(0, bound, "")
            model.add(away >= total)
            model.add(away >= -total)
            model.add(top >= total)
            model.add(bottom <= total)
            self._costs.append(weight * away)
        self._costs.append(weight * max(len(sums) // 2, 1) * (top - bottom))

    def _wishes(self) -> None:
        for wish in self._problem.wishes:
            for place in self._board.places:
                shift = self._problem.shifts[place]
                on = self._board.on.get((wish.person, place))
                if on is None or not any(overlaps((wish.start, wish.end), piece) for piece in shift.pieces):
                    continue
                hours = max(round(shift.hours), 1)
                cost = WEIGHTS.rather_not if wish.mood is Mood.RATHER_NOT else -WEIGHTS.gladly
                self._costs.append(cost * hours * on)

    def _avoidable_nights(self) -> None:
        """In a rota that follows the sun, nobody is up at night while it is day for somebody else."""
        rota = self._problem.rota
        if rota.length is not Length.HALF_DAY:
            return
        people = {person.key: person for person in rota.members}
        for (key, place), on in self._board.on.items():
            night = round(burden_of(self._problem.shifts[place].pieces, people[key], rota.night).night)
            if night:
                self._costs.append(WEIGHTS.avoidable_night * len(people) * night * on)

    def _standing(self) -> None:
        problem, board = self._problem, self._board
        for place in board.places:
            shift = problem.shifts[place]
            for role in problem.rota.roles:
                key = holder(problem.standing, role.name, shift)
                if not key:
                    continue
                variable = board.has.get((key, place, role.name))
                if variable is not None:
                    cost = WEIGHTS.change * len(problem.rota.members) * max(round(shift.hours), 1)
                    self._costs.append(cost * (1 - variable))
                    self._model.add_hint(variable, 1)

    def _handovers(self) -> None:
        """Where rest allows it, few hand-overs: the next shift (of the same time of day) stays with a person."""
        rota, board = self._problem.rota, self._board
        step = 2 if rota.length is Length.HALF_DAY else 1
        gap = dt.timedelta(hours=12) if rota.length is Length.HALF_DAY else dt.timedelta()
        if rota.length is Length.WEEKLY or rota.rest > gap:
            return
        cost = max(self._usual // WEIGHTS.divide_handover, 1)
        for place in board.places:
            later = place + step
            if later >= len(self._problem.shifts):
                continue
            for role in rota.roles:
                changes = self._model.new_bool_var("")
                for person in rota.members:
                    here = board.has.get((person.key, place, role.name))
                    there = board.has.get((person.key, later, role.name))
                    if here is not None:
                        self._model.add(here - (there if there is not None else 0) <= changes)
                self._costs.append(cost * changes)

    def _close(self) -> None:
        """Shifts of one person keep their distance, as far as the team's size allows."""
        rota, board = self._problem.rota, self._board
        if rota.length is Length.HALF_DAY or not rota.rest:
            return
        reach = min(max(len(rota.members) // (2 * len(rota.roles)), 1), 4)
        for person in rota.members:
            for place in board.places:
                for distance in range(1, reach + 1):
                    spots = ((person.key, place), (person.key, place + distance))
                    if all(spot in board.on for spot in spots):
                        both = self._model.new_bool_var("")
                        self._model.add(board.on[spots[0]] + board.on[spots[1]] - 1 <= both)
                        cost = max(self._usual // (WEIGHTS.divide_close * distance), 1)
                        self._costs.append(cost * both)

    def _shadows(self) -> None:
        """Newcomers go along as soon as they can, one at a time."""
        by_place: dict[int, list[cp_sat.IntVar]] = {}
        for (_, place), variable in self._board.shadow.items():
            by_place.setdefault(place, []).append(variable)
            early = len(self._problem.shifts) - place
            self._costs.append(-(self._usual + early) * variable)
        for variables in by_place.values():
            self._model.add_at_most_one(variables)


def _read(board: Board, solver: cp_sat.CpSolver, *, is_best: bool, gap: float, notes: list[str]) -> Plan:
    problem = board.problem
    order = {role.name: place for place, role in enumerate(problem.rota.roles)}
    order[SHADOW] = len(order)
    chosen = [(place, role, key) for (key, place, role), var in board.has.items() if solver.value(var)]
    chosen += [(place, SHADOW, key) for (key, place), var in board.shadow.items() if solver.value(var)]
    chosen.sort(key=lambda one: (one[0], order[one[1]], one[2]))
    duties = tuple(
        Duty(problem.rota.name, role, key, problem.shifts[place].start, problem.shifts[place].end)
        for place, role, key in chosen
    )
    changed = sum(
        1
        for place in board.places
        for role in problem.rota.roles
        if (before := holder(problem.standing, role.name, problem.shifts[place]))
        and before != holder(duties, role.name, problem.shifts[place])
    )
    missed = tuple(
        wish.number
        for wish in problem.wishes
        if wish.mood is Mood.RATHER_NOT
        and any(
            duty.person == wish.person and duty.role != SHADOW and overlaps(duty.span, (wish.start, wish.end))
            for duty in duties
        )
    )
    return Plan(duties, is_best, gap, changed, missed, tuple(notes))
