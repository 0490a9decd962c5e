"""The budget decision in tables: the options, what arrives, the horizons, what is worth measuring."""

from __future__ import annotations

import numpy as np

from ktlo.planning.budget.options import Option
from ktlo.planning.budget.plan import Plan
from ktlo.report.charts import COUNT, SHARE, Heading, Row, Table, written_interval
from ktlo.report.plan_charts import MOST_INPUTS
from ktlo.report.plan_links import PlanLinks
from ktlo.report.plan_sentences import labels
from ktlo.report.plan_terms import CLASSES, HOURS, between, input_label, money
from ktlo.report.sections import Listing
from ktlo.wording import counted


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


def plan_listings(plan: Plan, links: PlanLinks) -> tuple[Listing, ...]:
    """The tables of a decision; those that have no rows are left out."""
    weeks = plan.asked.weeks
    listings = [
        Listing(
            "plan-options",
            "The options side by side",
            options_table(plan),
            f"Expected over {counted(weeks, 'weeks')}, all lived through the same futures. Too small: part of"
            " the cases that the"
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
                f"Expected saving over {counted(weeks, 'weeks')} from knowing the input exactly before deciding"
                " (expected value of"
                " partial perfect information), less what chance alone would show. An hour of work beyond the share"
                " counts as the decision counts it: five times where waiting has no price, else twice. Prices have"
                " none: nobody said how uncertain they are.",
            )
        )  # fmt: skip
    return tuple(listings)
