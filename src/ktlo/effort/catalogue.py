"""Which repository, pager service, workload and telemetry name belong to which service.

From ``services:`` of ktlo.yaml, else Backstage's ``catalog-info.yaml`` files, else names that agree. Gives
rows of ``service_members``. Annotations: Backstage, "Well-known Annotations on Catalog Entities".
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ktlo.effort.reported import Reported, read_reported, said_names
from ktlo.errors import UserError
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.services import CatalogEntry, ServiceMember
from ktlo.settings import ServiceSettings
from ktlo.store import Store
from ktlo.store.state import State

_ANNOTATIONS = {
    "github.com/project-slug": "repository",
    "gitlab.com/project-slug": "repository",
    "pagerduty.com/service-id": "service",
    "opsgenie.com/component-selector": "service",
    "statuspage.io/components": "service",
    "backstage.io/kubernetes-id": "workload",
    "argocd/app-name": "workload",
    "datadoghq.com/service-name": "telemetry",
    "sentry.io/project-slug": "telemetry",
    "dynatrace.com/dynatrace-entity-id": "telemetry",
}
_COMPONENTS = frozenset({"component", "system", "resource"})
_NAMED = """
SELECT DISTINCT service FROM (
  SELECT service FROM ktlo.issues
  UNION ALL SELECT service FROM ktlo.incidents
  UNION ALL SELECT service FROM ktlo.outages
  UNION ALL SELECT service FROM ktlo.deployments
) WHERE service != '' ORDER BY service
"""
_REPOSITORIES = """
SELECT DISTINCT repository FROM (
  SELECT repository FROM ktlo.commits UNION ALL SELECT repository FROM ktlo.changes
  UNION ALL SELECT repository FROM ktlo.issues UNION ALL SELECT repository FROM ktlo.deployments
  UNION ALL SELECT repository FROM ktlo.incidents
) WHERE repository != '' ORDER BY repository
"""


SAME_NAME, WORKLOAD, A_PERSON = "same name", "k8s workload", "a person"
_CERTAINTY = {SAME_NAME: "name", WORKLOAD: "evidence"}


@dataclass(frozen=True, slots=True)
class Named:
    """Names that occur in the records: of services, and of repositories."""

    services: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()


def _agreeing(name: str) -> str:
    """One spelling of a name: Payment-API, payment_api and payment api agree."""
    return re.sub(r"[\s_.-]+", "-", name.strip().casefold())


class _Members:
    """Collects members; what was said first (in the order of trust) stands."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], ServiceMember] = {}

    def add(self, kind: str, member: str, service: str, team: str, found_in: str) -> ServiceMember:
        row = ServiceMember(
            kind=kind,
            member=member,
            service=service,
            team=team,
            found_in=found_in,
            certainty=_CERTAINTY.get(found_in, "said"),
        )
        return self.found.setdefault((kind, member), row)


def service_members(
    settings: Mapping[str, ServiceSettings],
    entries: Iterable[CatalogEntry],
    named: Named,
    reported: Iterable[Reported] = (),
    said: Mapping[str, str] | None = None,
) -> list[ServiceMember]:
    """Find what belongs to which service.

    Args:
        settings: ``services:`` of ktlo.yaml. A repository that several services part by ``paths`` is a member of none.
        entries: components that Backstage files declare; in a repository with several, the one nearest to
            the root has the repository, and none has it when two are equally near.
        named: names in the records; each service name becomes a member of the service that it agrees with,
            or of a service of its own.
        reported: services of telemetry; each becomes a member of the service of its workload or of exactly its name.
            Names that are only alike are proposed (:mod:`ktlo.effort.telemetry_names`), never taken.
        said: what people said: service by name in telemetry. It comes before everything but ktlo.yaml.

    Returns:
        One row per kind and member, sorted.

    Raises:
        UserError: ktlo.yaml gives one thing to two services.
    """
    members = _Members()
    teams: dict[str, str] = {}
    holding = Counter(name for given in settings.values() for name in set(given.repositories))
    unparted = {name for given in settings.values() if not given.paths for name in given.repositories}
    shared = {name for name, holders in holding.items() if holders > 1} - unparted
    for service, given in settings.items():
        teams[service] = given.team
        told = (
            ("repository", given.repositories),
            ("service", [*given.names, service]),
            ("workload", given.workloads),
            ("telemetry", given.telemetry),
        )
        for kind, names in told:
            for name in names:
                if kind == "repository" and name in shared:
                    continue
                row = members.add(kind, name, service, given.team, "ktlo.yaml")
                if row.service != service:
                    raise UserError(
                        f"the {kind} {name} is given to two services, {row.service} and {service}",
                        where="services",
                        fix="Keep it with one of them in ktlo.yaml",
                    )
    for name, service in (said or {}).items():
        members.add("telemetry", name, service, teams.get(service, ""), A_PERSON)
    _add_backstage(members, teams, entries)
    _add_agreeing(members, teams, named)
    _add_reported(members, reported, named)
    return [members.found[key] for key in sorted(members.found)]


