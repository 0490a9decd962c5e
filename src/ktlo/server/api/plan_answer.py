"""The budget decision as JSON: the models that the API answers and the page's twin carries."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from ktlo.planning.budget.breakeven import BreakEven
from ktlo.planning.budget.costs import Component, Costs
from ktlo.planning.budget.limits import Check
from ktlo.planning.budget.optimum import Optimum
from ktlo.planning.budget.options import Option, Spread
from ktlo.planning.budget.plan import Load, Plan
from ktlo.planning.budget.sensitivity import Influence
from ktlo.report.plan_sentences import doubts, headline, sentences, sentences_of_options
from ktlo.report.plan_terms import input_name
from ktlo.server.tables import plain


class SpreadOut(BaseModel):
    """An expected value with its 80% interval over the simulated futures."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, given: Spread) -> SpreadOut:
        """A spread as JSON has it."""
        return cls(mean=given.mean, low=given.low, high=given.high)


class OptimumOut(BaseModel):
    """The best share, how sure it is, and which others are as good."""

    share: float | None = Field(description="Null when no share keeps up.")
    low: float = Field(description="Lower end of the 80% interval of the best share.")
    high: float
    as_good_from: float
    as_good_to: float
    as_good_within: float = Field(description="What the dearest of these costs more.")
    is_flat: bool = Field(description="Shares eight points apart are as good as each other.")
    keeps_up_from: float | None = Field(description="Lowest share at which the work keeps up.")
    keeps_up_low: float
    keeps_up_high: float | None
    tolerated: float = Field(description="Part of the cases in which work may pile up.")
    cost: float = Field(description="Expected cost at the share.")
    cheapest_anyway: float = Field(description="Share of the lowest cost whether it keeps up or not.")

    @classmethod
    def of(cls, given: Optimum) -> OptimumOut:
        """An optimum as JSON has it."""
        return cls(
            share=given.share,
            low=given.low,
            high=given.high,
            as_good_from=given.as_good_from,
            as_good_to=given.as_good_to,
            as_good_within=given.as_good_within,
            is_flat=given.is_flat,
            keeps_up_from=given.keeps_up_from,
            keeps_up_low=given.keeps_up_low,
            keeps_up_high=given.keeps_up_high,
            tolerated=given.tolerated,
            cost=given.cost,
            cheapest_anyway=given.cheapest_anyway,
        )


class OptionOut(BaseModel):
    """A share and what it brings over the horizon."""

    share: float
    why: list[str] = Field(description="best, in_force, rule, last_quarter, asked.")
    cost: SpreadOut
    parts: dict[str, float] = Field(description="Expected cost by component.")
    extra_cost: float = Field(description="Beyond that of the best option.")
    piles_up: float = Field(description="Part of the cases in which more arrives than is done.")
    excess_hours_per_week: float
    left_over_items: SpreadOut
    left_over_hours: SpreadOut
    wait_days: float = Field(description="Of an item that is no incident, beyond the week in which it came.")
    downtime_hours: SpreadOut
    incidents: SpreadOut
    preventive_hours: SpreadOut
    feature_weeks: SpreadOut = Field(description="Person-weeks that remain for features.")
    is_best: float = Field(description="Probability that it is the best of the options.")

    @classmethod
    def of(cls, given: Option) -> OptionOut:
        """An option as JSON has it."""
        return cls(
            share=given.share,
            why=[why.value for why in given.why],
            cost=SpreadOut.of(given.cost),
            parts={component.value: value for component, value in given.parts.items()},
            extra_cost=given.extra_cost,
            piles_up=given.piles_up,
            excess_hours_per_week=given.excess,
            left_over_items=SpreadOut.of(given.left_over_items),
            left_over_hours=SpreadOut.of(given.left_over_hours),
            wait_days=given.wait_days,
            downtime_hours=SpreadOut.of(given.downtime_hours),
            incidents=SpreadOut.of(given.incidents),
            preventive_hours=SpreadOut.of(given.preventive_hours),
            feature_weeks=SpreadOut.of(given.feature_weeks),
            is_best=given.is_best,
        )


class MoveOut(BaseModel):
    """From a price on, a share is the best."""

    price: float
    share: float


class BreakEvenOut(BaseModel):
    """How the best share moves with one price."""

    component: str = Field(description="downtime or waiting.")
    present: float | None = Field(description="The price in force; null when it is unknown.")
    start: float = Field(description="Best share at a price of nothing.")
    moves: list[MoveOut]

    @classmethod
    def of(cls, given: BreakEven) -> BreakEvenOut:
        """A break-even as JSON has it."""
        return cls(
            component=given.component.value,
            present=given.present,
            start=given.start,
            moves=[MoveOut(price=move.price, share=move.share) for move in given.moves],
        )


