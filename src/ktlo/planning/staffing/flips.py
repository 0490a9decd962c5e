"""What would turn the verdict: the value of each input at which team and rotation cost the same.

The difference is a straight line in every price and assumption that only weighs what happened, so its zero is
exact. What changes the events themselves (load, number of engineers, how much knowing a place matters) is searched:
all grid points run side by side on the same arrivals, then once more between the two where the sign turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ktlo.planning.assumptions import Prices
from ktlo.planning.demand import Demand, Floats
from ktlo.planning.staffing.costs import Rates, priced
from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.items import draw_arrivals, weekly_rate
from ktlo.planning.staffing.simulation import Rules
from ktlo.planning.staffing.sizes import least_size
from ktlo.planning.staffing.terms import Terms
from ktlo.planning.staffing.trial import Case, Ran, Staffing, run
from ktlo.settings.planning import StaffingSettings

_DRAWS, _ITEMS = 40, 100
"""Runs of a grid point, and items of one at today's load: enough for a sign."""
_LOADS = (0.1, 0.25, 0.5, 1.0, 1.6, 2.5, 4.0)
_UNFAMILIAR = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
_MOST_PEOPLE = 40

LIMITS = {
    "hand_over_hours": (0.0, 24.0),
    "idle_value": (0.0, 1.0),
    "duty_value": (0.0, 1.0),
    "interruption_minutes": (0.0, 60.0),
    "waiting_week": (0.0, 40.0),
    "downtime_hour": (0.0, 1000.0),
    "load": (_LOADS[0], _LOADS[-1]),
    "unfamiliar": (_UNFAMILIAR[0], _UNFAMILIAR[-1]),
}
"""Within reason; prices in hours of labour."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One input, and where it turns the verdict.

    Attributes:
        name: of the input: ``load`` (times today's), ``engineers``, ``unfamiliar``, ``hand_over_hours``,
            ``idle_value``, ``duty_value``, ``interruption_minutes``, ``downtime_hour`` or ``waiting_week`` (currency).
        now: its value, or the mean of what was assumed; ``None`` where it is unknown and left out.
        at: the nearest value at which both cost the same; ``None`` for none within reason.
        low: from where it was looked for.
        high: to where.
    """

    name: str
    now: float | None
    at: float | None
    low: float
    high: float


Point = tuple[float, int, float | None]
Difference = Callable[[Sequence[float]], Floats]


