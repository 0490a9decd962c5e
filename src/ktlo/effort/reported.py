"""What telemetry says of the services that report: their names, where they run, and from which repository.

Read from ``version_hours``, ``image_hours`` and ``instance_versions``; joined to the rest of the catalogue by
``effort/catalogue``, and by what people say (``said_names``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.records.telemetry import ITSELF
from ktlo.store.protocol import Queryable
from ktlo.store.state import State

SUBJECT = "telemetry service"
"""Subject of what people say; the key is service.name, the value a service of the catalogue."""

_REPORTED = """
SELECT toString(v.service) AS name, any(v.calls) AS calls, any(v.environments) AS environments,
  groupUniqArrayIf(i.namespace, i.namespace != '') AS namespaces,
  groupUniqArrayIf(i.workload, i.workload != '') AS workloads,
  groupUniqArrayIf(i.repository, i.repository != '') AS repositories
FROM (
  SELECT service, sum(calls) AS calls, arraySort(groupUniqArray(toString(environment))) AS environments
  FROM ktlo.version_hours
  WHERE service != '' AND ({everyone:Bool} OR service IN {names:Array(String)}) GROUP BY service
) AS v LEFT JOIN (
  SELECT service, namespace, workload, repository FROM ktlo.instance_versions
  WHERE {everyone:Bool} OR service IN {names:Array(String)}
) AS i ON i.service = v.service
GROUP BY name ORDER BY name"""

_WAITING = """
SELECT toString(v.service) AS name, sum(v.calls) AS calls FROM ktlo.version_hours_states AS v
WHERE v.service NOT IN ('', {itself:String}) AND v.service NOT IN (
  SELECT member FROM ktlo.service_members WHERE kind = 'telemetry')
GROUP BY name ORDER BY calls DESC, name LIMIT {most:UInt32}"""

_COMMITS = """
SELECT DISTINCT toString(v.service) AS name, toString(c.repository) AS repository
FROM (
  SELECT DISTINCT service, lower(version) AS version FROM ktlo.version_hours
  WHERE match(version, '^[0-9a-fA-F]{7,40}$') AND match(version, '[a-fA-F]')
    AND ({everyone:Bool} OR service IN {names:Array(String)})
  UNION DISTINCT
  SELECT service, word AS version FROM (
    SELECT service, arrayJoin(splitByRegexp('[^0-9a-z]+', lower(splitByChar('@', toString(image))[1]))) AS word
    FROM ktlo.image_hours WHERE {everyone:Bool} OR service IN {names:Array(String)}
  ) WHERE match(word, '^[0-9a-f]{7,40}$') AND match(word, '[a-f]') AND match(word, '[0-9]')
) AS v INNER JOIN ktlo.commits AS c ON substring(c.sha, 1, 7) = substring(v.version, 1, 7)
WHERE startsWith(c.sha, v.version) AND c.repository != '' ORDER BY name, repository"""


@dataclass(frozen=True, slots=True)
class Reported:
    """One service of telemetry.

    Attributes:
        name: service.name.
        environments: in which it reported.
        namespaces: of the service or of Kubernetes.
        workloads: of Kubernetes.
        repositories: that its resource names.
        commits_of: repositories whose commits its versions are.
        calls: spans in all that is kept.
    """

    name: str
    environments: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    commits_of: tuple[str, ...] = ()
    calls: int = 0


def waiting(store: Queryable, most: int) -> list[str]:
    """Names of services that the catalogue does not know, those with most calls; ktlo's own is nobody's work."""
    rows = store.query(_WAITING, {"most": most, "itself": ITSELF}).to_pylist()
    return [row["name"] for row in rows]


def read_reported(store: Queryable, names: Sequence[str] | None = None) -> list[Reported]:
    """Services that reported within what is kept, by name.

    Args:
        store: where the roll-ups are.
        names: of which services; every one when ``None``.
    """
    asked = {"everyone": names is None, "names": list(names or ())}
    rows = store.query(_REPORTED, asked).to_pylist()
    commits: dict[str, list[str]] = {}
    if rows:
        for row in store.query(_COMMITS, asked).to_pylist():
            commits.setdefault(row["name"], []).append(row["repository"])
    return [
        Reported(
            row["name"],
            tuple(filter(None, row["environments"])),
            tuple(sorted(row["namespaces"])),
            tuple(sorted(row["workloads"])),
            tuple(sorted(row["repositories"])),
            tuple(commits.get(row["name"], ())),
            row["calls"],
        )
        for row in rows
    ]


def said_names(state: State) -> dict[str, str]:
    """What people said: service by name in telemetry."""
    return {one.key: one.value for one in state.corrections(SUBJECT)}
