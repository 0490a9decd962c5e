"""Each past quarter in words and as a section: the budget, what was spent, what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ktlo.metrics.estimate import Estimate
from ktlo.planning.budget.journal import Budget
from ktlo.planning.budget.quarters import Quarter, Verdict
from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Ground,
    Head,
    Heading,
    Interval,
    Line,
    LineChart,
    LinePoint,
    Row,
    Table,
    written,
    written_interval,
)  # fmt: skip
from ktlo.report.charts.quantity import share
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Figure, Links, Listing, Section, interval_of
from ktlo.wording import counted

_VERDICTS = {
    Verdict.WITHIN: "as meant, as far as it can be told",
    Verdict.ABOVE: "more than meant",
    Verdict.BELOW: "less than meant",
    Verdict.NO_BUDGET: "no budget was in force",
    Verdict.NOT_TOLD: "cannot be told",
}


def quarter_name(start: dt.date) -> str:
    """``Q3 2026``."""
    return f"Q{(start.month - 1) // 3 + 1} {start.year}"


def verdict(quarter: Quarter) -> str:
    """The verdict in a few words."""
    return _VERDICTS[quarter.verdict]


def told(quarter: Quarter) -> str:
    """A quarter in words: share against budget, then what came of it."""
    called = quarter_name(quarter.start) + ("" if quarter.is_over else " so far")
    spent = quarter.share
    if spent.value is None:
        parts = [f"{called}: what share kept the lights on cannot be told ({spent.reason})"]
    else:
        interval = "" if spent.low is None else f" ({written_interval(spent.low, spent.high, SHARE)})"
        parts = [f"{called}: {share(spent.value)}{interval} kept the lights on"]
        if quarter.budget is not None:
            parts[0] += f" where {share(quarter.budget)} were meant: {verdict(quarter)}"
    if quarter.opened.value is not None and quarter.closed.value is not None:
        net = quarter.opened.value - quarter.closed.value
        moved = (
            "as many closed as opened"
            if net == 0
            else f"{abs(net):,.0f} {'more' if net > 0 else 'fewer'} open"
        )
        parts.append(
            f"{counted(int(quarter.opened.value), 'bugs')} opened and {int(quarter.closed.value):,} closed, {moved}"
        )
    if quarter.incidents.value:
        restore = quarter.restore.value
        half = f", half restored within {written(restore, SECONDS)}" if restore is not None else ""
        parts.append(f"{counted(int(quarter.incidents.value), 'incidents')}{half}")
    if quarter.downtime.value is not None:
        parts.append(f"{written(quarter.downtime.value, SECONDS)} of downtime")
    return "; ".join(parts) + "."


def history_section(quarters: Sequence[Quarter], budgets: Sequence[Budget], links: Links) -> Section:
    """Answer whether quarters went as they were meant.

    Args:
        quarters: newest first.
        budgets: in order of their first day.
        links: where the parts lead.
    """
    judged = [each for each in quarters if each.verdict in (Verdict.WITHIN, Verdict.ABOVE, Verdict.BELOW)]
    nothing = None
    if not quarters:
        nothing = Nothing(
            "No quarter to tell of",
            "No work, bug, incident or outage is in the records.",
            "ktlo sources add git PATH",
            "Add a source",
            links.page("sources/add", {}),
        )
    return Section(
        key="plan/history",
        title="Budgets and quarters",
        answer=Answer("Did quarters go as they were meant?", _said(quarters, judged)),
        cards=(),
        figures=(Figure(_chart(quarters), "Share of effort that kept the lights on, and what was meant."),)
        if quarters
        else (),
        listings=(_quarters(quarters, links), _budgets(budgets)) if quarters else (_budgets(budgets),),
        known=Known(
            definition="The KTLO share of each calendar quarter with its 95% interval against the mean of the shares in"
            " force over its days. More or less than meant is said only where the interval leaves the budget out.",
            definition_href=links.definition("ktlo_share"),
            sample=counted(len(quarters), "quarters"),
            missing=() if budgets else ("No budget was ever recorded.",),
            source="As KTLO share",
        ),
        nothing=nothing,
        sentences=tuple(told(each) for each in quarters),
    )


def _said(quarters: Sequence[Quarter], judged: Sequence[Quarter]) -> str:
    if not quarters:
        return "There is no quarter to tell of yet"
    if not judged:
        return "No quarter had a budget that it could be held against"
    missed = [each for each in judged if each.verdict is not Verdict.WITHIN]
    if not missed:
        return f"Nothing says that any of {counted(len(judged), 'quarters')} missed its budget"
    above = sum(each.verdict is Verdict.ABOVE for each in missed)
    below = len(missed) - above
    parts = [f"{above} took more" if above else "", f"{below} took less" if below else ""]
    return (
        f"Of {counted(len(judged), 'quarters')} with a budget {' and '.join(filter(None, parts))} than meant"
    )


def _chart(quarters: Sequence[Quarter]) -> LineChart:
    ordered = list(reversed(quarters))
    lines = [
        Line(
            "Kept the lights on",
            tuple(
                LinePoint(
                    each.start,
                    each.share.value,
                    interval_of(each.share) if each.share.value is not None else None,
                )
                for each in ordered
            ),
        )
    ]
    if any(each.budget is not None for each in ordered):
        lines.append(
            Line("Meant", tuple(LinePoint(q.start, q.budget) for q in ordered if q.budget is not None))
        )
    return LineChart(
        Head("plan-quarters", "Meant and measured", "Share of effort by quarter, with the budget in force."),
        tuple(lines),
        SHARE,
        Ground.ZERO,
    )


def _ends(estimate: Estimate) -> str:
    interval: Interval | None = interval_of(estimate) if estimate.value is not None else None
    return written_interval(interval.low, interval.high, SHARE) if interval else ""


def _quarters(quarters: Sequence[Quarter], links: Links) -> Listing:
    return Listing(
        "plan-quarters-table",
        "Quarter by quarter",
        Table(
            (
                Heading("Quarter"), Heading("Meant"), Heading("Kept the lights on", SHARE),
                Heading("95% interval"), Heading("Verdict"), Heading("Bugs opened", COUNT),
                Heading("Bugs closed", COUNT), Heading("Incidents", COUNT), Heading("Downtime", SECONDS),
                Heading("Median to restore", SECONDS),
            ),
            tuple(
                Row(
                    (
                        quarter_name(each.start) + ("" if each.is_over else " so far"),
                        share(each.budget) if each.budget is not None else "nothing",
                        each.share.value,
                        _ends(each.share),
                        verdict(each),
                        each.opened.value,
                        each.closed.value,
                        each.incidents.value,
                        each.downtime.value,
                        each.restore.value,
                    ),
                    links.page("effort", {"from": each.start.isoformat(), "to": _last(each).isoformat()}),
                )
                for each in quarters
            ),
        ),
        "A quarter leads to its effort.",
    )  # fmt: skip


def _last(quarter: Quarter) -> dt.date:
    return quarter.end - dt.timedelta(days=1)


def _budgets(budgets: Sequence[Budget]) -> Listing:
    return Listing(
        "plan-budgets",
        "Budgets that were recorded",
        Table(
            (Heading("From"), Heading("Share", SHARE), Heading("Why"), Heading("Who")),
            tuple(
                Row(
                    (
                        each.since.isoformat() if each.since else "always",
                        each.share,
                        each.why,
                        each.author,
                    )
                )
                for each in reversed(budgets)
            ),
        ),
        "The newest word for a day counts; nothing that was said is lost.",
    )
