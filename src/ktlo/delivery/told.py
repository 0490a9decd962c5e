"""What sources tell of deployments: forge deployments, pipelines, releases, tags and telemetry, with their services.

Read from the observed nouns and ``telemetry_deployments``; services come from the catalogue (``service_members``), for
a repository that several services share from the name of the environment or tag.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ktlo.delivery.naming import bare, is_production, matches, named_service
from ktlo.delivery.uniting import Basis, Claim
from ktlo.settings import ServiceSettings
from ktlo.settings.delivery import DeliverySettings
from ktlo.store.protocol import Queryable
from ktlo.telemetry.images import IMAGE, commit_of

_MEMBERS = """
SELECT toString(kind) AS kind, member, toString(any(m.service)) AS service, toString(any(m.team)) AS team
FROM ktlo.service_members AS m GROUP BY kind, member"""

_DEPLOYMENTS = """
SELECT toString(d.source) AS source, external_id, toString(d.repository) AS repository, toString(d.service) AS service,
  toString(environment) AS environment, version, sha, toString(status) AS status, actor, started_at, finished_at, url,
  message
FROM ktlo.deployments AS d"""

_RUNS = """
SELECT toString(r.source) AS source, external_id, toString(r.repository) AS repository, toString(workflow) AS workflow,
  branch, sha, toString(conclusion) AS conclusion, toString(status) AS status, actor, started_at, finished_at, url
FROM ktlo.workflow_runs AS r
WHERE status = 'completed' AND conclusion IN ('success', 'failure', 'timed_out')"""

_RELEASES = """
SELECT toString(r.source) AS source, external_id, toString(r.repository) AS repository, tag, author, published_at, url
FROM ktlo.releases AS r WHERE NOT is_prerelease"""

_TAGS = """
SELECT toString(t.source) AS source, toString(t.repository) AS repository, name, sha, tagged_at
FROM ktlo.tags AS t"""

_TELEMETRY = """
SELECT toString(service) AS service, toString(environment) AS environment, toString(version) AS version, is_rollback,
  started_at, finished_at, toString(named_by) AS named_by, image
FROM ktlo.telemetry_deployments WHERE outcome = 'complete'"""


@dataclass(slots=True)
class Catalogue:
    """Which service a name or a repository is."""

    by_member: dict[tuple[str, str], tuple[str, str]]
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    """Services (and their teams) of the repositories that several share."""
    repositories: dict[str, list[str]] = field(default_factory=dict)

    def of(self, service: str, repository: str, words: str = "") -> tuple[str, str]:
        """Service and team.

        Args:
            service: as a source names it; empty when it does not.
            repository: where it is from.
            words: name of the environment, tag or workflow, in which a service may stand.
        """
        if service:
            return self.by_member.get(("service", service), (service, ""))
        sharing = self.shared.get(repository)
        if sharing:
            name = named_service(words, sharing)
            return name, sharing.get(name, "")
        return self.by_member.get(("repository", repository), ("", ""))

    def repository(self, service: str) -> str:
        """The only repository of a service; empty when it has none or several."""
        found = self.repositories.get(service, [])
        return found[0] if len(found) == 1 else ""


def read_catalogue(store: Queryable, services: Mapping[str, ServiceSettings]) -> Catalogue:
    """The catalogue as it was derived last, with the repositories that ``services:`` shares by paths."""
    made = Catalogue(
        {
            (row["kind"], row["member"]): (row["service"], row["team"])
            for row in store.query(_MEMBERS).to_pylist()
        }
    )
    for (kind, member), (service, _) in made.by_member.items():
        if kind == "repository":
            made.repositories.setdefault(service, []).append(member)
    sharing: dict[str, dict[str, str]] = {}
    for name, given in services.items():
        for repository in given.repositories if given.paths else ():
            sharing.setdefault(repository, {})[name] = given.team
            if repository not in made.repositories.setdefault(name, []):
                made.repositories[name].append(repository)
    made.shared = {repository: names for repository, names in sharing.items() if len(names) > 1}
    return made


class Tags:
    """Tags of every repository, to find the commit of a version."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self._by_name = {(row["repository"], bare(row["name"])): row["sha"] for row in rows}

    def sha_of(self, repository: str, version: str, service: str = "") -> str:
        """The commit that a version's tag points to; empty when there is no such tag."""
        if not version:
            return ""
        tried = (version, *(f"{service}{between}{version}" for between in ("-", "@", "/", "-v", "/v")))
        return next((sha for name in tried if (sha := self._by_name.get((repository, bare(name)), ""))), "")