def find_flips(
    demand: Demand,
    crew: Crew,
    prices: Prices,
    terms: Terms,
    said: StaffingSettings,
    rules: Rules,
    dedicated: Ran,
    rotation: Ran,
    *,
    weeks: int,
    seed: int,
) -> tuple[Flip, ...]:
    """Search every input.

    Args:
        demand: how work arrives.
        crew: who there is.
        prices: what an hour costs.
        terms: assumptions.
        said: sizes that are asked for, kept while searching.
        rules: how work is handed out.
        dedicated: what the team of the verdict used.
        rotation: what the rotation of the verdict used.
        weeks: weeks to simulate at most.
        seed: the same seed, the same answer.
    """
    flips = list(_straight(prices, terms, dedicated, rotation))
    small = terms.first(_DRAWS)
    stretch = int(np.clip(_ITEMS // max(weekly_rate(demand), 1e-9), 2, weeks))

    n = crew.size
    usual_saving = float(
        (
            priced(dedicated.amounts, terms.rates(), prices).total
            - priced(rotation.amounts, terms.rates(), prices).total
        ).mean()
    )
    today = least_size(demand, crew, 1.0, n)

    def staffings(load: float, people: int) -> tuple[Staffing, Staffing]:
        """The team and the rotation of the verdict, larger or smaller as the load asks; not where sizes are said."""
        grown = least_size(demand, crew, load, people) - today
        return (
            _sized(dedicated.case.staffing, 0 if said.dedicated else grown, people),
            _sized(rotation.case.staffing, 0 if said.on_duty else grown, people),
        )

    def differences(points: Sequence[Point], most: float) -> Floats:
        """Mean saving of the rotation at each (load, engineers, unfamiliar).

        As it differs from the saving of today in the same few runs, added to the verdict's own: then a point near
        today cannot differ by chance.
        """
        # Every smaller load is a part of the largest.
        arrivals = draw_arrivals(demand, crew, weeks=stretch, draws=small.draws, seed=seed, factor=most)
        cases = [
            Case(staffing, people, load / most, strange)
            for load, people, strange in [(1.0, n, None), *points]
            for staffing in staffings(load, people)
        ]
        ran = run(cases, arrivals, crew, small.unfamiliar, rules, seed)
        cost = np.array([priced(one.amounts, small.rates(), prices).total.mean() for one in ran])
        saved = cost[0::2] - cost[1::2]
        found: Floats = saved[1:] - saved[0] + usual_saving
        return found

    usual = float(terms.unfamiliar.mean())
    flips.append(
        _searched("load", 1.0, _LOADS, lambda xs: differences([(x, n, None) for x in xs], _LOADS[-1]))
    )
    flips.append(
        _searched(
            "unfamiliar",
            usual,
            tuple(sorted({*_UNFAMILIAR, min(usual, _UNFAMILIAR[-1])})),
            lambda xs: differences([(1.0, n, float(x)) for x in xs], 1.0),
        )
    )

    def by_people(sizes: Sequence[float]) -> Floats:
        return differences([(1.0, int(size), None) for size in sizes], 1.0)

    flips.append(_people(n, by_people))
    return tuple(flips)


def _sized(staffing: Staffing, grown: int, people: int) -> Staffing:
    return replace(staffing, size=max(1, min(staffing.size + grown, people - 1)))


def _straight(prices: Prices, terms: Terms, dedicated: Ran, rotation: Ran) -> list[Flip]:
    """Inputs in which the difference is a straight line."""
    one, other = dedicated.amounts, rotation.amounts
    hour = prices.labour_hour
    rates = terms.rates()

    def saved(rates: Rates, prices: Prices) -> float:
        return float((priced(one, rates, prices).total - priced(other, rates, prices).total).mean())

    def at(name: str, value: float) -> float:
        many = np.full(terms.draws, value)
        if name == "hand_over_hours":
            return saved(replace(rates, hand_over=many * terms.traced), prices)
        if name == "idle_value":
            return saved(replace(rates, idle_value=many), prices)
        if name == "duty_value":
            return saved(replace(rates, duty_value=many), prices)
        if name == "interruption_minutes":
            return saved(replace(rates, interruption=many / 60 * terms.traced), prices)
        if name == "waiting_week":
            return saved(rates, replace(prices, waiting_week=value))
        return saved(rates, replace(prices, downtime_hour=value))

    now: dict[str, float | None] = {
        "hand_over_hours": float(terms.hand_over.mean()),
        "idle_value": float(terms.idle_value.mean()),
        "duty_value": float(terms.duty_value.mean()),
        "interruption_minutes": float(terms.interruption.mean() * 60),
        "waiting_week": prices.waiting_week,
        "downtime_hour": prices.downtime_hour,
    }
    found = []
    for name, value in now.items():
        low, high = LIMITS[name]
        if name in ("waiting_week", "downtime_hour"):
            low, high = low * hour, high * hour
        start, end = at(name, low), at(name, high)
        crossing = None
        if start != end and (start < 0) != (end < 0):
            crossing = low + (high - low) * start / (start - end)
        found.append(Flip(name, value, crossing, low, high))
    return found


def _searched(name: str, now: float, grid: tuple[float, ...], difference: Difference) -> Flip:
    """The zero nearest to ``now``: by a grid, then by a finer one between two points of it."""
    bracket = _bracket(now, grid, difference(grid))
    if bracket is None:
        return Flip(name, now, None, grid[0], grid[-1])
    low, high = bracket
    fine = tuple(np.linspace(low, high, 7))
    values = difference(fine)
    turn = np.flatnonzero((values[:-1] < 0) != (values[1:] < 0))
    if not turn.size:
        at = float(fine[int(np.argmin(np.abs(values)))])
    else:
        i = int(turn[0])
        at = float(fine[i] + (fine[i + 1] - fine[i]) * values[i] / (values[i] - values[i + 1]))
    return Flip(name, now, at, grid[0], grid[-1])


def _bracket(now: float, grid: tuple[float, ...], values: Floats) -> tuple[float, float] | None:
    turns = np.flatnonzero((values[:-1] < 0) != (values[1:] < 0))
    if not turns.size:
        return None

    def distance(i: int) -> float:
        middle = (grid[i] + grid[i + 1]) / 2
        return abs(math.log((middle + 0.05) / (now + 0.05)))

    nearest = min((int(i) for i in turns), key=distance)
    return grid[nearest], grid[nearest + 1]


def _people(now: int, difference: Difference) -> Flip:
    """The nearest number of engineers at which the sign turns."""
    most = max(min(_MOST_PEOPLE, max(3 * now, 12)), now + 1)
    sizes = sorted({2, 3, 4, *(int(x) for x in np.linspace(2, most, 9)), now})
    values = difference(sizes)
    turns = np.flatnonzero((values[:-1] < 0) != (values[1:] < 0))
    if not turns.size:
        return Flip("engineers", float(now), None, float(sizes[0]), float(sizes[-1]))
    i = min((int(i) for i in turns), key=lambda i: min(abs(sizes[i] - now), abs(sizes[i + 1] - now)))
    between = list(range(sizes[i], sizes[i + 1] + 1))
    signs = difference(between) < 0
    is_above = sizes[i] >= now
    others = [size for size, sign in zip(between, signs, strict=True) if sign == (values[i + is_above] < 0)]
    at = (min(others) if is_above else max(others)) if others else sizes[i + is_above]
    return Flip("engineers", float(now), float(at), float(sizes[0]), float(sizes[-1]))
