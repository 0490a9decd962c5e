"""What a question can be narrowed to: the services, repositories, teams and severities that occur.

Names are those that the metrics group by: the catalogue's where it knows better, else the sources' own. Read
by the filter bar and the search of the pages.
"""

from __future__ import annotations

from ktlo.metrics.question import Dimension
from ktlo.store.protocol import Store

MOST = 500
"""Values beyond this many are left out; they can still be written into the URL."""

_SERVICES = """
SELECT DISTINCT if(m.service != '', toString(m.service), said.name) AS name FROM (
  SELECT DISTINCT toString(service) AS name FROM ktlo.incidents_log
  UNION DISTINCT SELECT DISTINCT toString(service) FROM ktlo.outages_log
  UNION DISTINCT SELECT DISTINCT toString(service) FROM ktlo.issues_log
  UNION DISTINCT SELECT DISTINCT toString(service) FROM ktlo.service_members
) AS said
LEFT JOIN (
  SELECT member, any(service) AS service FROM ktlo.service_members WHERE kind = 'service' GROUP BY member
) AS m ON m.member = said.name"""

_REPOSITORIES = """
SELECT DISTINCT toString(repository) AS name FROM ktlo.commits_log
UNION DISTINCT SELECT DISTINCT toString(repository) FROM ktlo.issues_log
UNION DISTINCT SELECT DISTINCT toString(repository) FROM ktlo.changes_log
UNION DISTINCT SELECT DISTINCT toString(repository) FROM ktlo.incidents_log"""

_TEAMS = """
SELECT DISTINCT toString(team) AS name FROM ktlo.persons
UNION DISTINCT SELECT DISTINCT toString(team) FROM ktlo.service_members
UNION DISTINCT SELECT DISTINCT toString(team) FROM ktlo.incidents_log"""

_SEVERITIES = """
SELECT DISTINCT toString(severity) AS name FROM ktlo.incidents_log
UNION DISTINCT SELECT DISTINCT toString(severity) FROM ktlo.issues_log
UNION DISTINCT SELECT DISTINCT toString(severity) FROM ktlo.outages_log"""

_LEVELS = "SELECT DISTINCT toString(level) AS name FROM ktlo.findings_log"
_SLAS = "SELECT DISTINCT toString(sla) AS name FROM ktlo.sla_cycles_log"
_CHECKS = "SELECT DISTINCT toString(check) AS name FROM ktlo.findings_log"

_VALUES = {
    Dimension.SERVICE: _SERVICES,
    Dimension.REPOSITORY: _REPOSITORIES,
    Dimension.TEAM: _TEAMS,
    Dimension.SEVERITY: _SEVERITIES,
    Dimension.LEVEL: _LEVELS,
    Dimension.CHECK: _CHECKS,
    Dimension.SLA: _SLAS,
}


def choices(store: Store, dimension: Dimension, text: str = "", limit: int = MOST) -> list[str]:
    """Values of a dimension in alphabetical order; none for a dimension that is not offered.

    Args:
        store: where the records are.
        dimension: service, repository, team, severity, level, check or SLA.
        text: keep only values that contain it, in either case.
        limit: most values to give.
    """
    if dimension not in _VALUES:
        return []
    sql = (
        f"SELECT name FROM ({_VALUES[dimension]})"  # noqa: S608 - no value enters the text
        " WHERE name != '' AND positionCaseInsensitiveUTF8(name, {text:String}) > 0"
        " ORDER BY lowerUTF8(name), name LIMIT {limit:UInt32}"
    )
    found = store.query(sql, {"text": text, "limit": limit})["name"].to_pylist()
    return [str(name) for name in found]
