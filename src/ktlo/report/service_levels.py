"""Service levels to read: which share of each promise was met, and the cycles of one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import definition
from ktlo.report.charts import COUNT, SECONDS, Heading, Row, Table
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.sections import Asking, Listing
from ktlo.report.words import estimate_text

METRIC = "service_levels_met"
_TIMES = ("started_at", "stopped_at", "breach_at")


def levels_listing(asking: Asking) -> tuple[Listing, ...]:
    """Each SLA with the share that was met; nothing where no service desk tells any."""
    defined = definition(METRIC)
    rows = []
    for figure in asking.answer(METRIC, by=Dimension.SLA).figures:
        share = figure.statistics["share"]
        if share.n:
            words = estimate_text(share, defined.unit, "share")
            href = asking.links.rows(METRIC, {"sla": figure.group})
            rows.append(Row((figure.group or "(no name)", words, share.n), href))
    if not rows:
        return ()
    return (
        Listing(
            "service-levels",
            defined.title,
            Table((Heading("SLA"), Heading("Met"), Heading("Cycles", COUNT)), tuple(rows)),
            "Of the cycles that were decided in the period, by the service desk's own clock. A row leads to them.",
            asking.links.data(METRIC, {}, "csv"),
        ),
    )


def cycles_table(cycles: Sequence[dict[str, Any]]) -> Table:
    """The SLA cycles of one item."""
    return Table(
        (
            Heading("SLA"), Heading("Cycle", COUNT), Heading("Outcome"), Heading("Goal", SECONDS),
            Heading("On the clock", SECONDS), Heading("Started"), Heading("Stopped"), Heading("Missed, or due"),
        ),
        tuple(
            Row(
                (
                    each["sla"], each["cycle"], outcome(each), each["goal_seconds"], each["elapsed_seconds"],
                    *(minute_label(each[name]) if each[name] else "" for name in _TIMES),
                )
            )
            for each in cycles
        ),
    )  # fmt: skip


def outcome(cycle: dict[str, Any]) -> str:
    """How a cycle stands, in a word or two."""
    if cycle["is_missed"]:
        return "missed, still running" if cycle["is_running"] else "missed"
    if cycle["is_running"]:
        return "paused" if cycle["is_paused"] else "running"
    return "met"
