"""What is known to be wrong with the code: open findings, how fast they are fixed, how fresh dependencies are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ktlo.metrics.finding_rows import State, listed, newest_scans
from ktlo.metrics.findings import LEVELS
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.records.findings import Scan
from ktlo.report.charts import (
    COUNT,
    SECONDS,
    Head,
    Heading,
    Line,
    LineChart,
    LinePoint,
    Row,
    Table,
    written,
)
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.durations import curve_chart, quantiles_by
from ktlo.report.grain import fitting_grain, narrowed_to
from ktlo.report.pieces import Answer, Nothing
from ktlo.report.sections import Asking, Figure, Links, Listing, Section, interval_text
from ktlo.report.words import ago, unit_of
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

SHOWN = 50
"""Open findings that the page lists."""


def findings(store: Queryable, question: Question, links: Links) -> Section:
    """Answer what is open and how fast findings are fixed."""
    asking = Asking(store, question, links)
    scans = [one for one in newest_scans(asking.store) if _is_asked(one, question)]
    still = asking.answer("open_findings").figures[0].statistics
    flow = asking.answer("finding_net_flow").figures[0].statistics
    fix = asking.answer("finding_time_to_fix").figures[0].statistics["p50"]
    nothing = None
    if not scans and not still["open"].n:
        nothing = Nothing(
            "No repository was looked at yet",
            "ktlo looks at the lock files of the git sources when an advisory database is on disk (guard.databases"
            " in ktlo.yaml), and keeps what `ktlo check` reports.",
            command="ktlo check --report-to http://127.0.0.1:5856",
        )
    unit = definition("finding_time_to_fix").unit
    within = (
        f"half are fixed within {written(fix.value, unit_of(unit, 'p50'))} ({interval_text(fix, unit, 'p50')})"
        if fix.value is not None
        else f"the time to fix is not estimable: {fix.reason}"
    )
    return Section(
        key="findings",
        title="Findings",
        answer=Answer(
            question="What is known to be wrong, and how fast is it fixed?",
            said=_said(still, scans),
            interval="",
            change=f"{flow['opened'].n:,} opened and {flow['fixed'].n:,} were fixed in the period; {within}",
        ),
        cards=()
        if nothing
        else (
            asking.card("open_findings"),
            asking.card("finding_age", "Age of open findings, median"),
            asking.card("finding_time_to_fix", "Time to fix, median"),
            asking.card("finding_net_flow"),
            asking.card("locked_age", "Age of locked versions, median"),
            asking.card("libyears"),
        ),
        figures=() if nothing else _figures(asking),
        listings=() if nothing else _listings(asking, scans),
        known=asking.known(
            "open_findings",
            f"{counted(still['open'].n, 'open findings')} from {counted(len(scans), 'repositories or reports')}",
            (*_unsure(scans), *_limits(scans)),
        ),
        nothing=nothing,
    )


def _is_asked(scan: Scan, question: Question) -> bool:
    kept = question.only.get(Dimension.REPOSITORY, ())
    return not kept or scan.repository in kept


def _said(still: Mapping[str, Any], scans: Sequence[Scan]) -> str:
    n = still["open"].n
    if not n and not scans:
        return "Nothing is known: no repository was looked at yet"
    if not n:
        unsure = sum(not one.complete for one in scans)
        return "No finding is open" + (
            f", but {counted(unsure, 'looks')} could not check everything" if unsure else ""
        )
    bad = still["critical"].n + still["high"].n
    if n == 1:
        level = next(name for name in LEVELS if still[name].n)
        return f"1 finding is open, of {level} level"
    worst = f", {bad:,} of them critical or high" if bad else ", none of them critical or high"
    return f"{counted(n, 'findings')} {'is' if n == 1 else 'are'} open{worst}"


def _unsure(scans: Sequence[Scan]) -> tuple[str, ...]:
    return tuple(
        f"{one.repository}: {one.headline}"
        for one in scans
        if not one.complete and one.verdict == "inconclusive"
    )[:10]


def _limits(scans: Sequence[Scan]) -> tuple[str, ...]:
    dates = [one.database_at for one in scans if one.database_at is not None]
    if not dates:
        return ()
    return (f"What was published after {day_label(min(dates).date())}, the oldest database's newest record.",)


def _figures(asking: Asking) -> tuple[Figure, ...]:
    figures = [
        _over_time(asking),
        curve_chart(asking, "finding_time_to_fix", "Share of findings not yet fixed"),
        _flow(asking),
        quantiles_by(asking, "finding_time_to_fix", "Time to fix", Dimension.CHECK, "findings"),
        quantiles_by(asking, "finding_time_to_fix", "Time to fix", Dimension.LEVEL, "findings"),
        quantiles_by(asking, "finding_time_to_fix", "Time to fix", Dimension.REPOSITORY, "findings"),
    ]
    return tuple(figure for figure in figures if figure is not None)


def _lines(asking: Asking, metric: str, names: Sequence[str]) -> tuple[Line, ...]:
    answer = asking.answer(metric, grain=fitting_grain(asking.question))
    lines = []
    for name in names:
        points = tuple(
            LinePoint(
                figure.start.date(),
                figure.statistics[name].value,
                None,
                figure.statistics[name].n,
                asking.links.rows(
                    metric,
                    narrowed_to(figure.start, figure.end) | ({"level": name} if name in LEVELS else {}),
                ),
            )
            for figure in answer.figures
        )
        if any(point.value for point in points):
            lines.append(Line(name, points))
    return tuple(lines)


def _over_time(asking: Asking) -> Figure | None:
    grain = fitting_grain(asking.question)
    lines = _lines(asking, "open_findings", LEVELS)
    if not lines:
        return None
    return Figure(
        LineChart(
            Head(
                "open-findings",
                f"Open findings by level at the end of each {grain}",
                "Security debt: what was known to be wrong and not yet mended.",
            ),
            lines,
            COUNT,
        ),
        definition("open_findings").definition,
        asking.links.data("open_findings", {}, "csv"),
        asking.links.data("open_findings", {"grain": grain.value}, "json"),
    )


def _flow(asking: Asking) -> Figure | None:
    grain = fitting_grain(asking.question)
    lines = _lines(asking, "finding_net_flow", ("opened", "fixed"))
    if not lines:
        return None
    return Figure(
        LineChart(
            Head(
                "finding-flow",
                f"Findings opened and fixed by {grain}",
                "The pile grows where opened lies above fixed.",
            ),
            lines,
            COUNT,
        ),
        definition("finding_net_flow").definition,
        asking.links.data("finding_net_flow", {}, "csv"),
        asking.links.data("finding_net_flow", {"grain": grain.value}, "json"),
    )


def _listings(asking: Asking, scans: Sequence[Scan]) -> tuple[Listing, ...]:
    rows = listed(asking.store, asking.question, State.OPEN, SHOWN + 1).to_pylist()
    now = asking.question.now
    table = Table(
        (
            Heading("Finding"), Heading("Level"), Heading("What"), Heading("Fixed in"), Heading("Where"),
            Heading("Repository"), Heading("Open for", SECONDS),
        ),
        tuple(
            Row(
                (
                    row["rule"],
                    row["level"],
                    f"{row['package']} {row['version']}".strip() or row["message"],
                    row["fixed_version"] or ("no version yet" if row["package"] else ""),
                    row["path"] + (f":{row['line']}" if row["line"] else ""),
                    row["repository"],
                    max(0.0, (now - row["opened_at"]).total_seconds()),
                ),
                asking.links.page(
                    "finding", {"fingerprint": row["fingerprint"], "repository": row["repository"]}
                ),
            )
            for row in rows[:SHOWN]
        ),
    )  # fmt: skip
    note = "Open now, whatever the period; worst first, then oldest."
    if len(rows) > SHOWN:
        note += f" The first {SHOWN}."
    looks = Table(
        (
            Heading("Repository"), Heading("By"), Heading("Looked at"), Heading("Verdict"),
            Heading("Dependencies", COUNT), Heading("Checked", COUNT), Heading("In words"),
        ),
        tuple(
            Row(
                (
                    one.repository,
                    "ktlo check" if one.source.startswith("check:") else "this server",
                    ago(one.finished_at, now),
                    one.verdict,
                    one.dependencies,
                    one.checked,
                    one.headline,
                )
            )
            for one in scans
        ),
    )  # fmt: skip
    listings = []
    if rows:
        listings.append(
            Listing("open", "Open findings", table, note, asking.links.data("open_findings", {}, "csv"))
        )
    if scans:
        listings.append(Listing("looks", "Last look at each repository", looks))
    return tuple(listings)
