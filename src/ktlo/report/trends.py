"""Trends as something to read: what got slower, fails more or is called more, since when, what was deployed then."""

from __future__ import annotations

from collections.abc import Callable

from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Head,
    Heading,
    Range,
    RangeChart,
    Row,
    Steps,
    Table,
    Unit,
    written,
)
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Figure, Listing, Section
from ktlo.telemetry.compared import WORDS
from ktlo.telemetry.trend import LEAST, Measure, Trend, Trends, Verdict
from ktlo.telemetry.trends import FALSE_NAMES
from ktlo.wording import counted

Href = Callable[[str, dict[str, str]], str]
"""Makes a URL of a path and parameters."""

TIMES = Unit(symbol="times")
HOURS_A_DAY = Unit(symbol="h a day")
A_DAY = Unit(symbol="a day")
MOST_DRAWN = 30

_VERDICTS = {
    Verdict.SMALL: "changed, but by less than matters",
    Verdict.NOT_DETECTABLE: "not detectable yet",
    Verdict.NONE: "no change that matters",
    Verdict.TOO_FEW: "too few calls to compare",
}
_DEFINITION = (
    "Every operation's p95, share of failed calls and calls a minute, against the same hours of the week before, so"
    " that the shape of the week makes no change. By how much days differ anyway is what a change is held against."
    f" Named is what has a false discovery rate of at most {FALSE_NAMES:.0%} over all comparisons and changed by at"
    f" least {LEAST.share:.0%} (errors: {LEAST.error_share:.1%} of the calls and {LEAST.error_ratio:.0%} of what they"
    f" were), with at least {LEAST.calls} calls in each stretch."
)
_SOURCE = (
    "quasi-likelihood with shared dispersion (Smyth 2004), false discovery rate by Benjamini and Hochberg 1995,"
    " quantiles by t-digest (Dunning and Ertl 2019); docs/trends.md has the simulation"
)


def trends_section(found: Trends, href: Href, service: str = "") -> Section:
    """What changed, in words, as a picture and as tables.

    Args:
        found: the comparison.
        href: makes links.
        service: the only service that was compared; empty for all.
    """
    later, earlier = WORDS[found.stretches.span]
    when = f"{minute_label(found.stretches.later.start)} to {minute_label(found.stretches.later.end)}"
    everything = (*found.named, *found.others)
    nothing = None
    if not found.hours and (everything or found.since):
        nothing = Nothing("There is nothing to compare yet", young(found))
    elif not everything:
        nothing = Nothing(
            "Nothing reported in these stretches",
            "Trends need telemetry of both stretches. Point an OpenTelemetry SDK here, or choose a shorter one.",
            button="Where to send telemetry",
            href="/telemetry",
        )
    return Section(
        key="trends",
        title="Trends",
        answer=Answer(
            question=f"What changed in {service or 'the services'}, {later} against {earlier}?",
            said=said(found),
            interval=_tested(found),
            change=when if nothing or not young(found) else f"{when} · {young(found)}",
        ),
        cards=(),
        figures=_figures(found, href),
        listings=() if nothing else _listings(found, href),
        known=Known(
            definition=_DEFINITION,
            sample=f"{counted(len({one.key for one in everything}), 'operations')}, {found.hours} of"
            f" {counted(int(found.stretches.asked.sum()), 'hours')} have telemetry in both stretches",
            freshness="up to the last full hour",
            missing=_missing(found),
            source=_SOURCE,
        ),
        nothing=nothing,
    )


def young(found: Trends) -> str:
    """Since when there is data and from when on everything can be compared, where the store is too young for that."""
    later, earlier = WORDS[found.stretches.span]
    if found.since is None or found.whole_from is None:
        if found.hours:
            return ""
        return f"No hour has telemetry both in {later} and in {earlier}."
    return (
        f"Telemetry is here since {minute_label(found.since)}; {later} against {earlier} needs data from"
        f" {minute_label(found.stretches.earlier.start)} on. All hours can be compared from"
        f" {minute_label(found.whole_from)}."
    )