def read_claims(
    store: Queryable, settings: DeliverySettings, catalogue: Catalogue
) -> tuple[list[Claim], Tags]:
    """Everything that tells of deployments, and the tags."""
    tags = Tags(store.query(_TAGS).to_pylist())
    claims: list[Claim] = []
    for claim in _all(store, settings, catalogue, tags):
        sha = claim.sha or tags.sha_of(claim.repository, claim.version, claim.service)
        if not sha and claim.is_of_image:
            sha = commit_of(claim.version)
        elif not sha and _is_commit(claim.version):
            sha = claim.version.casefold()
        claims.append(replace(claim, sha=sha))
    return claims, tags


def _is_commit(text: str) -> bool:
    folded = text.casefold()
    return 7 <= len(folded) <= 40 and all(letter in "0123456789abcdef" for letter in folded)


def _all(store: Queryable, settings: DeliverySettings, catalogue: Catalogue, tags: Tags) -> Iterator[Claim]:
    for row in store.query(_DEPLOYMENTS).to_pylist():
        service, team = catalogue.of(row["service"], row["repository"], row["environment"])
        yield Claim(
            basis=Basis.DEPLOYMENT, source=row["source"], external_id=row["external_id"], service=service, team=team,
            repository=row["repository"] or catalogue.repository(service), environment=row["environment"],
            is_production=is_production(row["environment"], settings.production), version=row["version"],
            sha=row["sha"].casefold(), status="success" if row["status"] == "inactive" else row["status"],
            actor=row["actor"], started_at=row["started_at"], at=row["finished_at"] or row["started_at"],
            url=row["url"], message=row["message"],
        )  # fmt: skip
    for row in store.query(_RUNS).to_pylist():
        if not matches(row["workflow"], settings.jobs):
            continue
        service, team = catalogue.of("", row["repository"], row["workflow"])
        yield Claim(
            basis=Basis.PIPELINE, source=row["source"], external_id=f"run {row['external_id']}", service=service,
            team=team, repository=row["repository"], is_production=is_production(row["workflow"]),
            sha=row["sha"].casefold(), status="success" if row["conclusion"] == "success" else "failure",
            actor=row["actor"], started_at=row["started_at"], at=row["finished_at"] or row["started_at"],
            url=row["url"],
        )  # fmt: skip
    for row in store.query(_TELEMETRY).to_pylist():
        service, team = catalogue.by_member.get(("telemetry", row["service"]), (row["service"], ""))
        at: dt.datetime = row["finished_at"] or row["started_at"]
        yield Claim(
            basis=Basis.TELEMETRY, source="telemetry",
            external_id=f"{row['service']} {row['environment']} {row['version']} {row['started_at']:%Y-%m-%dT%H:%MZ}",
            service=service, team=team, repository=catalogue.repository(service), environment=row["environment"],
            is_production=is_production(row["environment"], settings.production), version=row["version"],
            started_at=row["started_at"], at=at, is_rollback=row["is_rollback"], image=row["image"],
            is_of_image=row["named_by"] == IMAGE,
        )  # fmt: skip
    for row in store.query(_RELEASES).to_pylist():
        yield from _released(row, Basis.RELEASE, row["tag"], row["published_at"], catalogue, tags)
    for row in tags.rows:
        if matches(row["name"], settings.tags) and not _is_prerelease(row["name"]):
            yield from _released(row, Basis.TAG, row["name"], row["tagged_at"], catalogue, tags)


def _is_prerelease(tag: str) -> bool:
    """Semantic Versioning 2.0.0, 9, and PEP 440: alpha, beta and candidates are not for production."""
    words = tag.casefold().replace(".", "-").replace("_", "-")
    last = words.split("-", 1)[1] if "-" in words else words
    return any(
        mark in last for mark in ("alpha", "beta", "rc", "dev", "snapshot", "nightly", "canary")
    ) or any(
        letter in "ab" and last[place - 1 : place].isdigit() and last[place + 1 : place + 2].isdigit()
        for place, letter in enumerate(last)
        if place
    )


def _released(
    row: dict[str, Any], basis: Basis, tag: str, at: dt.datetime, catalogue: Catalogue, tags: Tags
) -> Iterator[Claim]:
    service, team = catalogue.of("", row["repository"], tag)
    yield Claim(
        basis=basis, source=row["source"],
        external_id=f"tag {row['repository']} {tag}" if basis is Basis.TAG else f"release {row['external_id']}",
        service=service, team=team, repository=row["repository"], version=tag,
        sha=row.get("sha", "") or tags.sha_of(row["repository"], tag), actor=row.get("author", ""), started_at=at,
        at=at, url=row.get("url", ""),
    )  # fmt: skip
