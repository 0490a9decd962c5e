"""How far to trust the forecast, in words and pictures: what it said in the past against what then happened.

Tells a :class:`~ktlo.planning.backtest.run.Backtest`; the arithmetic is in ``planning/backtest``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Question
from ktlo.planning.backtest.asking import Making
from ktlo.planning.backtest.policies import Policy
from ktlo.planning.backtest.regret import PolicyRegret
from ktlo.planning.backtest.run import Backtest, Score, Trust
from ktlo.report.charts import (
    SHARE,
    Cell,
    Head,
    Heading,
    Interval,
    Line,
    LineChart,
    LinePoint,
    Row,
    Table,
    Unit,
    unit_named,
    written,
)
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.sections import Asking, Figure, Links, Listing, Section
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

HOURS = unit_named("h")
RULES = {
    Policy.KTLO: "ktlo",
    Policy.FIXED: "fixed 20%",
    Policy.LAST_QUARTER: "last quarter again",
    Policy.TRAILING_MEAN: "mean of 52 weeks",
}
_DEFINITION = (
    "Every four weeks of the past, the next 13 weeks are forecast from nothing but what was known then: later arrivals,"
    " endings and hours are cut away, and everything is fitted anew. Forecast are the hours that work arriving by"
    " itself took, and their share of all hours. Pinball loss is the mean over the quantiles 10, 25, 50, 75 and 90%,"
    " times two, so that for a single number it would be the mean miss. The other rules get intervals from their own"
    " earlier misses; nothing is scored before each has made four. Differences and their 90% intervals come from a"
    " bootstrap of blocks, since quarters overlap."
)
_SOURCE = (
    "Rolling origin: Tashman 2000; pinball loss: Koenker and Machado 1999, Gneiting and Raftery 2007; block bootstrap:"
    " Künsch 1989; work left over: the newsvendor's critical ratio, Arrow, Harris and Marschak 1951"
)


def verdict(found: Backtest) -> str:
    """How far to trust the forecast, in one sentence."""
    n = counted(len(found.past), "past forecasts")
    if found.trust is Trust.UNKNOWN:
        return "How far to trust the forecast cannot be told yet"
    if found.trust is Trust.BETTER:
        return f"Over {n}, ktlo's share was closer than every simple rule's by more than chance"
    if found.trust is Trust.WORSE:
        rules = _and([RULES[policy] for policy in found.beaten_by])
        return f"Over {n}, {rules} did better than ktlo's share: trust that more here"
    level = [RULES[s.policy] for s in found.share if s.against.high is not None and s.against.high >= 0]
    either = (
        f"; {_and(level)} {'was' if len(level) == 1 else 'were'} not shown to be worse either"
        if level
        else ""
    )
    return f"Over {n}, no simple rule was shown to be closer than ktlo's share{either}"


def reading(found: Backtest) -> str:
    """What that means for a decision."""
    if found.trust is Trust.UNKNOWN:
        return f"{found.reason[:1].upper()}{found.reason[1:]}"
    own = found.share[0]
    inside = f"its 80% interval held {own.covered:.0%} of the outcomes"
    fair = "about as often as it says" if found.is_covered else _missed(own.covered)
    parts = [f"On average it missed by {own.loss * 100:.1f} points of share; {inside}, {fair}"]
    hours = [s for s in found.hours if s.against.low is not None and s.against.low > 0]
    if hours:
        parts.append(f"in hours, {_and([RULES[s.policy] for s in hours])} did better")
    cheaper = [r for r in found.regret if r.against.low is not None and r.against.low > 0]
    if cheaper:
        rules = _and([RULES[r.policy] for r in cheaper])
        parts.append(f"and to follow {rules} would have cost less than the share that ktlo would have named")
    return "; ".join(parts)


def _missed(covered: float) -> str:
    if covered < 0.8:
        return "which is too seldom: take its intervals for too narrow"
    return "which is oftener than it says: its intervals are wider than they need be"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def backtest(store: Queryable, question: Question, links: Links, making: Making, again: str) -> Section:
    """Answer how far to trust the forecast; while the backtest is being made, say how far that is.

    Args:
        store: for how fresh the records are.
        question: what was asked.
        links: where parts lead.
        making: the backtest, done or not.
        again: address of this page, to look again.
    """
    asking = Asking(store, question, links)
    found = making.wait(0)
    if found is None:
        return _under_way(asking, making, again)
    known = asking.known("person_days", _sample(found))
    is_known = found.trust is not Trust.UNKNOWN
    nothing = None
    if not is_known:
        why = f"{reading(found)}. Until then ktlo's intervals are wide on purpose."
        nothing = Nothing(
            "Too little past to test on", why, button="The load", href=links.page("plan/load", {})
        )
    return Section(
        key="backtest",
        title="Backtest",
        answer=Answer(
            question="How far can the forecast be trusted?",
            said=verdict(found),
            interval=f"missed by {found.share[0].loss * 100:.1f} points on average" if is_known else "",
            change=reading(found),
        ),
        cards=_cards(found) if is_known else (),
        figures=(_share_figure(found), _hours_figure(found)) if is_known else (),
        listings=_listings(found) if is_known else (),
        known=Known(
            definition=_DEFINITION,
            sample=known.sample,
            freshness=known.freshness,
            missing=_missing(found),
            source=_SOURCE,
        ),
        nothing=nothing,
    )


def _under_way(asking: Asking, making: Making, again: str) -> Section:
    told = f"{making.done} of {counted(making.total, 'steps')} are done." if making.total else "It has begun."
    known = asking.known("person_days", "")
    return Section(
        key="backtest",
        title="Backtest",
        answer=Answer("How far can the forecast be trusted?", "The past is being forecast", change=told),
        cards=(),
        figures=(),
        listings=(),
        known=Known(_DEFINITION, sample=told, freshness=known.freshness, source=_SOURCE),
        nothing=Nothing(
            "A few seconds more",
            f"{told} Every past forecast is fitted anew; the answer is remembered.",
            button="Look again",
            href=again,
        ),
    )


def _sample(found: Backtest) -> str:
    return f"{counted(len(found.past), 'past forecasts')} in {counted(found.history_weeks, 'complete weeks')}"


def _missing(found: Backtest) -> tuple[str, ...]:
    notes = ["What an item was for is taken from today's verdicts, also where a person corrected them later."]
    if found.regret:
        notes.append(
            "No effect of more or less prevention on what arrived is made up when the past is lived through."
        )
        if found.counts_left_over:
            notes.append(
                "Waiting has no price in planning.waiting_week: an hour of work left over at the end of a quarter"
                " counts five times, which is what a plan means that keeps up in four of five quarters."
            )
    return tuple(notes)


def _cards(found: Backtest) -> tuple[Card, ...]:
    own, n = found.share[0], counted(len(found.past), "past forecasts")
    cards = [
        Card("Mean miss of the share", f"{own.loss * 100:.1f} points", interval="pinball loss", sample=n),
        Card(
            "Outcomes inside the 80% interval",
            written(own.covered, SHARE),
            interval="as it should be" if found.is_covered else _missed(own.covered),
            sample=n,
        ),
        Card(
            "Mean miss of the hours",
            f"{written(found.hours[0].loss, HOURS)} a week",
            interval="pinball loss",
            sample=n,
        ),
    ]
    if found.regret:
        own_regret = found.regret[0]
        cards.append(
            Card(
                "Cost beyond hindsight's best",
                f"{written(own_regret.regret, HOURS)} a week",
                interval=f"kept up in {own_regret.kept_up} of {counted(own_regret.quarters, 'quarters')}",
                sample=counted(own_regret.quarters, "quarters"),
            )
        )
    return tuple(cards)


def _share_figure(found: Backtest) -> Figure:
    said = tuple(LinePoint(p.start, p.share_middle, Interval(p.share_low, p.share_high)) for p in found.past)
    was = tuple(LinePoint(p.start, p.share) for p in found.past)
    return _figure("share", "Share of all hours in the 13 weeks that followed", was, said, SHARE)


def _hours_figure(found: Backtest) -> Figure:
    said = tuple(LinePoint(p.start, p.middle, Interval(p.low, p.high)) for p in found.past)
    was = tuple(LinePoint(p.start, p.hours) for p in found.past)
    return _figure("hours", "Hours a week in the 13 weeks that followed", was, said, HOURS)


def _figure(
    name: str, title: str, was: tuple[LinePoint, ...], said: tuple[LinePoint, ...], unit: Unit
) -> Figure:
    return Figure(
        LineChart(
            Head(
                f"backtest-{name}",
                title,
                "What work arriving by itself took in the 13 weeks after each date, and what ktlo said on that date.",
            ),
            (Line("what happened", was), Line("what ktlo said", said)),
            unit,
            interval_of="80% interval",
        ),
        "A point stands at the Monday from which was forecast. Four of five outcomes should lie in the band.",
    )


def _listings(found: Backtest) -> tuple[Listing, ...]:
    listings = [
        _scores("share-scores", "Share of all hours", found.share, SHARE, "points of share"),
        _scores("hours-scores", "Hours a week", found.hours, HOURS, "hours a week"),
    ]
    if found.regret:
        listings.append(_regret(found.regret))
    return tuple(listings)


def _scores(name: str, title: str, scores: Sequence[Score], unit: Unit, what: str) -> Listing:
    rows = tuple(
        Row((RULES[s.policy], s.loss, s.covered, *_against(s.against), _words(s.against))) for s in scores
    )
    return Listing(
        name,
        f"{title}: ktlo and simple rules",
        Table(
            (
                Heading("Rule"),
                Heading("Pinball loss", unit),
                Heading("Inside its 80%", SHARE),
                Heading("ktlo less this", unit),
                Heading("90%, low", unit),
                Heading("90%, high", unit),
                Heading("In words"),
            ),
            rows,
        ),
        f"Mean miss in {what}, less is better; below zero, ktlo was closer.",
    )


def _against(estimate: Estimate) -> tuple[Cell, Cell, Cell]:
    if estimate.value is None:
        return "", "", ""
    return estimate.value, estimate.low, estimate.high


def _words(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    if estimate.high < 0:
        return "ktlo was closer"
    if estimate.low > 0:
        return "this rule was closer"
    return "no difference shown"


def _regret(regret: Sequence[PolicyRegret]) -> Listing:
    def words(each: PolicyRegret) -> str:
        told = _words(each.against)
        return {"ktlo was closer": "ktlo cost less", "this rule was closer": "this rule cost less"}.get(
            told, told
        )

    rows = tuple(
        Row(
            (
                RULES[r.policy],
                r.share,
                r.regret,
                f"{r.kept_up} of {r.quarters}",
                *_against(r.against),
                words(r),
            )
        )
        for r in regret
    )
    return Listing(
        "regret",
        "What following each rule would have cost",
        Table(
            (
                Heading("Rule"),
                Heading("Mean share", SHARE),
                Heading("Beyond hindsight's best, a week", HOURS),
                Heading("Kept up"),
                Heading("ktlo less this", HOURS),
                Heading("90%, low", HOURS),
                Heading("90%, high", HOURS),
                Heading("In words"),
            ),
            rows,
        ),
        "Quarters that do not overlap, lived through at the share that each rule named beforehand: hours reserved in"
        " vain, hours of incidents beyond the share, and work left over at the end, less the cheapest share there was.",
    )
