"""Service levels: which share of a service desk's promises was kept.

Rows are cycles of SLAs (``sla_cycles``) that were decided: met when they stopped in time, missed when their goal was
over before they stopped. Durations and deadlines are those that the desk itself measured, by its own calendars.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ktlo.metrics import members
from ktlo.metrics.comparison import compare_proportions
from ktlo.metrics.proportions import wilson
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.rows import Rows
from ktlo.store.protocol import Queryable

_BY = (
    Dimension.SLA, Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SEVERITY, Dimension.SOURCE,
)  # fmt: skip

# Cycles that an older reading of the item told are gone: a desk that changes a goal counts its cycles anew. That an
# item has none any more is told by a removal, which only the log shows.
_CURRENT = """current AS (
  SELECT c.source AS source, c.item_id AS item_id, max(c.told_at) AS told_at FROM ktlo.sla_cycles_log AS c
  GROUP BY source, item_id
)"""
_MISSED = (
    "(c.is_breached OR c.is_running AND NOT c.is_paused"
    " AND coalesce(c.breach_at < {now:DateTime64(6, 'UTC')}, false))"
)

CYCLES = f"""
WITH {members.MEMBERS}, {_CURRENT},
items AS (
  SELECT source, external_id, title, url, service, repository, severity FROM ktlo.issues
  UNION ALL SELECT source, external_id, title, url, service, repository, severity FROM ktlo.incidents
)
SELECT toString(c.source) AS source, c.item_id AS external_id, i.title AS title, i.url AS url,
  toString({members.service("i")}) AS service, toString(i.repository) AS repository,
  toString({members.team()}) AS team, toString(i.severity) AS severity, toString(c.sla) AS sla, c.cycle AS cycle,
  toUInt8({_MISSED}) AS is_missed, c.started_at AS started_at, c.stopped_at AS stopped_at, c.breach_at AS breach_at,
  c.goal_seconds AS goal_seconds, c.elapsed_seconds AS elapsed_seconds,
  if(is_missed, coalesce(c.breach_at, c.stopped_at, c.told_at), c.stopped_at) AS at
FROM ktlo.sla_cycles AS c
INNER JOIN current ON current.source = c.source AND current.item_id = c.item_id AND current.told_at = c.told_at
INNER JOIN items AS i ON i.source = c.source AND i.external_id = c.item_id
{members.joins("i")}
WHERE at >= {{start:DateTime64(6, 'UTC')}} AND at < {{end:DateTime64(6, 'UTC')}}
  AND at <= {{now:DateTime64(6, 'UTC')}}
ORDER BY at DESC, external_id, sla, cycle"""  # noqa: S608 - no value enters the text

_OF_ITEM = f"""
WITH {_CURRENT}
SELECT toString(c.sla) AS sla, c.cycle AS cycle, c.is_running AS is_running, c.is_paused AS is_paused,
  {_MISSED} AS is_missed, c.started_at AS started_at, c.stopped_at AS stopped_at, c.breach_at AS breach_at,
  c.goal_seconds AS goal_seconds, c.elapsed_seconds AS elapsed_seconds, c.told_at AS told_at
FROM ktlo.sla_cycles AS c
INNER JOIN current ON current.source = c.source AND current.item_id = c.item_id AND current.told_at = c.told_at
WHERE c.source = {{source:String}} AND c.item_id = {{item_id:String}} ORDER BY sla, cycle"""  # noqa: S608

_REQUEST = """
SELECT toString(request_type) AS request_type FROM ktlo.issues
WHERE source = {source:String} AND external_id = {item_id:String}
UNION ALL SELECT toString(request_type) FROM ktlo.incidents
WHERE source = {source:String} AND external_id = {item_id:String}"""


@metric(
    title="Service levels met",
    family=Family.RELIABILITY,
    unit=Unit.SHARE,
    definition="Of the cycles of SLAs that were decided in the period, the share that was met. A cycle is decided when"
    " it stops in time (met) or when its goal is over (missed), by the service desk's own clock and calendar. Cycles"
    " that run and are within their goal, or are paused, are not decided. Group by `sla`: different promises in one"
    " share say little.",
    reading="A goal that is always met is too easy or measured too late; the rows say how near each was. A desk that"
    " changes a goal counts the cycles of open requests anew.",
    source="Atlassian, Jira Service Management REST API, SlaInformationDTO; Wilson, JASA 1927",
    dimensions=_BY,
    headline="share",
    better=Better.HIGHER,
    tables=("sla_cycles",),
    sql=CYCLES,
    counts="cycles",
    compare=lambda before, earlier, after, later: compare_proportions(
        *_met(before, earlier), *_met(after, later), noun="cycles"
    ),
)
def service_levels_met(rows: Rows, window: Window) -> Statistics:
    """Share of decided cycles that were met."""
    return {"share": wilson(*_met(rows, window))}


def _met(rows: Rows, window: Window) -> tuple[int, int]:
    inside = rows.within(window)
    return (int((inside.numbers("is_missed") == 0).sum()), len(inside)) if len(inside) else (0, 0)


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """What a service desk tells of one item.

    Attributes:
        request_type: empty when it is no request.
        cycles: rows of its SLAs: sla, cycle, is_running, is_paused, is_missed, started_at, stopped_at, breach_at,
            goal_seconds, elapsed_seconds, told_at.
    """

    request_type: str
    cycles: tuple[dict[str, Any], ...]


def read_service_levels(store: Queryable, source: str, item_id: str, now: dt.datetime) -> ServiceLevels:
    """The request type and the SLAs of an issue or incident."""
    asked = {"source": source, "item_id": item_id, "now": now}
    named = store.query(_REQUEST, asked)["request_type"].to_pylist()
    return ServiceLevels(next(filter(None, named), ""), tuple(store.query(_OF_ITEM, asked).to_pylist()))
