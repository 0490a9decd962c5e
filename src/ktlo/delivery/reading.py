"""Reads what delivery derived: deployments with their lead times and incidents, one in full, an incident's links."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.delivery.uniting import LIVE
from ktlo.errors import NotFoundError
from ktlo.records.arrow import from_arrow
from ktlo.records.delivery import DeployedChange, IncidentLink, ServiceDeployment
from ktlo.store.protocol import Queryable

_WHERE = """
({service:String} = '' OR service = {service:String}) AND ({elsewhere:UInt8} = 1 OR is_production)
AND at >= {since:DateTime64(6, 'UTC')}"""

_LIST = f"SELECT * FROM ktlo.service_deployments WHERE {_WHERE} ORDER BY at DESC, deployment_id LIMIT {{limit:UInt32}}"  # noqa: S608 - ktlo's own text

_COUNT = f"SELECT count() AS n FROM ktlo.service_deployments WHERE {_WHERE}"  # noqa: S608 - ktlo's own text

_LEAD = """
SELECT c.deployment_id AS id, toFloat64(quantileExactInclusive(0.5)(dateDiff('second', c.first_at, d.at))) AS median
FROM ktlo.deployed_changes AS c INNER JOIN ktlo.service_deployments AS d ON d.deployment_id = c.deployment_id
WHERE c.deployment_id IN {ids:Array(String)} AND NOT c.is_again AND c.first_at <= d.at GROUP BY id"""

_LINKS = """
SELECT * FROM ktlo.incident_links WHERE deployment_id IN {ids:Array(String)}
ORDER BY confidence DESC, incident_id"""

_OF_INCIDENT = """
SELECT * FROM ktlo.incident_links WHERE incident_source = {source:String} AND incident_id = {id:String}
ORDER BY confidence DESC, gap_seconds"""

_TITLES = """
SELECT toString(i.source) AS source, external_id, title FROM ktlo.incidents AS i
WHERE external_id IN {ids:Array(String)}"""

_ONE = "SELECT * FROM ktlo.service_deployments WHERE has(told_by, {id:String}) LIMIT 1"
_SOME = "SELECT * FROM ktlo.service_deployments WHERE deployment_id IN {ids:Array(String)}"
_CHANGES = (
    "SELECT * FROM ktlo.deployed_changes WHERE deployment_id = {id:String} ORDER BY committed_at DESC, sha"
)

NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LAST = dt.datetime(2260, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Listed:
    """A deployment in a list.

    Attributes:
        deployment: it.
        lead_seconds: median of first commit to deployment, of the commits it brought first; ``None`` without any.
        links: incidents that may come from it, the likeliest first.
    """

    deployment: ServiceDeployment
    lead_seconds: float | None
    links: tuple[IncidentLink, ...]

    @property
    def came_into_force(self) -> bool:
        """Whether the change failure rate counts it: an attempt that failed and one under way it does not."""
        return self.deployment.status in LIVE

    @property
    def is_failed(self) -> bool:
        """As the change failure rate counts it."""
        one = self.deployment
        return (
            one.status == "degraded"
            or one.rolled_back_at is not None
            or any(link.is_counted for link in self.links)
        )


def read_deployments(
    store: Queryable,
    service: str = "",
    since: dt.datetime = NEVER,
    *,
    elsewhere: bool = False,
    limit: int = 200,
) -> tuple[list[Listed], int]:
    """Deployments, newest first, and how many there are in all.

    Args:
        store: where they are.
        service: only this one; empty for all.
        since: only those from then on.
        elsewhere: with those into other environments than production.
        limit: at most so many.
    """
    asked = {
        "service": service,
        "since": min(max(since, NEVER), _LAST),
        "elsewhere": int(elsewhere),
        "limit": limit,
    }
    found: list[ServiceDeployment] = from_arrow(store.query(_LIST, asked), ServiceDeployment)
    total = store.query(_COUNT, {key: value for key, value in asked.items() if key != "limit"})["n"][
        0
    ].as_py()
    return _with_more(store, found), total


def read_deployment(store: Queryable, identifier: str) -> tuple[Listed, list[DeployedChange]]:
    """One deployment by any of its names, with the changes in it.

    Raises:
        NotFoundError: there is none of that name.
    """
    found: list[ServiceDeployment] = from_arrow(store.query(_ONE, {"id": identifier}), ServiceDeployment)
    if not found:
        raise NotFoundError(f"there is no deployment {identifier!r}", fix="`ktlo deployments` lists them")
    changes: list[DeployedChange] = from_arrow(
        store.query(_CHANGES, {"id": found[0].deployment_id}), DeployedChange
    )
    return _with_more(store, found)[0], changes


def read_links(store: Queryable, source: str, incident: str) -> list[tuple[IncidentLink, ServiceDeployment]]:
    """Deployments that may have caused an incident, the likeliest first."""
    links: list[IncidentLink] = from_arrow(
        store.query(_OF_INCIDENT, {"source": source, "id": incident}), IncidentLink
    )
    some: list[ServiceDeployment] = from_arrow(
        store.query(_SOME, {"ids": [link.deployment_id for link in links]}), ServiceDeployment
    )
    by_id = {one.deployment_id: one for one in some}
    return [(link, by_id[link.deployment_id]) for link in links if link.deployment_id in by_id]


def titles_of(store: Queryable, links: list[IncidentLink]) -> dict[tuple[str, str], str]:
    """Titles of the incidents of some links."""
    rows = store.query(_TITLES, {"ids": sorted({link.incident_id for link in links})}).to_pylist()
    return {(row["source"], row["external_id"]): row["title"] for row in rows}


def _with_more(store: Queryable, found: list[ServiceDeployment]) -> list[Listed]:
    ids = {"ids": [one.deployment_id for one in found]}
    lead = {row["id"]: row["median"] for row in store.query(_LEAD, ids).to_pylist()}
    links: dict[str, list[IncidentLink]] = {}
    every: list[IncidentLink] = from_arrow(store.query(_LINKS, ids), IncidentLink)
    for link in every:
        links.setdefault(link.deployment_id, []).append(link)
    return [
        Listed(one, lead.get(one.deployment_id), tuple(links.get(one.deployment_id, ()))) for one in found
    ]
