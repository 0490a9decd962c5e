"""Dedicated team or rotation: the comparison, with its probability, its sizes and what would turn it.

Takes a ``Demand``, the people and the assumptions; gives one frozen answer. The same inputs and seed give the
same answer. Reading it from the store is in ``asking``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ktlo.metrics.estimate import Estimate
from ktlo.metrics.proportions import wilson
from ktlo.planning.assumptions import Prices
from ktlo.planning.demand import Demand, Floats, WorkClass
from ktlo.planning.staffing.costs import priced
from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.flips import Flip, find_flips
from ktlo.planning.staffing.items import draw_arrivals, weekly_rate
from ktlo.planning.staffing.outcome import Knowledge, Outcome, knowledge_of, outcome_of, spread
from ktlo.planning.staffing.simulation import Kind, Rules
from ktlo.planning.staffing.sizes import MOST_HELPED, candidates
from ktlo.planning.staffing.terms import Terms
from ktlo.planning.staffing.trial import Case, Ran, run
from ktlo.settings.planning import StaffingSettings
from ktlo.wording import counted

DRAWS = 200
_MOST_ITEMS = 900
"""Items of one run; with more in a quarter, shorter stretches tell as much."""
_LEAST_WEEKS = 2
_FEW_WEEKS = 13
_LEAST_HOURS = 1.0
"""Traced hours a week of each engineer below which capacity is not told."""
_LITTLE_TRACED = 0.5
"""Below this part of a working week in the records, real hours and traced hours differ too much not to say so."""


@dataclass(frozen=True, slots=True)
class Driver:
    """An assumption, and how much of the variation of the verdict follows it.

    Attributes:
        name: of the assumption.
        share: squared rank correlation with the difference, 0 to 1.
        is_said: the team has said it; else it was drawn from a range and is worth measuring.
    """

    name: str
    share: float
    is_said: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rotation against dedicated team, on the same simulated quarters.

    Attributes:
        rotation: the rotation of the best size, or of the one asked for.
        dedicated: the dedicated team, likewise.
        ad_hoc: everybody as it comes, for reference.
        others: the other sizes that were tried.
        probability: that the rotation is cheaper: share of the simulated quarters.
        difference: cost of a week with the dedicated team minus with the rotation: what the rotation saves.
        flips: what would turn the verdict.
        drivers: assumptions by how much of the variation follows them.
    """

    rotation: Outcome
    dedicated: Outcome
    ad_hoc: Outcome
    others: tuple[Outcome, ...]
    probability: Estimate
    difference: Estimate
    flips: tuple[Flip, ...]
    drivers: tuple[Driver, ...]

    @property
    def cheaper(self) -> Outcome:
        """The one with the lower expected cost."""
        return self.rotation if (self.difference.value or 0.0) > 0 else self.dedicated

    @property
    def dearer(self) -> Outcome:
        """The other one."""
        return self.dedicated if self.cheaper is self.rotation else self.rotation

    @property
    def certainty(self) -> float:
        """Probability that what is cheaper in expectation is cheaper."""
        share = self.probability.value or 0.0
        return share if self.cheaper is self.rotation else 1 - share


@dataclass(frozen=True, slots=True)
class StaffingAnswer:
    """What can be said about who should do the reactive work.

    Attributes:
        people: engineers who could.
        names: of them.
        sites: groups that work at times far apart.
        places: services or repositories, with their share of the reactive work.
        items_per_week: expected.
        hours_per_week: of labour, as measured.
        traced: traced hours in one hour of a full working week.
        outside_hours: share of incidents that arrive when nobody works.
        others_outside: the same of ordinary items.
        knowledge: as it is now.
        weeks: simulated weeks of a quarter.
        draws: simulated quarters.
        history_weeks: weeks of history that the demand was fitted from.
        items: items in that history.
        prices: in which everything is told.
        comparison: ``None`` where there is nothing to compare.
        missing: why there is no comparison; else empty.
        notes: what limits this answer, one sentence each.
        gaps: what the records do not tell, and what stands in for it.
        seed: of the simulation.
    """

    people: int
    names: tuple[str, ...]
    sites: int
    places: tuple[tuple[str, float], ...]
    items_per_week: float
    hours_per_week: float
    traced: float
    outside_hours: float
    others_outside: float
    knowledge: Knowledge
    weeks: int
    draws: int
    history_weeks: int
    items: int
    prices: Prices
    comparison: Comparison | None
    missing: str
    notes: tuple[str, ...]
    gaps: tuple[str, ...]
    seed: int