def said(found: Trends) -> str:
    """The first line: how many operations changed, and how; over how many hours where that is not all of them."""
    told = _changed(found)
    if not 0 < found.hours < found.asked_hours:
        return told
    return f"{told}, over {found.hours} of {counted(found.asked_hours, 'hours')}"


def _changed(found: Trends) -> str:
    slower, faster = _split(found.of(Measure.P95))
    more, fewer = _split(found.of(Measure.ERRORS))
    rate = [one for one in found.of(Measure.RATE) if one.verdict is Verdict.CHANGED]
    new = [one for one in found.named if one.verdict is Verdict.NEW]
    gone = [one for one in found.named if one.verdict is Verdict.GONE]
    parts = [
        f"{len(ones)} {one if len(ones) == 1 else many}"
        for ones, one, many in (
            (slower, "got slower", "got slower"),
            (more, "fails more often", "fail more often"),
            (faster, "got faster", "got faster"),
            (fewer, "fails less often", "fail less often"),
            (rate, "is called at another rate", "are called at another rate"),
            (new, "is new", "are new"),
            (gone, "is no longer called", "are no longer called"),
        )
        if ones
    ]
    if not parts:
        if not (found.named or found.others):
            return "Nothing can be compared yet" if found.since else "Nothing was there to compare"
        return "No change is named" if found.tested else "Nothing can be compared yet"
    if len(parts) > 1:
        return f"Operations: {', '.join(parts)}"
    number, _, rest = parts[0].partition(" ")
    return f"{number} operation{'' if number == '1' else 's'} {rest}"


def _split(ones: tuple[Trend, ...]) -> tuple[list[Trend], list[Trend]]:
    return [one for one in ones if one.is_worse], [one for one in ones if not one.is_worse]


def _tested(found: Trends) -> str:
    if not found.tested:
        return ""
    tested = counted(found.tested, "comparisons")
    return f"of {tested}; at most {FALSE_NAMES:.0%} of the named ones are expected to be chance"


def _figures(found: Trends, href: Href) -> tuple[Figure, ...]:
    drawn = [
        one for one in found.of(Measure.P95) if one.ratio and one.low is not None and one.high is not None
    ]
    if not drawn:
        return ()
    chart = RangeChart(
        Head("p95", "p95 now, as a multiple of before", "Named changes, those that add most time first."),
        tuple(
            Range(
                _label(one), one.ratio, min(one.low or 0, one.ratio or 0), max(one.high or 0, one.ratio or 0),
                one.calls, _operation(one, href),
            )
            for one in drawn[:MOST_DRAWN]
        ),
        TIMES,
        Steps.LOG,
        reference=1.0,
        reference_label="no change",
    )  # fmt: skip
    return (
        Figure(chart, "p95 of the later stretch divided by that of the earlier one; intervals from days."),
    )


def _label(one: Trend) -> str:
    return f"{one.key.service} {one.key.name}"


def _operation(one: Trend, href: Href) -> str:
    return href("/traces", {"service": one.key.service, "operation": one.key.name})


def _since(one: Trend) -> str:
    turned = one.turned
    if turned is None:
        return ""
    about = minute_label(turned.at)
    if turned.first == turned.last:
        return about
    return f"{about} (between {minute_label(turned.first)} and {minute_label(turned.last)})"


def _cause(one: Trend) -> str:
    if one.turned is None:
        return ""
    mark = one.turned.deployment
    if mark is None:
        return "no deployment is known about then"
    whose = f"{one.turned.deployed} " if one.turned.deployed != one.key.service else ""
    return f"{whose}{mark.label} {minute_label(mark.at)}, by {mark.found_in}"


def _listings(found: Trends, href: Href) -> tuple[Listing, ...]:
    made = [
        _changes("duration", "Duration: p95", found.of(Measure.P95), href, "Time added", HOURS_A_DAY,
                 "Those first whose callers wait longest in all: the mean's change times the calls of a day."),
        _changes("errors", "Errors", found.of(Measure.ERRORS), href, "Failed calls added", A_DAY,
                 "Those first that fail most calls more a day."),
        _changes("rate", "Rate", found.of(Measure.RATE), href, "Calls added", A_DAY,
                 "Calls a minute; more or fewer is neither good nor bad."),
    ]  # fmt: skip
    return (*(one for one in made if one.table.rows), _others(found, href))


