"""Everything that delivery derives, recomputed after a collection: deployments, their changes, their incidents.

Reads the store, git mirrors and what people said; writes ``service_deployments``, ``deployed_changes`` and
``incident_links`` with :meth:`Store.replace`. Doing it twice changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ktlo.delivery.contents import Repository, contents
from ktlo.delivery.equivalents import Objects
from ktlo.delivery.evidence import read_harms, read_traces
from ktlo.delivery.history import read_history, touching
from ktlo.delivery.linking import links
from ktlo.delivery.requests import read_requests
from ktlo.delivery.told import read_catalogue, read_claims
from ktlo.delivery.uniting import unite
from ktlo.delivery.verdicts import Said, read_said, with_verdicts
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.delivery import DeployedChange, IncidentLink, ServiceDeployment
from ktlo.settings import Settings
from ktlo.sources.git.program import Git
from ktlo.store.protocol import Queryable, Store
from ktlo.store.state import State

_HELD = """
SELECT sha, any(m.held_in) AS repository FROM (
  SELECT arrayJoin({shas:Array(String)}) AS sha
) AS s INNER JOIN (
  SELECT DISTINCT substring(c.sha, 1, 7) AS beginning, c.sha AS whole, toString(c.repository) AS held_in
  FROM ktlo.commits AS c
) AS m ON m.beginning = substring(s.sha, 1, 7)
WHERE startsWith(whole, sha) GROUP BY sha HAVING uniqExact(m.held_in) = 1"""


@dataclass(frozen=True, slots=True)
class Derived:
    """How many rows were derived."""

    deployments: int
    changes: int
    links: int


def derive_delivery(
    store: Store, settings: Settings, said: list[Said], clones: Mapping[str, Git] | None = None
) -> Derived:
    """Recompute deployments, what they contained, and their incidents.

    Args:
        store: records; the derived tables are replaced one by one.
        settings: ``delivery`` and ``services``.
        said: what people said of links.
        clones: git over the folder of each repository that is read, by its name.
    """
    catalogue = read_catalogue(store, settings.services)
    claims, _ = read_claims(store, settings.delivery, catalogue)

    @functools.lru_cache(maxsize=8)
    def repository(name: str) -> Repository | None:
        if not name:
            return None
        history = read_history(store, name)
        git = (clones or {}).get(name)
        found = Repository(history, read_requests(store, name), Objects(git) if git else None)
        if found.objects:
            found.requests.match_patches(found.objects, history)
        return found

    @functools.lru_cache(maxsize=64)
    def only(service: str, name: str) -> frozenset[str] | None:
        given = settings.services.get(service)
        return (
            touching(store, name, given.paths)
            if given and given.paths and name in given.repositories
            else None
        )

    homeless = sorted({claim.sha for claim in claims if claim.sha and not claim.repository})
    held = {
        row["sha"]: row["repository"]
        for row in (store.query(_HELD, {"shas": homeless}).to_pylist() if homeless else ())
    }
    resolved = []
    for given in claims:
        claim = replace(given, repository=given.repository or held.get(given.sha, ""))
        known = repository(claim.repository) if claim.sha and len(claim.sha) < 40 else None
        whole = known.history.whole(claim.sha) if known else ""
        resolved.append(replace(claim, sha=whole) if whole else claim)
    found = contents(unite(resolved), repository, only)
    store.replace(TABLES["service_deployments"], [to_arrow(list(found.deployments), ServiceDeployment)])
    store.replace(TABLES["deployed_changes"], [to_arrow(list(found.changes), DeployedChange)])
    linked = _link(store, settings, said, list(found.deployments), list(found.changes))
    return Derived(len(found.deployments), len(found.changes), linked)


def link_again(store: Store, state: State, settings: Settings) -> int:
    """Weigh links anew, after a person said something; how many there are."""
    deployments: list[ServiceDeployment] = from_arrow(
        store.query("SELECT * FROM ktlo.service_deployments ORDER BY at, deployment_id"), ServiceDeployment
    )
    return _link(store, settings, read_said(state), deployments, changes_of(store))


def changes_of(store: Queryable) -> list[DeployedChange]:
    """Every deployed change."""
    rows: list[DeployedChange] = from_arrow(
        store.query("SELECT * FROM ktlo.deployed_changes"), DeployedChange
    )
    return rows


def _link(
    store: Store,
    settings: Settings,
    said: list[Said],
    deployments: list[ServiceDeployment],
    changes: list[DeployedChange],
) -> int:
    catalogue = read_catalogue(store, settings.services)
    harms = read_harms(store, catalogue)
    traces = read_traces(store, catalogue, deployments, changes)
    made = links(harms.values(), deployments, settings.delivery, traces)
    judged = with_verdicts(made, said, harms, deployments)
    store.replace(TABLES["incident_links"], [to_arrow(judged, IncidentLink)])
    return len(judged)
