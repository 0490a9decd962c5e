"""The pictures of the budget decision: what each share costs, and what the decision hangs on."""

from __future__ import annotations

from ktlo.planning.budget.costs import Component, Costs
from ktlo.planning.budget.options import Why
from ktlo.planning.budget.plan import Plan
from ktlo.report.charts import SHARE, AreaCurve, Guide, Head, Interval, Place, Range, RangeChart, RuledOut
from ktlo.report.charts.quantity import share
from ktlo.report.plan_links import PlanLinks
from ktlo.report.plan_sentences import labels
from ktlo.report.plan_terms import COMPONENTS, between, input_label, money
from ktlo.report.sections import Figure
from ktlo.wording import counted

MOST_INPUTS = 10
_PAST_BEST, _LEAST_SHOWN = 2.2, 0.4
"""The picture ends at so many times the highest share of interest, and shows at least so much of the axis."""


def plan_figures(plan: Plan, links: PlanLinks) -> tuple[Figure, ...]:
    """The pictures of a decision whose costs are known."""
    assert plan.costs is not None  # noqa: S101 - the caller looked
    figures = [
        Figure(
            curve(plan, plan.costs, links),
            f"Expected cost over {counted(plan.asked.weeks, 'weeks')} by the share of hours that is reserved, in"
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
