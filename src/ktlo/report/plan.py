"""The budget decision as a section: how much of the team's hours should keep the lights on.

Takes a finished :class:`~ktlo.planning.budget.plan.Plan` (the decision has its own inputs and its own cache), gives
the section that ``/plan``, its JSON twin and documents show. The words are in ``plan_sentences``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ktlo.metrics.wording import counted
from ktlo.planning.budget.costs import Component, Costs
from ktlo.planning.budget.options import Option, Why
from ktlo.planning.budget.plan import Doubt, Plan
from ktlo.report.charts import (
    COUNT,
    SHARE,
    AreaCurve,
    Guide,
    Head,
    Heading,
    Interval,
    Place,
    Range,
    RangeChart,
    Row,
    RuledOut,
    Table,
    written,
    written_interval,
)  # fmt: skip
from ktlo.report.charts.quantity import share
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.plan_sentences import doubts, headline, is_vague, labels, sentences, sentences_of_options
from ktlo.report.plan_terms import (
    CLASSES,
    COMPONENTS,
    HOURS,
    between,
    cost,
    input_label,
    money,
    part,
)  # fmt: skip
from ktlo.report.sections import Figure, Listing, Section

MOST_INPUTS = 10
_PAST_BEST, _LEAST_SHOWN = 2.2, 0.4
"""The picture ends at so many times the highest share of interest, and shows at least so much of the axis."""


class PlanLinks(Protocol):
    """Where the parts of a plan lead; documents lead nowhere."""

    def plan(self, changed: Mapping[str, str]) -> str:
        """The plan with some of what is asked changed."""

    def page(self, name: str) -> str:
        """Another page."""


class NoPlanLinks:
    """Links of a document: none."""

    def plan(self, changed: Mapping[str, str]) -> str:
        """Lead nowhere."""
        del changed
        return ""

    def page(self, name: str) -> str:
        """Lead nowhere."""
        del name
        return ""


def plan_section(plan: Plan, links: PlanLinks, freshness: str = "") -> Section:
    """Answer how much of the team's hours should keep the lights on.

    Args:
        plan: the decision.
        links: where the parts lead.
        freshness: when the records behind it were collected, in words.
    """
    best = plan.optimum
    decided = best is not None and plan.costs is not None
    return Section(
        key="plan",
        title="Plan",
        answer=Answer(
            question=f"What share should keep the lights on over the next {plan.asked.weeks} weeks?",
            said=headline(plan),
            interval=between(best.low, best.high)
            if best is not None and best.share is not None and not is_vague(best)
            else "",
            change=_against_in_force(plan),
        ),
        cards=_cards(plan, links) if decided else (),
        figures=_figures(plan, links) if decided else (),
        listings=_listings(plan, links) if decided else (),
        known=_known(plan, freshness),
        nothing=None if decided else _nothing(plan, links),
        sentences=(*sentences(plan), *sentences_of_options(plan)) if decided else (),
    )


def _against_in_force(plan: Plan) -> str:
    option = plan.option(Why.IN_FORCE)
    if plan.optimum is None or plan.optimum.share is None:
        return ""
    if option is None:
        return "No share is in force yet: record one to see each quarter held against it"
    if Why.BEST in option.why:
        return "It is the share in force"
    good = plan.optimum.as_good_from - 1e-9 <= option.share <= plan.optimum.as_good_to + 1e-9
    if good:
        return f"The {share(option.share)} in force are as good"
    more = "more" if option.extra_cost >= 0 else "less, as far as prices are known"
    grows = f", and is too small in {part(option.piles_up)} of the cases"
    return f"The {share(option.share)} in force would cost {cost(abs(option.extra_cost), plan.prices)} {more}{grows}"


def _nothing(plan: Plan, links: PlanLinks) -> Nothing:
    if Doubt.NO_HOURS in plan.doubts:
        return Nothing(
            "No hours of work to take a share of",
            "Hours come from commits, reviews and issues of people.",
            "ktlo sources add git PATH",
            "Add a source",
            links.page("sources/add"),
        )
    return Nothing(
        "Nothing has arrived that could be planned for",
        "Incidents, bugs, vulnerabilities, updates and requests come from a tracker, a repository or a file.",
        "ktlo sources add csv incidents.csv",
        "Add a source",
        links.page("sources/add"),
    )


def _cards(plan: Plan, links: PlanLinks) -> tuple[Card, ...]:
    best, first = plan.optimum, plan.options[0]
    assert best is not None  # noqa: S101 - the caller looked
    futures = plan.costs.outcomes.capacity.shape[1] if plan.costs else 0
    sample = f"{counted(futures, 'simulated futures')} of {written(plan.asked.weeks, COUNT)} weeks"
    cards = [
        Card(
            "Best share",
            share(best.share) if best.share is not None else "",
            interval=between(best.low, best.high) if best.share is not None else "no share keeps up",
            sample=sample,
        ),
        Card(
            "The work keeps up from",
            share(best.keeps_up_from) if best.keeps_up_from is not None else "",
            interval="none keeps up"
            if best.keeps_up_from is None
            else written_interval(best.keeps_up_low, best.keeps_up_high, SHARE),
            sample=f"in {share(1 - best.tolerated)} of the cases",
        ),
    ]
    measured, in_force = plan.option(Why.LAST_QUARTER), plan.option(Why.IN_FORCE)
    if measured is not None:
        cards.append(
            Card(
                "Measured lately", share(measured.share), links.page("effort"),
                sample="share of effort that kept the lights on",
            )
        )  # fmt: skip
    cards.append(
        Card(
            "In force",
            share(in_force.share) if in_force is not None else "none yet",
            links.page("plan/history"),
            sample=f"the best of these in {part(in_force.is_best)} of the cases"
            if in_force is not None
            else "record one to be held against",
        )
    )
    cards.append(
        Card(
            "Person-weeks for features",
            written(first.feature_weeks.mean, COUNT),
            interval=written_interval(first.feature_weeks.low, first.feature_weeks.high, COUNT),
            sample="at the best share" if best.share is not None else "if all hours kept the lights on",
        )
    )
    if first.incidents.mean > 0:
        cards.append(
            Card(
                "Downtime to expect",
                written(first.downtime_hours.mean, HOURS),
                links.page("reliability"),
                interval=written_interval(first.downtime_hours.low, first.downtime_hours.high, HOURS),
                sample="at the best share",
            )
        )
    return tuple(cards)


def _figures(plan: Plan, links: PlanLinks) -> tuple[Figure, ...]:
    assert plan.costs is not None  # noqa: S101 - the caller looked
    figures = [
        Figure(
            curve(plan, plan.costs, links),
            f"Expected cost over {plan.asked.weeks} weeks by the share of hours that is reserved, in"
            f" {money(plan.prices).symbol}. {_missing_prices(plan.costs)}".strip(),
            links.plan({"format": "csv"}),
            links.plan({"format": "json"}),
        )
    ]
    tornado = inputs_chart(plan)
    if tornado is not None:
        figures.append(
            Figure(
                tornado,
                "How the best share moves as one input goes through the 80% interval that the records leave it; prices"
                " are halved and doubled. The top ones are worth measuring.",
            )
        )
    return tuple(figures)


def _missing_prices(costs: Costs) -> str:
    missing = " and ".join(COMPONENTS[component].label.lower() for component in costs.unknown)
    if not missing:
        return ""
    told = "have no price and are" if len(costs.unknown) > 1 else "has no price and is"
    return f"{missing.capitalize()} {told} not in it."


def curve(plan: Plan, costs: Costs, links: PlanLinks, name: str = "plan-curve") -> AreaCurve:
    """The picture of the decision: what each share costs."""
    shares = costs.outcomes.shares
    last = min(
        1.0,
        max(
            _LEAST_SHOWN,
            _PAST_BEST * max(option.share for option in plan.options if Why.ASKED not in option.why),
        ),
    )
    asked = plan.option(Why.ASKED)
    if asked is not None:
        last = min(1.0, max(last, asked.share + 0.05))
    low, high = costs.interval()
    expected = {component: costs.expected(component) for component in costs.parts}
    shown = [component for component in Component if component in expected and expected[component].any()]
    places = tuple(
        Place(
            x=float(at),
            amounts=tuple(float(expected[component][index]) for component in shown),
            interval=Interval(float(low[index]), float(high[index])),
            href=links.plan({"share": f"{float(at):g}"}),
        )
        for index, at in enumerate(shares)
        if at <= last + 1e-9
    )
    best = plan.optimum
    keeps_up = best.keeps_up_from if best is not None else None
    guides = [
        Guide(option.share, labels(option), index == 0)
        for index, option in enumerate(plan.options)
        if best is not None and (best.share is not None or Why.BEST not in option.why)
    ]
    told = ", ".join(f"{labels(option).lower()} {share(option.share)}" for option in plan.options)
    return AreaCurve(
        Head(
            name,
            "What each share costs",
            f"Stacked areas of expected cost over the share of hours, with lines at: {told}.",
        ),
        tuple(COMPONENTS[component] for component in shown),
        places,
        money(plan.prices),
        x_title="share of the team's hours",
        guides=tuple(guides),
        ruled_out=None
        if keeps_up == 0
        else RuledOut(
            1.0 if keeps_up is None else keeps_up,
            f"shares that are too small in more than {share(best.tolerated) if best else ''} of the cases",
        ),
    )


def inputs_chart(plan: Plan) -> RangeChart | None:
    """How the best share moves with each input; ``None`` where none is uncertain."""
    shown = [each for each in plan.influences if each.swing > 0][:MOST_INPUTS]
    best = plan.optimum
    if not shown or best is None or best.share is None:
        return None
    return RangeChart(
        Head(
            "plan-inputs",
            "What the decision hangs on",
            "The best share at the lower and the upper end of each input, those most worth knowing first.",
        ),
        tuple(
            Range(
                input_label(each),
                _inside(best.share, each.share_at_low, each.share_at_high),
                min(each.share_at_low, each.share_at_high),
                max(each.share_at_low, each.share_at_high),
                told=between(each.share_at_low, each.share_at_high),
            )
            for each in shown
        ),
        SHARE,
        reference=best.share,
        reference_label="best share now",
        interval_of="best share over the range of the input",
    )


def _inside(value: float, one: float, other: float) -> float:
    return min(max(value, min(one, other)), max(one, other))


def options_table(plan: Plan) -> Table:
    """The options side by side."""
    unit = money(plan.prices)
    headings = (
        Heading("Option"), Heading("Share", SHARE), Heading("Cost", unit), Heading("from (80%)", unit),
        Heading("to", unit), Heading("Against the best", unit), Heading("Too small", SHARE),
        Heading("Days of wait", COUNT), Heading("Hours down", COUNT), Heading("Feature person-weeks", COUNT),
        Heading("Best of these", SHARE),
    )  # fmt: skip
    return Table(headings, tuple(Row(_option_cells(option)) for option in plan.options))


def _option_cells(option: Option) -> tuple[str | float, ...]:
    return (
        labels(option),
        option.share,
        option.cost.mean,
        option.cost.low,
        option.cost.high,
        option.extra_cost,
        option.piles_up,
        option.wait_days,
        option.downtime_hours.mean,
        option.feature_weeks.mean,
        option.is_best,
    )


def _listings(plan: Plan, links: PlanLinks) -> tuple[Listing, ...]:
    weeks = plan.asked.weeks
    listings = [
        Listing(
            "plan-options",
            "The options side by side",
            options_table(plan),
            f"Expected over {weeks} weeks, all lived through the same futures. Too small: part of the cases that the"
            " records leave open in which more arrives than the share can do, were all as expected. Wait: days that an"
            " item other than an incident waits beyond the week in which it came.",
        ),
        Listing(
            "plan-loads",
            "What arrives in a week",
            Table(
                (
                    Heading("Kind"), Heading("Items", COUNT), Heading("Items, 80% interval"), Heading("Hours", HOURS),
                    Heading("Hours, 80% interval"), Heading("Open today", COUNT),
                    Heading("Draws in which prevention helps", SHARE),
                ),
                tuple(
                    Row(
                        (
                            CLASSES[load.work_class].capitalize(),
                            load.items.mean,
                            written_interval(load.items.low, load.items.high, COUNT),
                            load.hours.mean,
                            written_interval(load.hours.low, load.hours.high, HOURS),
                            load.open_items,
                            load.shows_effect,
                        ),
                        links.page("load"),
                    )
                    for load in plan.loads
                ),
            ),
            "Fitted from the records with what they leave open.",
        ),
    ]  # fmt: skip
    if plan.horizons:
        listings.append(
            Listing(
                "plan-horizons",
                "One to four quarters ahead",
                Table(
                    (
                        Heading("Weeks ahead", COUNT), Heading("Best share", SHARE), Heading("80% interval"),
                        Heading("As good"), Heading("Keeps up from", SHARE),
                    ),
                    tuple(
                        Row(
                            (
                                each.weeks,
                                each.optimum.share,
                                between(each.optimum.low, each.optimum.high),
                                between(each.optimum.as_good_from, each.optimum.as_good_to),
                                each.optimum.keeps_up_from,
                            ),
                            links.plan({"weeks": str(each.weeks)}),
                        )
                        for each in plan.horizons
                    ),
                ),
                "The further one looks, the longer preventive work has to pay.",
            )
        )  # fmt: skip
    if plan.influences:
        listings.append(
            Listing(
                "plan-worth",
                "What is worth measuring",
                Table(
                    (
                        Heading("Input"), Heading("Low", COUNT), Heading("High", COUNT),
                        Heading("Best share at low", SHARE), Heading("Best share at high", SHARE),
                        Heading("Worth of knowing it", money(plan.prices)),
                    ),
                    tuple(
                        Row(
                            (
                                input_label(each),
                                each.low if np.isfinite(each.low) else None,
                                each.high if np.isfinite(each.high) else None,
                                each.share_at_low,
                                each.share_at_high,
                                each.worth,
                            )
                        )
                        for each in plan.influences[:MOST_INPUTS]
                    ),
                ),
                f"Expected saving over {weeks} weeks from knowing the input exactly before deciding (expected value of"
                " partial perfect information), less what chance alone would show. An hour of work beyond the share"
                " counts as the decision counts it: five times where waiting has no price, else twice. Prices have"
                " none: nobody said how uncertain they are.",
            )
        )  # fmt: skip
    return tuple(listings)


def _known(plan: Plan, freshness: str) -> Known:
    items = sum(each.evidence.items for each in plan.demand.classes)
    weeks = max((each.evidence.weeks for each in plan.demand.classes), default=0)
    return Known(
        definition="The share with the lowest expected cost (labour, work left over, interruptions, interest on debt,"
        " and waiting and downtime where they have a price) among those at which the work keeps up, by a week-by-week"
        " simulation of what the records say about arrivals, work and downtime.",
        definition_href="",
        sample=f"{counted(items, 'items')} of {counted(weeks, 'weeks')}; {plan.demand.draws:,} posterior draws;"
        f" seed {plan.asked.seed}",
        freshness=freshness,
        missing=tuple(doubts(plan)),
        source="docs/planning-budget.md",
    )