def _add_backstage(members: _Members, teams: dict[str, str], entries: Iterable[CatalogEntry]) -> None:
    known = {_agreeing(service): service for service in teams}
    components = sorted(
        (entry for entry in entries if entry.kind.casefold() in _COMPONENTS),
        key=lambda entry: (entry.path.count("/"), entry.repository, entry.path, entry.name, entry.source),
    )
    nearest: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for entry in components:
        nearest[entry.repository].add((entry.path.count("/"), entry.name))
    for entry in components:
        service = known.setdefault(_agreeing(entry.name), entry.name)
        team = teams.get(service) or entry.owner.rpartition("/")[2].rpartition(":")[2]
        teams[service] = team
        members.add("service", entry.name, service, team, "catalog-info.yaml")
        for annotation, kind in _ANNOTATIONS.items():
            for name in entry.annotations.get(annotation, "").split(","):
                if name.strip():
                    members.add(kind, name.strip(), service, team, "catalog-info.yaml")
        depth = min(level for level, _ in nearest[entry.repository])
        if [name for level, name in nearest[entry.repository] if level == depth] == [entry.name]:
            members.add("repository", entry.repository, service, team, "catalog-info.yaml")


def _add_agreeing(members: _Members, teams: dict[str, str], named: Named) -> None:
    known = {_agreeing(member.member): member.service for member in members.found.values()}
    for name in sorted(named.services):
        service = known.setdefault(_agreeing(name), name)
        members.add("service", name, service, teams.get(service, ""), SAME_NAME)
    short: dict[str, list[str]] = defaultdict(list)
    for repository in named.repositories:
        short[_agreeing(repository.rpartition("/")[2])].append(repository)
    for name, repositories in sorted(short.items()):
        if name in known and len(repositories) == 1:  # of two repositories of one name neither is meant
            service = known[name]
            members.add("repository", repositories[0], service, teams.get(service, ""), SAME_NAME)


def _add_reported(members: _Members, reported: Iterable[Reported], named: Named) -> None:
    found = list(members.found.values())
    by_workload = {one.member: one for one in found if one.kind == "workload"}
    by_name = {one.service: one for one in found}
    by_name.update({one.member: one for one in found if one.kind == "service"})
    for each in reported:
        owners = {
            by_workload[name].service: by_workload[name]
            for workload in each.workloads
            for name in (workload, *(f"{space}/{workload}" for space in each.namespaces))
            if name in by_workload
        }
        if len(owners) == 1:
            (owner,) = owners.values()
            members.add("telemetry", each.name, owner.service, owner.team, WORKLOAD)
        elif each.name in by_name:
            owner = by_name[each.name]
            members.add("telemetry", each.name, owner.service, owner.team, SAME_NAME)
        else:
            holding = [one for one in named.repositories if one.rpartition("/")[2] == each.name]
            if len(holding) == 1 and ("repository", holding[0]) not in members.found:
                members.add("repository", holding[0], each.name, "", SAME_NAME)
                members.add("telemetry", each.name, each.name, "", SAME_NAME)


def read_service_members(
    store: Store, settings: Mapping[str, ServiceSettings], said: Mapping[str, str] | None = None
) -> list[ServiceMember]:
    """Find what belongs to which service, from the records in a store and what people said of telemetry's names."""
    entries = from_arrow(store.query("SELECT * FROM ktlo.catalog_entries"), CatalogEntry)
    named = Named(
        tuple(row["service"] for row in store.query(_NAMED).to_pylist()),
        tuple(row["repository"] for row in store.query(_REPOSITORIES).to_pylist()),
    )
    return service_members(settings, entries, named, read_reported(store), said)


def derive_members(
    store: Store, state: State, settings: Mapping[str, ServiceSettings]
) -> list[ServiceMember]:
    """Find what belongs to which service, and replace ``service_members`` by it.

    Raises:
        UserError: ktlo.yaml gives one thing to two services; nothing is replaced then.
    """
    members = read_service_members(store, settings, said_names(state))
    store.replace(TABLES["service_members"], [to_arrow(members, ServiceMember)])
    return members