def _changes(
    name: str, title: str, ones: tuple[Trend, ...], href: Href, added: str, unit: Unit, note: str
) -> Listing:
    table = Table(
        (
            Heading("Operation"), Heading("Before"), Heading("Now"), Heading("Change"), Heading("95% interval"),
            Heading(added, unit), Heading("Since about"), Heading("What was deployed then"), Heading("Calls", COUNT),
        ),
        tuple(
            Row(
                (
                    _label(one) + (f" ({one.key.environment})" if one.key.environment else ""),
                    value(one, one.before), value(one, one.after), change(one), interval(one), one.added,
                    _since(one), _cause(one), one.calls,
                ),
                _operation(one, href),
            )
            for one in ones
        ),
    )  # fmt: skip
    return Listing(name, title, table, note)


def value(one: Trend, amount: float | None) -> str:
    """A measure's value in words."""
    if amount is None:
        return "not estimable"
    if one.measure is Measure.P95:
        return written(amount, SECONDS)
    return written(amount, SHARE if one.measure is Measure.ERRORS else Unit(symbol="per min"))


def change(one: Trend) -> str:
    """By how much it changed, in words."""
    if one.verdict is Verdict.NEW:
        return "new"
    if one.verdict is Verdict.GONE:
        return "no longer called"
    if one.measure is Measure.ERRORS and one.before is not None and one.after is not None:
        return f"{(one.after - one.before) * 100:+.2g} points"
    if one.ratio is None:
        return ""
    return f"{(one.ratio - 1) * 100:+.0f}%" if one.ratio < 2 else f"{one.ratio:.2g} times"


def interval(one: Trend) -> str:
    """The interval of the change, in words."""
    if one.low is None or one.high is None:
        return ""
    if one.measure is Measure.ERRORS:
        return f"{one.low * 100:+.2g} to {one.high * 100:+.2g} points"
    return f"{(one.low - 1) * 100:+.0f}% to {(one.high - 1) * 100:+.0f}%"


def verdict(one: Trend) -> str:
    """What can be said of a comparison that names nothing."""
    words = _VERDICTS.get(one.verdict, str(one.verdict))
    if one.verdict in (Verdict.NOT_DETECTABLE, Verdict.TOO_FEW) and one.needed and one.needed > one.calls:
        return f"{words}, needs about {counted(_rounded(one.needed), 'calls')}"
    return words


def _rounded(number: int) -> int:
    return int(float(f"{number:.2g}"))


def _others(found: Trends, href: Href) -> Listing:
    names = {Measure.P95: "p95", Measure.ERRORS: "errors", Measure.RATE: "rate"}
    ordered = sorted(found.others, key=lambda one: (-one.calls, one.key.service, one.key.name, one.measure))
    table = Table(
        (
            Heading("Operation"), Heading("What"), Heading("Before"), Heading("Now"), Heading("What can be said"),
            Heading("95% interval"), Heading("Calls", COUNT),
        ),
        tuple(
            Row(
                (
                    _label(one), names[one.measure], value(one, one.before), value(one, one.after), verdict(one),
                    interval(one), one.calls,
                ),
                _operation(one, href),
            )
            for one in ordered
        ),
    )  # fmt: skip
    return Listing(
        "others",
        "Not named",
        table,
        "A difference of two numbers is no change. Needed calls are for a change of the least size that matters, seen"
        " with a chance of 80%.",
    )


def _missing(found: Trends) -> tuple[str, ...]:
    told = ["What services sampled away before they reported it."]
    if found.left_out:
        told.append(
            f"{counted(found.left_out, 'operations')} with fewer calls than the {500} that are compared."
        )
    asked = int(found.stretches.asked.sum())
    if 0 < found.hours < asked:
        told.append(
            f"{asked - found.hours} hours in which nothing arrived in one of the stretches are in neither."
        )
    return tuple(told)
