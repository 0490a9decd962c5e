"""Pictures of how long things take: survival curves with bands, quantiles by group, quantiles over time."""

from __future__ import annotations

from ktlo.metrics.ask import fetch
from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import definition
from ktlo.metrics.survival import SurvivalCurve
from ktlo.report.charts import (
    SECONDS,
    Curve,
    Head,
    Interval,
    Line,
    LineChart,
    LinePoint,
    Range,
    RangeChart,
    Step,
    StepChart,
    Steps,
)
from ktlo.report.grain import coarse_grain, narrowed_to
from ktlo.report.sections import Asking, Figure, interval_of

_MOST_CURVES = 5
_MOST_GROUPS = 20


def curve_chart(asking: Asking, metric: str, what: str, by: Dimension | None = None) -> Figure | None:
    """How the share that has not ended falls with time; ``None`` where nothing is in the period.

    Args:
        asking: the question.
        metric: a metric that has a curve.
        what: title of the chart.
        by: draw the largest groups of this dimension instead of one curve.
    """
    defined = definition(metric)
    if defined.curve is None:
        raise ValueError(f"{metric} has no curve")
    rows = fetch(asking.store, defined, asking.narrowed(metric))
    groups = {"all": rows} if by is None else {k: v for k, v in rows.groups(by.value).items() if k}
    curves = []
    for name, members in list(groups.items())[:_MOST_CURVES]:
        found = defined.curve(members, asking.question.window)
        if found.n:
            narrowed = {} if by is None else {by.value: name}
            curves.append(Curve(name, _steps(found), asking.links.rows(metric, narrowed)))
    if not curves or (by is not None and len(curves) < 2):
        return None
    suffix = f"-by-{by}" if by else ""
    return Figure(
        StepChart(
            Head(
                f"{metric.replace('_', '-')}-curve{suffix}",
                what if by is None else f"{what}, by {by}",
                "Share that had not ended yet after each time (Kaplan-Meier), with its 95% band.",
            ),
            tuple(curves),
            SECONDS,
        ),
        "Read a time below and how many were still open after it; open ones count until last seen.",
        asking.links.data(metric, {}, "csv"),
        asking.links.data(metric, {"by": by.value} if by else {}, "json"),
    )


def _steps(found: SurvivalCurve) -> tuple[Step, ...]:
    drawn = found.drawn(160)
    return tuple(
        Step(float(x), float(y), Interval(float(low), float(high)))
        for x, y, low, high in zip(drawn.times, drawn.survival, drawn.low, drawn.high, strict=True)
    )


def quantiles_over_time(asking: Asking, metric: str, what: str) -> Figure:
    """The median in each week, month or quarter."""
    grain = coarse_grain(asking.question)
    answer = asking.answer(metric, grain=grain)
    points = tuple(
        LinePoint(
            figure.start.date(),
            figure.statistics["p50"].value,
            interval_of(figure.statistics["p50"]),
            figure.statistics["p50"].n,
            asking.links.rows(metric, narrowed_to(figure.start, figure.end)),
        )
        for figure in answer.figures
    )
    return Figure(
        LineChart(
            Head(
                f"{metric.replace('_', '-')}-over-time",
                f"{what}, median by {grain}",
                "The median with its 95% interval; a gap is where it is not estimable.",
            ),
            (Line("median", points),),
            SECONDS,
        ),
        definition(metric).definition,
        asking.links.data(metric, {}, "csv"),
        asking.links.data(metric, {"grain": grain.value}, "json"),
    )


def quantiles_by(asking: Asking, metric: str, what: str, by: Dimension, page: str) -> Figure | None:
    """The median of each group; ``None`` where there are not two."""
    answer = asking.answer(metric, by=by)
    named = [figure for figure in answer.figures if figure.group and figure.statistics["p50"].n]
    if len(named) < 2:
        return None
    overall = asking.answer(metric).figures[0].statistics["p50"].value
    ranges = tuple(
        Range(
            figure.group,
            figure.statistics["p50"].value,
            figure.statistics["p50"].low,
            figure.statistics["p50"].high,
            figure.statistics["p50"].n,
            asking.links.page(page, {by.value: figure.group}),
        )
        for figure in named[:_MOST_GROUPS]
    )
    lowest = [value for one in ranges for value in (one.estimate, one.low, one.high) if value is not None]
    is_positive = bool(lowest) and min(lowest) > 0
    left_out = (
        f" The {len(named) - _MOST_GROUPS} smallest are not shown." if len(named) > _MOST_GROUPS else ""
    )
    return Figure(
        RangeChart(
            Head(
                f"{metric.replace('_', '-')}-by-{by}",
                f"{what}, median by {by}",
                f"The median of each {by} with its 95% interval, largest sample first.",
            ),
            ranges,
            SECONDS,
            steps=Steps.LOG if is_positive else Steps.LINEAR,
            reference=overall,
            reference_label="all",
        ),
        f"Groups whose intervals overlap much are not shown to differ.{left_out}",
        asking.links.data(metric, {}, "csv"),
        asking.links.data(metric, {"by": by.value}, "json"),
    )
