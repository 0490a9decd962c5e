"""Reads incidents, and what speaks for or against links: calls between services, new errors, reverts and hotfixes."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ktlo.delivery.linking import Harm, Traces
from ktlo.delivery.naming import bare
from ktlo.delivery.told import Catalogue
from ktlo.records.delivery import DeployedChange, ServiceDeployment
from ktlo.store.protocol import Queryable

_INCIDENTS = """
SELECT toString(i.source) AS source, external_id, toString(i.service) AS service, toString(i.repository) AS repository,
  title, caused_by, coalesce(least(started_at, detected_at), detected_at) AS began_at,
  coalesce(least(mitigated_at, resolved_at), mitigated_at, resolved_at) AS ended_at
FROM ktlo.incidents AS i WHERE state != 'cancelled' ORDER BY began_at, external_id"""

_NOTES = """
SELECT toString(e.source) AS source, incident_id, arrayStringConcat(groupArray(substring(after, 1, 2000)), ' ') AS words
FROM ktlo.incident_events AS e WHERE kind = 'note' AND after != '' GROUP BY source, incident_id"""

_CALLS = """
SELECT DISTINCT toString(client) AS caller, toString(server) AS callee FROM ktlo.service_edges
WHERE client_kind = 'service' AND server_kind = 'service' AND client != server"""

_ERRORS = """
SELECT services, first_version, toDateTime64(first_seen, 6, 'UTC') AS first_seen,
  if(type != '', type, substring(message, 1, 80)) AS title
FROM ktlo.error_groups WHERE first_version != ''"""

_REVERTED = re.compile(r"This reverts commit ([0-9a-f]{7,40})")
_BODIES = """
SELECT sha, subject, body FROM ktlo.commits AS c
WHERE (startsWith(subject, 'Revert "') OR body LIKE '%This reverts commit %') AND sha IN {shas:Array(String)}"""
_BRANCHES = """
SELECT toString(c.source) AS source, external_id, branch FROM ktlo.changes AS c
WHERE state = 'merged' AND match(lower(branch), '(^|/)hot-?fix')"""


def read_harms(store: Queryable, catalogue: Catalogue) -> dict[tuple[str, str], Harm]:
    """Incidents by source and identifier, with their service of the catalogue."""
    notes = {(row["source"], row["incident_id"]): row["words"] for row in store.query(_NOTES).to_pylist()}
    found = {}
    for row in store.query(_INCIDENTS).to_pylist():
        key = (row["source"], row["external_id"])
        service, _ = catalogue.of(row["service"], row["repository"])
        found[key] = Harm(
            source=row["source"], external_id=row["external_id"], service=service, began_at=row["began_at"],
            ended_at=row["ended_at"], caused_by=row["caused_by"], words=f"{row['title']} {notes.get(key, '')}",
        )  # fmt: skip
    return found


def read_traces(
    store: Queryable,
    catalogue: Catalogue,
    deployments: Iterable[ServiceDeployment],
    changes: Iterable[DeployedChange],
) -> Traces:
    """Everything else that is evidence."""
    repaired, requests = _from_changes(store, {one.deployment_id: one for one in deployments}, list(changes))
    return Traces(
        calls=_calls(store, catalogue),
        new_errors=_new_errors(store, catalogue),
        repaired_by=repaired,
        requests=requests,
    )


def _joined(catalogue: Catalogue, name: str) -> str:
    return catalogue.by_member.get(("telemetry", name), (name, ""))[0]


def _calls(store: Queryable, catalogue: Catalogue) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in store.query(_CALLS).to_pylist():
        caller, callee = _joined(catalogue, row["caller"]), _joined(catalogue, row["callee"])
        if caller != callee:
            found[caller].add(callee)
    return {name: frozenset(called) for name, called in found.items()}


def _new_errors(
    store: Queryable, catalogue: Catalogue
) -> dict[tuple[str, str], tuple[tuple[dt.datetime, str], ...]]:
    found: dict[tuple[str, str], list[tuple[dt.datetime, str]]] = defaultdict(list)
    for row in store.query(_ERRORS).to_pylist():
        for name in row["services"]:
            found[_joined(catalogue, name), bare(row["first_version"])].append(
                (row["first_seen"], row["title"])
            )
    return {key: tuple(sorted(errors)) for key, errors in found.items()}


def _from_changes(
    store: Queryable, deployments: Mapping[str, ServiceDeployment], changes: list[DeployedChange]
) -> tuple[dict[str, tuple[tuple[dt.datetime, str, str], ...]], dict[str, frozenset[str]]]:
    brought_by: dict[str, list[str]] = defaultdict(list)
    requests: dict[str, set[str]] = defaultdict(set)
    by_subject: dict[str, list[str]] = defaultdict(list)
    for one in changes:
        brought_by[one.sha].append(one.deployment_id)
        by_subject[one.subject].append(one.sha)
        if one.change_id:
            requests[one.deployment_id].add(one.change_id)
    repaired: dict[str, list[tuple[dt.datetime, str, str]]] = defaultdict(list)
    for row in store.query(_BODIES, {"shas": sorted(brought_by)}).to_pylist() if brought_by else ():
        named = _REVERTED.search(row["body"])
        undone = [sha for sha in brought_by if named and sha.startswith(named[1])]
        if not undone and row["subject"].startswith('Revert "'):
            undone = by_subject.get(row["subject"].removeprefix('Revert "').removesuffix('"'), [])
        for sha in undone:
            for broken in brought_by[sha]:
                for later in brought_by[row["sha"]]:
                    at = deployments[later].at
                    if at > deployments[broken].at:
                        repaired[broken].append(
                            (at, "revert", f"a revert of {sha[:8]}, which this one brought")
                        )
    hot = {(row["source"], row["external_id"]): row["branch"] for row in store.query(_BRANCHES).to_pylist()}
    following = {one.previous_id: one for one in deployments.values() if one.previous_id}
    for one in changes:
        branch = hot.get((one.change_source, one.change_id))
        mender = deployments[one.deployment_id]
        if branch and mender.previous_id and following.get(mender.previous_id) is mender:
            repaired[mender.previous_id].append((mender.at, "hotfix", f"a hotfix ({branch})"))
    return (
        {key: tuple(sorted(set(mends))) for key, mends in repaired.items()},
        {key: frozenset(numbers) for key, numbers in requests.items()},
    )
