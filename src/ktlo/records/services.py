"""The catalogue that joins what different tools call the same service.

Derived by ``effort/catalogue`` from ``services:`` in ktlo.yaml, Backstage files found by sources, and
names that agree; read by every metric that has the dimension *service*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record("service_members", key=("kind", "member"), order=("kind", "member"), life=Life.DERIVED)
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMember:
    """One thing that belongs to a service: a repository, a pager's service, a workload."""

    kind: Annotated[
        str, Field("repository, service (as a source names it), workload or telemetry", label=True)
    ]
    member: Annotated[str, Field("Its name where it lives")]
    service: Annotated[str, Field("The service it belongs to", label=True)]
    team: Annotated[str, Field("Owning team; empty when none", label=True)]
    found_in: Annotated[
        str, Field("Where this was said: ktlo.yaml, catalog-info.yaml, a person, same name, or k8s workload")
    ]
    certainty: Annotated[
        str,
        Field(
            "said (by a file or a person), evidence (what runs says so), or name (names agree)", label=True
        ),
    ] = "said"


@record("catalog_entries", key=("source", "repository", "path", "name"))
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """A component that a Backstage ``catalog-info.yaml`` in a repository declares."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    repository: Annotated[str, Field("Repository the file is in", label=True)]
    path: Annotated[str, Field("Path of the file")]
    name: Annotated[str, Field("metadata.name")]
    kind: Annotated[str, Field("Component, API, System…", label=True)]
    owner: Annotated[str, Field("spec.owner; empty when not given", label=True)]
    annotations: Annotated[dict[str, str], Field("metadata.annotations: pager and telemetry names")]
