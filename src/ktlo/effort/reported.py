"""What telemetry says of the services that report: their names, where they run, and from which repository.

Read from ``version_hours`` and ``instance_versions``; joined to the rest of the catalogue by ``effort/catalogue``, and
by what people say (``said_names``).
"""

from __future__ import annotations

from dataclasses import dataclass

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
  FROM ktlo.version_hours WHERE service != '' GROUP BY service
) AS v LEFT JOIN ktlo.instance_versions AS i ON i.service = v.service
GROUP BY name ORDER BY name"""

_COMMITS = """
SELECT DISTINCT toString(v.service) AS name, toString(c.repository) AS repository
FROM (
  SELECT DISTINCT service, lower(version) AS version FROM ktlo.version_hours
  WHERE match(version, '^[0-9a-fA-F]{7,40}$') AND match(version, '[a-fA-F]')
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


def read_reported(store: Queryable) -> list[Reported]:
    """Every service that reported within what is kept, by name."""
    rows = store.query(_REPORTED).to_pylist()
    commits: dict[str, list[str]] = {}
    if rows:
        for row in store.query(_COMMITS).to_pylist():
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
