"""The phases of one incident or bug to read: each instant, how long after the detection, and which step tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ktlo.records.phases import Episode
from ktlo.report.charts import SECONDS, Heading, Row, Table
from ktlo.report.charts.calendar_ticks import minute_label


def phases_table(episodes: Sequence[Episode]) -> Table:
    """A row for each instant that is known, in the order of happening.

    Args:
        episodes: of one item, the first first.
    """
    rows = []
    for one in episodes:
        began = "detected" if one.episode == 1 else "reopened"
        instants: tuple[tuple[str, dt.datetime | None, str], ...] = (
            (began, one.detected_at, one.detected_by),
            ("acknowledged", one.acknowledged_at, one.acknowledged_by),
            ("mitigated", one.mitigated_at, one.mitigated_by),
            (one.state if one.state != "open" else "resolved", one.resolved_at, one.resolved_by),
        )
        for phase, at, told_by in instants:
            if at is not None:
                after = (at - episodes[0].detected_at).total_seconds()
                rows.append(Row((phase, minute_label(at), after, told_by)))
    headings = (
        Heading("Phase"),
        Heading("When"),
        Heading("After the detection", SECONDS),
        Heading("Told by"),
    )
    return Table(headings, tuple(rows))
