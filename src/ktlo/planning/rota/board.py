"""The hard rules of a rota as constraints: who can have which shift, and what must hold together.

One builder for three uses: to plan (``solve``), to find which rules are in conflict (``explain``, with rules left
out), and to find the cheapest way out (``explain``, with every rule at a price).
"""

from __future__ import annotations

import datetime as dt
import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from ktlo.planning.rota import cp_sat
from ktlo.planning.rota.duties import Absence, Duty, Wish, covered_pieces, overlaps
from ktlo.planning.rota.rules import SHADOW, Person, Role, Rota
from ktlo.planning.rota.shifts import Burden, Shift, Span, burden_of, clock_minutes

WEEK = dt.timedelta(days=7)
NIGHT_WINDOW = 4 * WEEK
_MINUTES_OF_A_NIGHT = 8 * 60


class Kind(enum.StrEnum):
    """Kinds of hard rules."""

    COVER = "cover"
    TIME_OFF = "time off"
    REST = "rest"
    SHARE = "share on call"
    NIGHTS = "nights"
    SKILL = "skill"
    SHADOW = "shadowing"
    JOINED = "joining day"
    ELSEWHERE = "other rota"


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """A rule that can be told apart when a conflict is explained; ``subject`` is an absence, skill or person."""

    kind: Kind
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that a plan depends on.

    Attributes:
        rota: people and rules.
        shifts: to be filled, in order.
        absences: time off of members.
        wishes: preferences of members.
        fixed: duties of this rota that stay as they are, before and after.
        elsewhere: duties of members in other rotas.
        standing: duties in force within the shifts; changing one costs.
        pages: hours that pages count for, by person.
        seed: of the search.
        effort: most work of the search, in the solver's deterministic seconds.
    """

    rota: Rota
    shifts: tuple[Shift, ...]
    absences: tuple[Absence, ...] = ()
    wishes: tuple[Wish, ...] = ()
    fixed: tuple[Duty, ...] = ()
    elsewhere: tuple[Duty, ...] = ()
    standing: tuple[Duty, ...] = ()
    pages: Mapping[str, Burden] = field(default_factory=dict)
    seed: int = 1
    effort: float = 6.0

    def away(self, person: Person, shift: Shift) -> list[Absence]:
        """Time off of a person that falls into a shift."""
        return [
            absence
            for absence in self.absences
            if absence.person == person.key
            and any(overlaps((absence.start, absence.end), piece) for piece in shift.pieces)
        ]


@dataclass(frozen=True, slots=True)
class Price:
    """What giving way costs where a way out is sought, and how much of it was needed."""

    rule: Rule
    shift: int
    person: str
    cost: int
    amount: cp_sat.IntVar


class Board:
    """Variables and hard rules of a problem.

    Args:
        problem: what to plan.
        dropped: rules that do not hold this time.
        only: places of the shifts that must be covered; all when ``None``.
        priced: every rule may be broken at a price (``prices``).
    """

    def __init__(
        self,
        problem: Problem,
        *,
        dropped: frozenset[Rule] = frozenset(),
        only: frozenset[int] | None = None,
        priced: bool = False,
    ) -> None:
        self.problem = problem
        self.model = cp_sat.CpModel()
        self.prices: list[Price] = []
        self.has: dict[tuple[str, int, str], cp_sat.IntVar] = {}
        self.shadow: dict[tuple[str, int], cp_sat.IntVar] = {}
        self._dropped = dropped
        self._priced = priced
        self._worst: dict[Kind, cp_sat.IntVar] = {}
        self._excesses: dict[tuple[Kind, str], cp_sat.IntVar] = {}
        self._absence_price: dict[str, cp_sat.IntVar] = {}
        rota = problem.rota
        self._fixed: dict[str, list[tuple[Duty, tuple[Span, ...]]]] = defaultdict(list)
        for duty in (*problem.fixed, *problem.elsewhere):
            if duty.role != SHADOW:
                pieces = covered_pieces(rota, duty) if duty.rota == rota.name else (duty.span,)
                self._fixed[duty.person].append((duty, pieces))
        self.places = [place for place in range(len(problem.shifts)) if only is None or place in only]
        for person in rota.members:
            for place in self.places:
                self._candidates(person, place)
        self.on: dict[tuple[str, int], cp_sat.LinearExpr] = {}
        by_duty: dict[tuple[str, int], list[cp_sat.IntVar]] = defaultdict(list)
        for (key, place, _), variable in self.has.items():
            by_duty[key, place].append(variable)
        for spot, variables in by_duty.items():
            self.on[spot] = cp_sat.LinearExpr.sum(variables)
            if len(variables) > 1:
                self.model.add_at_most_one(variables)
        self._cover()
        for person in rota.members:
            self._rest(person)
            self._windows(person)
            if person.shadows:
                self._shadowing(person)

    def _holds(self, kind: Kind, subject: str = "") -> bool:
        return Rule(kind, subject) not in self._dropped

    def _pay(
        self, kind: Kind, subject: str, cost: int, shift: int = -1, person: str = "", most: int = 1
    ) -> cp_sat.IntVar:
        """An amount by which a rule may be broken; its sum is kept low."""
        amount = self.model.new_int_var(0, most, "")
        self.prices.append(Price(Rule(kind, subject), shift, person, cost, amount))
        return amount

    def _candidates(self, person: Person, place: int) -> None:
        problem, shift = self.problem, self.problem.shifts[place]
        against = self._against(person, shift)
        for role in problem.rota.roles:
            reasons = list(against)
            reasons += [Rule(Kind.SKILL, skill) for skill in sorted(role.skills - person.skills)]
            holding = [reason for reason in reasons if reason not in self._dropped]
            if holding and not self._priced:
                continue
            variable = self.model.new_bool_var(f"{person.key} {role.name} {place}")
            self.has[person.key, place, role.name] = variable
            for reason in holding:
                if reason.kind is Kind.TIME_OFF:
                    self.model.add_implication(variable, self._give_up(reason.subject))
                elif reason.kind is Kind.JOINED:
                    self.model.add(variable == 0)
                else:
                    paid = self._pay(reason.kind, reason.subject, 30, place, person.key)
                    self.model.add(variable <= paid)

    def _give_up(self, number: str) -> cp_sat.IntVar:
        """Whether some time off is given up; the longer, the dearer."""
        if number not in self._absence_price:
            absence = next(one for one in self.problem.absences if one.number == number)
            days = max(round((absence.end - absence.start) / dt.timedelta(days=1)), 1)
            paid = self._pay(Kind.TIME_OFF, number, 10 + days, person=absence.person)
            self._absence_price[number] = paid
        return self._absence_price[number]

    def _against(self, person: Person, shift: Shift) -> list[Rule]:
        """Rules that keep a person from a shift, whatever the role."""
        rota = self.problem.rota
        rules = [Rule(Kind.TIME_OFF, absence.number) for absence in self.problem.away(person, shift)]
        if person.joined is not None and shift.first.astimezone(person.zone).date() < person.joined:
            rules.append(Rule(Kind.JOINED, person.key))
        for _, pieces in self._fixed[person.key]:
            if not pieces:
                continue
            if any(overlaps(piece, own) for piece in pieces for own in shift.pieces):
                rules.append(Rule(Kind.ELSEWHERE, person.key))
            elif shift.first - pieces[-1][1] < rota.rest and pieces[0][0] - shift.last < rota.rest:
                rules.append(Rule(Kind.REST))
        return sorted(set(rules))

    def _cover(self) -> None:
        rota = self.problem.rota
        for place in self.places:
            for role in rota.roles:
                takers = self._takers(place, (role,))
                if self._priced:
                    takers.append(self._pay(Kind.COVER, role.name, 100, place))
                self.model.add_exactly_one(takers)
            for skill in sorted(rota.skills):
                if not self._holds(Kind.SKILL, skill):
                    continue
                able = self._takers(place, rota.roles, skill)
                if self._priced:
                    able.append(self._pay(Kind.SKILL, skill, 30, place))
                self.model.add_bool_or(able)

    def _takers(self, place: int, roles: Iterable[Role], skill: str = "") -> list[cp_sat.IntVar]:
        return [
            self.has[person.key, place, role.name]
            for person in self.problem.rota.members
            for role in roles
            if (person.key, place, role.name) in self.has and (not skill or skill in person.skills)
        ]

    def _rest(self, person: Person) -> None:
        rota, shifts = self.problem.rota, self.problem.shifts
        if not self._holds(Kind.REST) or not rota.rest:
            return
        own = [place for place in self.places if (person.key, place) in self.on]
        for index, place in enumerate(own):
            for later in own[index + 1 :]:
                if shifts[later].first - shifts[place].last >= rota.rest:
                    break
                both = self.on[person.key, place] + self.on[person.key, later]
                if self._priced:
                    both -= self._pay(Kind.REST, "", 20, later, person.key)
                self.model.add(both <= 1)

    def _windows(self, person: Person) -> None:
        """At most a share of the time, and at most so many nights, in windows that begin a week apart."""
        rota, shifts = self.problem.rota, self.problem.shifts
        own = [place for place in self.places if (person.key, place) in self.on]
        if not own:
            return
        length = rota.share_weeks * WEEK
        if self._holds(Kind.SHARE) and rota.most_share < 1:
            cap = int(rota.most_share * length / dt.timedelta(minutes=1))
            minutes = {place: shifts[place].clock_minutes for place in own}
            before = [
                (duty.start, sum(clock_minutes(piece, rota.zone) for piece in pieces))
                for duty, pieces in self._fixed[person.key]
            ]
            self._at_most(person, Kind.SHARE, length, cap, minutes, before)
        if self._holds(Kind.NIGHTS) and rota.most_nights is not None:
            nights = {
                place: round(60 * burden_of(shifts[place].pieces, person, rota.night).night) for place in own
            }
            before = [
                (duty.start, round(60 * burden_of(pieces, person, rota.night).night))
                for duty, pieces in self._fixed[person.key]
            ]
            # An hour is forgiven: the night in which clocks go back has nine.
            cap = int(rota.most_nights * _MINUTES_OF_A_NIGHT) + 60
            self._at_most(person, Kind.NIGHTS, NIGHT_WINDOW, cap, nights, before)

    def _at_most(
        self,
        person: Person,
        kind: Kind,
        length: dt.timedelta,
        cap: int,
        amounts: Mapping[int, int],
        before: list[tuple[dt.datetime, int]],
    ) -> None:
        shifts = self.problem.shifts
        zone = self.problem.rota.zone
        starts = {place: on_clock(shifts[place].start, zone) for place in amounts}
        served = [(on_clock(start, zone), amount) for start, amount in before]
        for begin in window_starts(shifts, length, zone):
            inside = [place for place in amounts if begin <= starts[place] < begin + length]
            fixed = sum(amount for start, amount in served if begin <= start < begin + length)
            if fixed + sum(amounts[place] for place in inside) <= cap:
                continue
            total = cp_sat.LinearExpr.sum([amounts[place] * self.on[person.key, place] for place in inside])
            if self._priced:
                total -= self._excess(kind, person)
            self.model.add(total <= (cap - fixed if self._priced else max(cap - fixed, 0)))

    def _excess(self, kind: Kind, person: Person) -> cp_sat.IntVar:
        """Minutes by which somebody exceeds a limit in their worst window; each started half day has its price."""
        if (kind, person.key) not in self._excesses:
            most = sum(round(60 * shift.hours) for shift in self.problem.shifts) + 60 * 24 * 366
            over = self._pay(kind, "", 0, person=person.key, most=most)
            steps = self._pay(kind, "", 2, person=person.key, most=most // 720 + 1)
            self.model.add(over <= 720 * steps)
            if kind not in self._worst:
                # Shared out: that one person exceeds a limit by much is worse than that several do by little.
                self._worst[kind] = self._pay(
                    kind, "", 2 * len(self.problem.rota.members), most=most // 720 + 1
                )
            self.model.add(steps <= self._worst[kind])
            self._excesses[kind, person.key] = over
        return self._excesses[kind, person.key]

    def _shadowing(self, person: Person) -> None:
        """A newcomer goes along with so many shifts before the first of their own."""
        problem = self.problem
        done = sum(1 for duty in problem.fixed if duty.person == person.key and duty.role == SHADOW)
        has_served = any(duty.person == person.key and duty.role != SHADOW for duty in problem.fixed)
        missing = person.shadows - done
        if missing <= 0 or has_served or not self._holds(Kind.SHADOW, person.key):
            return
        for place in self.places:
            shift = problem.shifts[place]
            if any(rule.kind is not Kind.REST for rule in self._against(person, shift)):
                continue
            self.shadow[person.key, place] = self.model.new_bool_var(f"{person.key} shadows {place}")
            if (person.key, place) in self.on:
                self.model.add(self.shadow[person.key, place] + self.on[person.key, place] <= 1)
        # Not more than needed.
        own = [variable for (key, _), variable in self.shadow.items() if key == person.key]
        self.model.add(cp_sat.LinearExpr.sum(own) <= missing)
        forgiven = self._pay(Kind.SHADOW, person.key, 25, person=person.key) if self._priced else 0
        for place in self.places:
            if (person.key, place) in self.on:
                along = cp_sat.LinearExpr.sum(
                    [
                        variable
                        for (key, earlier), variable in self.shadow.items()
                        if key == person.key and earlier < place
                    ]
                )
                self.model.add(missing * self.on[person.key, place] <= along + missing * forgiven)


def window_starts(shifts: tuple[Shift, ...], length: dt.timedelta, zone: ZoneInfo) -> list[dt.datetime]:
    """Begins of the windows that a plan can fill, on the rota's clock: a week apart, from the first that counts."""
    if not shifts:
        return []
    weeks = length // WEEK
    first, last = on_clock(shifts[0].start, zone), on_clock(shifts[-1].start, zone)
    ahead = (last - first) // WEEK + 1
    return [first + WEEK * step for step in range(1 - weeks, ahead)]


def on_clock(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """A moment as the clock shows it, so that weeks are alike when clocks change."""
    return moment.astimezone(zone).replace(tzinfo=None)
