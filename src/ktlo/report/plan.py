"""The budget decision as a section: how much of the team's hours should keep the lights on.

Takes a finished :class:`~ktlo.planning.budget.plan.Plan` (the decision has its own inputs and its own cache), gives
the section that ``/plan``, its JSON twin and documents show. The words are in ``plan_sentences``.
"""

from __future__ import annotations

from ktlo.planning.budget.options import Why
from ktlo.planning.budget.plan import Doubt, Plan
from ktlo.report.charts import (
    COUNT,
    SHARE,
    written,
    written_interval,
)  # fmt: skip
from ktlo.report.charts.quantity import share
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.plan_charts import plan_figures
from ktlo.report.plan_links import PlanLinks
from ktlo.report.plan_sentences import doubts, headline, is_vague, sentences, sentences_of_options
from ktlo.report.plan_tables import plan_listings
from ktlo.report.plan_terms import (
    HOURS,
    between,
    cost,
    part,
)  # fmt: skip
from ktlo.report.sections import Section
from ktlo.wording import counted


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
            question=f"What share should keep the lights on over the next {counted(plan.asked.weeks, 'weeks')}?",
            said=headline(plan),
            interval=between(best.low, best.high)
            if best is not None and best.share is not None and not is_vague(best)
            else "",
            change=_against_in_force(plan),
        ),
        cards=_cards(plan, links) if decided else (),
        figures=plan_figures(plan, links) if decided else (),
        listings=plan_listings(plan, links) if decided else (),
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
    sample = f"{counted(futures, 'simulated futures')} of {counted(plan.asked.weeks, 'weeks')}"
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


def _known(plan: Plan, freshness: str) -> Known:
    items = sum(each.evidence.items for each in plan.demand.classes)
    weeks = max((each.evidence.weeks for each in plan.demand.classes), default=0)
    return Known(
        definition="The share with the lowest expected cost (labour, work left over, interruptions, interest on debt,"
        " and waiting and downtime where they have a price) among those at which the work keeps up, by a week-by-week"
        " simulation of what the records say about arrivals, work and downtime.",
        definition_href="",
        sample=f"{counted(items, 'items')} of {counted(weeks, 'weeks')};"
        f" {counted(plan.demand.draws, 'posterior draws')}; seed {plan.asked.seed}",
        freshness=freshness,
        missing=tuple(doubts(plan)),
        source="docs/planning-budget.md",
    )