class InfluenceOut(BaseModel):
    """One input and what it moves."""

    input: str
    aspect: str
    work_class: str | None
    low: float | None
    high: float | None
    share_at_low: float
    share_at_high: float
    worth: float | None = Field(description="Expected saving from knowing it exactly; null for a price.")

    @classmethod
    def of(cls, given: Influence) -> InfluenceOut:
        """An influence as JSON has it."""
        return cls(
            input=input_name(given),
            aspect=given.aspect.value,
            work_class=given.work_class.value if given.work_class else None,
            low=plain(given.low),
            high=plain(given.high),
            share_at_low=given.share_at_low,
            share_at_high=given.share_at_high,
            worth=given.worth,
        )


class LoadedOut(BaseModel):
    """What arrives in a week of one kind."""

    work_class: str
    items: SpreadOut
    hours: SpreadOut
    open_items: int
    shows_effect: float = Field(description="Part of the draws in which preventive work has an effect.")

    @classmethod
    def of(cls, given: Load) -> LoadedOut:
        """A load as JSON has it."""
        return cls(
            work_class=given.work_class.value,
            items=SpreadOut.of(given.items),
            hours=SpreadOut.of(given.hours),
            open_items=given.open_items,
            shows_effect=given.shows_effect,
        )


class CheckOut(BaseModel):
    """A limit of site reliability engineering, held or broken."""

    limit: str
    value: float
    most: float
    is_broken: bool

    @classmethod
    def of(cls, given: Check) -> CheckOut:
        """A check as JSON has it."""
        return cls(limit=given.limit.value, value=given.value, most=given.most, is_broken=given.is_broken)


class PlaceOut(BaseModel):
    """A share on the curve."""

    share: float
    cost: float
    low: float = Field(description="10% quantile over the futures.")
    high: float = Field(description="90% quantile.")
    parts: dict[str, float]
    piles_up: float


class HorizonOut(BaseModel):
    """The best share when so many weeks are looked ahead."""

    weeks: int
    optimum: OptimumOut


class PricesOut(BaseModel):
    """Prices in force; null where nobody said one."""

    currency: str = Field(description="h: everything is in hours of labour.")
    labour_hour: float
    downtime_hour: float | None
    waiting_week: float | None
    interruption_hours: float


class PlanOut(BaseModel):
    """What share should keep the lights on. The same records, terms and seed give the same answer."""

    start: dt.date = Field(description="Monday of the first week ahead.")
    weeks: int
    seed: int
    said: str = Field(description="The answer in one line.")
    sentences: list[str] = Field(description="The decision in words.")
    doubts: list[str] = Field(description="What cannot be said, and why.")
    prices: PricesOut
    unknown_prices: list[str] = Field(description="Components that are in no total.")
    people: int
    hours_per_week: SpreadOut
    loads: list[LoadedOut]
    optimum: OptimumOut | None = Field(description="Null when there is nothing to decide.")
    options: list[OptionOut] = Field(description="The best first.")
    curve: list[PlaceOut]
    break_evens: list[BreakEvenOut]
    horizons: list[HorizonOut]
    influences: list[InfluenceOut] = Field(description="Those most worth knowing first.")
    limits: list[CheckOut]

    @classmethod
    def of(cls, given: Plan) -> PlanOut:
        """A plan as JSON has it."""
        prices = given.prices
        return cls(
            start=given.demand.start,
            weeks=given.asked.weeks,
            seed=given.asked.seed,
            said=headline(given),
            sentences=[*sentences(given), *sentences_of_options(given)] if given.optimum else [],
            doubts=list(doubts(given)),
            prices=PricesOut(
                currency=prices.currency,
                labour_hour=prices.labour_hour,
                downtime_hour=prices.downtime_hour,
                waiting_week=prices.waiting_week,
                interruption_hours=prices.interruption_hours,
            ),
            unknown_prices=[component.value for component in given.costs.unknown] if given.costs else [],
            people=given.demand.capacity.people,
            hours_per_week=SpreadOut.of(given.hours),
            loads=[LoadedOut.of(each) for each in given.loads],
            optimum=OptimumOut.of(given.optimum) if given.optimum else None,
            options=[OptionOut.of(each) for each in given.options],
            curve=_curve(given.costs) if given.costs else [],
            break_evens=[BreakEvenOut.of(each) for each in given.break_evens],
            horizons=[
                HorizonOut(weeks=each.weeks, optimum=OptimumOut.of(each.optimum)) for each in given.horizons
            ],
            influences=[InfluenceOut.of(each) for each in given.influences],
            limits=[CheckOut.of(each) for each in given.checks],
        )


def _curve(costs: Costs) -> list[PlaceOut]:
    expected, (low, high) = costs.expected(), costs.interval()
    parts = {component: costs.expected(component) for component in Component if component in costs.parts}
    piles_up = costs.outcomes.piles_up.mean(axis=1)
    return [
        PlaceOut(
            share=float(share),
            cost=float(expected[at]),
            low=float(low[at]),
            high=float(high[at]),
            parts={component.value: float(values[at]) for component, values in parts.items()},
            piles_up=float(piles_up[at]),
        )
        for at, share in enumerate(costs.outcomes.shares)
    ]
