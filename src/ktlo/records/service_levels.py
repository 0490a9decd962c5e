"""Service levels that a service desk measures of its requests: the cycles of each agreement (SLA).

Filled by ``sources/jira`` (Jira Service Management); read by ``metrics/service_levels``. Durations are those of the
desk's own calendars, as it tells them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, record


@record(
    "sla_cycles",
    key=("source", "item_id", "sla_id", "cycle"),
    order=("source", "item_id", "sla_id", "cycle"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SlaCycle:
    """One stretch over which a service desk timed a request against a goal."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    item_id: Annotated[str, Field("external_id of the issue or incident")]
    sla_id: Annotated[str, Field("Identifier of the agreement in the source", label=True)]
    sla: Annotated[
        str, Field("Name of the agreement: Time to resolution, Time to first response…", label=True)
    ]
    cycle: Annotated[int, Field("1 for the first; the one that still runs is the last")]
    is_running: Annotated[bool, Field("True while it is timed")]
    is_paused: Annotated[bool, Field("True while it runs and its clock stands still")]
    is_breached: Annotated[bool, Field("True when the goal was missed, as the source said when it was read")]
    started_at: Annotated[dt.datetime | None, Field("When the clock started")]
    stopped_at: Annotated[dt.datetime | None, Field("When it stopped; null while it runs")]
    breach_at: Annotated[
        dt.datetime | None,
        Field("When the goal was missed, or will be unless it is met before; null if not told"),
    ]
    goal_seconds: Annotated[float | None, Field("Goal, by the desk's calendar; null if not told", unit="s")]
    elapsed_seconds: Annotated[
        float | None, Field("Time on the clock, by the desk's calendar, when it was read", unit="s")
    ]
    told_at: Annotated[
        dt.datetime, Field("Change of the item with which it was read; cycles of an older one are gone")
    ]
