"""Who was on call when an incident was detected, to read: beside each, the shift and when they were paged."""

from __future__ import annotations

from ktlo.planning.rota.at_incident import AtIncident
from ktlo.report.charts import Heading, Row, Table
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.sections import Listing
from ktlo.wording import counted


def on_call_listing(found: AtIncident) -> Listing:
    """Who was on call at an incident, as a table.

    Args:
        found: who it was.
    """
    rows = tuple(
        Row(
            (
                one.person,
                minute_label(one.paged_at) if one.paged_at else "not paged",
                one.schedule or "not on call",
                f"{one.layer} (stands in)".strip() if one.is_override else one.layer,
                minute_label(one.start) if one.start else "",
                minute_label(one.end) if one.end else "no end" if one.start else "",
            )
        )
        for one in found.people
    )
    headings = tuple(
        Heading(title) for title in ("Person", "First paged", "Schedule", "Layer", "On call from", "until")
    )
    note = f"When it was detected, {minute_label(found.detected_at)}."
    if not found.is_known:
        note += (
            " No schedule is known for that moment: PagerDuty and Opsgenie tell theirs where their key may read them,"
            " and a rota of ktlo counts where `services` names the service."
        )
    if found.others:
        note += (
            f" {counted(found.others, 'shifts')} more ran then: first come those of people who were paged"
            " and of the incident's team."
        )
    if found.is_known and not any(one.paged_at for one in found.people):
        note += " Nobody is known to have been paged."
    return Listing("on-call", "Who was on call", Table(headings, rows), note)
