"""The state of keeping the lights on at a glance: the one sentence, and a card for every main number."""

from __future__ import annotations

from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.report.charts import SHARE, written
from ktlo.report.durations import curve_chart
from ktlo.report.effort import by_category, weekly_effort, worked_text
from ktlo.report.pieces import Answer, Nothing
from ktlo.report.reliability import restored_text
from ktlo.report.sections import Asking, Figure, Links, Section, interval_text, sample_text
from ktlo.store.protocol import Queryable

_CARDS = (
    ("ktlo_share", ""),
    ("person_days", "Person-days of work"),
    ("time_to_restore", "Time to restore, median"),
    ("incidents", ""),
    ("downtime", ""),
    ("availability", ""),
    ("bug_resolution_rate", "Bugs closed within 30 days"),
    ("bug_net_flow", ""),
    ("bug_age", "Age of open bugs, median"),
    ("hotspots", "Files with half of the risk"),
    ("single_author_files", ""),
    ("marker_age", "Age of to-dos, median"),
)


_OTHERS = ("incidents", "downtime", "bug_net_flow", "bug_age", "hotspots")


def _has_records(asking: Asking, metric: str) -> bool:
    return asking.answer(metric).headline(definition(metric)).n > 0


def _said(share: Estimate, restore: Estimate, days: Estimate, *, is_empty: bool) -> str:
    """One sentence of what can be told, and of what cannot."""
    if is_empty:
        return "Nothing was recorded in this period"
    parts = []
    if share.value is not None:
        parts.append(f"{written(share.value, SHARE)} of effort kept the lights on")
    elif days.value:
        parts.append("how much effort kept the lights on cannot be told")
    if restore.n:
        parts.append(restored_text(restore))
    said = ", and ".join(parts) or "no work and no incident is recorded in this period"
    return said[0].upper() + said[1:]


def overview(store: Queryable, question: Question, links: Links) -> Section:
    """Answer how the lights are kept on."""
    asking = Asking(store, question, links)
    share = asking.answer("ktlo_share").headline(definition("ktlo_share"))
    restore = asking.answer("time_to_restore").headline(definition("time_to_restore"))
    days = asking.answer("person_days").figures[0].statistics["total"]
    nothing = None
    is_empty = not days.value and not any(_has_records(asking, metric) for metric in _OTHERS)
    if not days.value:
        title, why = "Nothing to show for this period", "No work, incident, outage or bug falls into it."
        if not is_empty:
            title, why = (
                "No effort in this period",
                "No commit, review, issue or incident of a person falls into it.",
            )
        nothing = Nothing(
            title,
            why,
            command="ktlo sources add git PATH",
            button="Show the whole period",
            href=links.page("overview", {"from": "all", "to": ""}),
        )
    figures: list[Figure | None] = []
    if days.value:
        figures += [
            Figure(
                weekly_effort(asking),
                definition("person_days").definition,
                links.data("person_days", {}, "csv"),
                links.data("person_days", {"by": "category"}, "json"),
            ),
            Figure(
                by_category(asking),
                definition("effort_by_category").definition,
                links.data("effort_by_category", {}, "csv"),
                links.data("effort_by_category", {}, "json"),
            ),
        ]
    if restore.n:
        figures.append(curve_chart(asking, "time_to_restore", "Share of incidents not yet restored"))
    interval = interval_text(share, "share", "share") if share.value is not None else ""
    return Section(
        key="overview",
        title="Overview",
        answer=Answer(
            question="How are the lights kept on?",
            said=_said(share, restore, days, is_empty=is_empty),
            interval=f"share {interval}" if interval and restore.value is not None else interval,
        ),
        cards=() if is_empty else tuple(asking.card(metric, title) for metric, title in _CARDS),
        figures=tuple(figure for figure in figures if figure is not None),
        listings=(),
        known=asking.known(
            "ktlo_share",
            f"{worked_text(share, days)}; {sample_text(restore, 'incidents')}",
            (
                "What the connected sources do not record. See Sources for what is connected and how fresh it is.",
            ),
        ),
        nothing=nothing,
    )