def answer_staffing(
    demand: Demand,
    crew: Crew,
    prices: Prices,
    terms: Terms,
    said: StaffingSettings,
    *,
    seed: int,
    rules: Rules | None = None,
) -> StaffingAnswer:
    """Compare a dedicated team with a rotation.

    Args:
        demand: how reactive work arrives.
        crew: who there is.
        prices: what an hour costs.
        terms: assumptions, one a draw.
        said: sizes that are asked for.
        seed: the same seed, the same answer.
        rules: how work is handed out.
    """
    rules = rules or Rules()
    crew = crew.of_size(said.engineers) if said.engineers and crew.size else crew
    rate = weekly_rate(demand)
    hours = float(sum((part.rate.mean(axis=1) * part.work_hours).mean() for part in demand.classes))
    weeks = int(np.clip(_MOST_ITEMS // max(rate, 1e-9), _LEAST_WEEKS, max(demand.weeks, 1)))
    history = max((part.evidence.weeks for part in demand.classes), default=0)
    missing = _missing(demand, crew, rate)
    notes = []
    if not missing and history < _FEW_WEEKS:
        notes.append(
            f"The history has {counted(history, 'weeks')}; what is rare or comes with the season cannot be seen in it."
        )
    if not missing and crew.pace < _LITTLE_TRACED:
        notes.append(
            f"The records show {crew.hours_per_week:.1f} hours a week of each engineer. Whether people work no more"
            " or most of it leaves no trace is not known, so an hour of a change of shift or an interruption"
            f" counts for anything between {crew.pace:.2f} and 1 of these."
        )
    comparison = None
    if not missing:
        comparison, told = _compare(demand, crew, prices, terms, said, rules, weeks=weeks, seed=seed)
        notes += told
    return StaffingAnswer(
        people=crew.size,
        names=crew.names,
        sites=crew.sites,
        places=tuple(zip(crew.places, (float(share) for share in crew.share), strict=True)),
        items_per_week=rate,
        hours_per_week=hours,
        traced=crew.pace,
        outside_hours=crew.outside_hours(crew.incident_hours),
        others_outside=crew.outside_hours(crew.other_hours),
        knowledge=knowledge_of(crew.knowledge, crew.share),
        weeks=weeks,
        draws=terms.draws,
        history_weeks=history,
        items=sum(part.evidence.items for part in demand.classes),
        prices=prices,
        comparison=comparison,
        missing=missing,
        notes=tuple(notes),
        gaps=tuple(dict.fromkeys([*demand.notes, *crew.notes])),
        seed=seed,
    )


def _missing(demand: Demand, crew: Crew, rate: float) -> str:
    if not demand.classes or rate <= 0:
        return "No reactive work is recorded in the history, so there is nothing to staff."
    if crew.size == 0:
        return "Nobody has worked lately, so there is nobody to staff it with."
    if crew.size == 1:
        return (
            "There is one engineer: a rotation has nobody to rotate to, and a team would be the same person."
        )
    if crew.hours_per_week < _LEAST_HOURS:
        return (
            f"The records show {crew.hours_per_week:.1f} hours a week of each engineer: too little to tell how much"
            " they could do."
        )
    return ""


def _compare(
    demand: Demand,
    crew: Crew,
    prices: Prices,
    terms: Terms,
    said: StaffingSettings,
    rules: Rules,
    *,
    weeks: int,
    seed: int,
) -> tuple[Comparison, list[str]]:
    arrivals = draw_arrivals(demand, crew, weeks=weeks, draws=terms.draws, seed=seed)
    staffings = candidates(demand, crew, said)
    cases = [Case(staffing) for staffing in staffings]
    ran = run(cases, arrivals, crew, terms.unfamiliar, rules, seed)
    rates = terms.rates()
    parts = [priced(one.amounts, rates, prices) for one in ran]
    pages = any(part.work_class is WorkClass.INCIDENT for part in demand.classes)
    outcomes = [
        outcome_of(one, cost, crew, rules.learning, pages=pages) for one, cost in zip(ran, parts, strict=True)
    ]
    best = {kind: _best(kind, outcomes) for kind in Kind}
    rotation, dedicated = best[Kind.ROTATION], best[Kind.DEDICATED]
    saved = parts[dedicated].total - parts[rotation].total
    chosen = (*best.values(),)
    notes = [
        f"A {outcome.staffing.kind} of {outcome.staffing.size} would need help from others with"
        f" {outcome.helped:.0%} of the items; no larger one was possible or asked for."
        for outcome in (outcomes[rotation], outcomes[dedicated])
        if outcome.helped > MOST_HELPED
    ]
    comparison = Comparison(
        rotation=outcomes[rotation],
        dedicated=outcomes[dedicated],
        ad_hoc=outcomes[best[Kind.AD_HOC]],
        others=tuple(outcome for i, outcome in enumerate(outcomes) if i not in chosen),
        probability=wilson(int((saved > 0).sum()), saved.size),
        difference=spread(saved),
        flips=find_flips(
            demand, crew, prices, terms, said, rules, ran[dedicated], ran[rotation], weeks=weeks, seed=seed
        ),
        drivers=_drivers(saved, terms, ran[rotation]),
    )
    return comparison, notes


def _best(kind: Kind, outcomes: Sequence[Outcome]) -> int:
    """The cheapest size that needs help with few items; where none does, the one that needs least."""
    of_kind = [i for i, outcome in enumerate(outcomes) if outcome.staffing.kind is kind]
    able = [i for i in of_kind if outcomes[i].helped <= MOST_HELPED]
    if able:
        return min(able, key=lambda i: outcomes[i].cost.value or 0.0)
    return min(of_kind, key=lambda i: outcomes[i].helped)


def _drivers(saved: Floats, terms: Terms, ran: Ran) -> tuple[Driver, ...]:
    inputs = {
        "hand_over_hours": terms.hand_over,
        "unfamiliar": terms.unfamiliar,
        "idle_value": terms.idle_value,
        "duty_value": terms.duty_value,
        "interruption_minutes": terms.interruption,
        "traced": terms.traced,
        "load": np.where(ran.trace.there, ran.items.work, 0.0).sum(axis=1),
    }
    from scipy.stats import rankdata

    ranked = rankdata(saved)
    found = []
    for name, values in inputs.items():
        if np.ptp(values) > 0 and np.ptp(ranked) > 0:
            share = float(np.corrcoef(rankdata(values), ranked)[0, 1] ** 2)
            found.append(Driver(name, share, is_said=False))
        else:
            found.append(Driver(name, 0.0, is_said=name in terms.said))
    return tuple(sorted(found, key=lambda driver: -driver.share))
