"""Findings of ``ktlo check`` on the server: what was found when, in which scan, and which versions were locked when.

Filled by CI runs that report (``POST /api/v1/scans``) and by the server's own look at the repositories it reads
(``server/scanning``); read by ``metrics/findings`` and the debt register. Names follow SARIF
2.1.0 (rule, level, fingerprint) and the OSV schema (ecosystem, package, aliases, published).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record(
    "findings",
    key=("source", "repository", "check", "fingerprint", "episode"),
    order=("repository", "check", "source", "fingerprint", "episode"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding from when it counts to when it was fixed; one that comes back is another episode.

    It is resolved by the first later scan of the same check, complete for that check, that does not have it; a scan
    that could not check everything resolves nothing. From git history, by the commit after which it is gone.
    """

    source: Annotated[str, Field("git:… from history, check:… as reported by ktlo check", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    check: Annotated[str, Field("vulnerabilities, secrets, lint, workflows, licences…", label=True)]
    fingerprint: Annotated[str, Field("Stable identity across runs and moved lines; never a secret")]
    episode: Annotated[int, Field("1 the first time, 2 when it came back after it was fixed…")]
    rule: Annotated[
        str, Field("Identifier of the rule: an advisory's id (CVE where there is one), a rule's id")
    ]
    aliases: Annotated[tuple[str, ...], Field("Other identifiers of the same rule: GHSA, PYSEC, GO…")]
    level: Annotated[str, Field("critical, high, medium, low or unknown", label=True)]
    message: Annotated[str, Field("One sentence; never a secret")]
    path: Annotated[str, Field("File, relative to the repository's root")]
    line: Annotated[int, Field("Line, from 1; 0 for the whole file")]
    ecosystem: Annotated[str, Field("OSV ecosystem; empty where the finding is no package's", label=True)]
    package: Annotated[str, Field("Package, as the ecosystem normalises it; empty where it is none")]
    version: Annotated[str, Field("Version found, the last one of the episode")]
    fixed_version: Annotated[str, Field("Smallest version that ends it; empty when none is known")]
    relation: Annotated[
        str, Field("direct, transitive, or empty when the lock file does not tell", label=True)
    ]
    scope: Annotated[str, Field("production, development, or empty when it is not told", label=True)]
    reachability: Annotated[str, Field("As the check judged it; empty when it did not", label=True)]
    tolerated: Annotated[str, Field("Why policy tolerates it; empty when it fails the gate")]
    introduced_at: Annotated[dt.datetime | None, Field("When what is found came in, where known")]
    introduced_sha: Annotated[str, Field("The commit that brought it in; empty when unknown")]
    published_at: Annotated[dt.datetime | None, Field("When the advisory was published, where known")]
    opened_at: Annotated[
        dt.datetime,
        Field(
            "From when it counts as open: the later of introduced_at and published_at, else the first scan"
            " that had it"
        ),
    ]
    last_seen_at: Annotated[dt.datetime, Field("The newest scan that had it")]
    resolved_at: Annotated[dt.datetime | None, Field("When it was gone; null while it is open")]
    resolved_sha: Annotated[str, Field("The commit that ended it, or that the resolving scan looked at")]


@record("scans", key=("source", "repository", "scan_id"), order=("repository", "source", "scan_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One run of the checks over one state of a repository."""

    source: Annotated[str, Field("git:… the server's own, check:… reported by ktlo check", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    scan_id: Annotated[str, Field("Identifier; reporting a scan twice changes nothing")]
    sha: Annotated[str, Field("The commit that was looked at; empty when it is not known")]
    ref: Annotated[str, Field("Branch or tag; empty when it is not known", label=True)]
    is_default: Annotated[
        bool, Field("True on the default branch: only such scans open and resolve findings")
    ]
    started_at: Annotated[dt.datetime, Field("When it began")]
    finished_at: Annotated[dt.datetime, Field("When it ended")]
    verdict: Annotated[
        str, Field("clean, findings, inconclusive or stale: ktlo check's exit code", label=True)
    ]
    headline: Annotated[str, Field("The verdict in one sentence")]
    checks: Annotated[tuple[str, ...], Field("The checks that ran")]
    complete: Annotated[tuple[str, ...], Field("Of them, those that could check everything")]
    failing: Annotated[int, Field("Findings that fail the gate")]
    tolerated: Annotated[int, Field("Findings that policy tolerates")]
    unchecked: Annotated[int, Field("Things that could not be checked")]
    dependencies: Annotated[int, Field("Dependencies read from lock files")]
    checked: Annotated[int, Field("Of them, checked")]
    database_at: Annotated[
        dt.datetime | None, Field("Newest record of the oldest advisory database asked; null for a service")
    ]


@record(
    "locked_versions",
    key=("source", "repository", "path", "ecosystem", "package", "version", "since_sha"),
    order=("repository", "source", "path", "ecosystem", "package", "version", "since_sha"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class LockedVersion:
    """A stretch of the default branch's history in which a lock file held one version of a package."""

    source: Annotated[str, Field("Identifier of the git source", label=True)]
    repository: Annotated[str, Field("Repository", label=True)]
    path: Annotated[str, Field("The lock file")]
    ecosystem: Annotated[str, Field("OSV ecosystem", label=True)]
    package: Annotated[str, Field("Package, as the ecosystem normalises it")]
    version: Annotated[str, Field("Exact version")]
    relation: Annotated[str, Field("direct, transitive, or empty when it is not told", label=True)]
    scope: Annotated[str, Field("production, development, or empty when it is not told", label=True)]
    line: Annotated[int, Field("Line in the lock file at the end of the stretch; 0 when it is not told")]
    since_at: Annotated[dt.datetime, Field("When the commit was made that brought it")]
    since_sha: Annotated[str, Field("That commit; the oldest one looked at when it was there before")]
    until_at: Annotated[
        dt.datetime | None, Field("When the commit was made that ended it; null while it is locked")
    ]
    until_sha: Annotated[str, Field("That commit; empty while it is locked")]


@record(
    "freshness",
    key=("repository", "path", "ecosystem", "package", "version"),
    life=Life.DERIVED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How far behind a locked version is, by the release dates that the ecosystem's index publishes.

    Libyears: years between the release of the locked version and that of the newest one, never below zero (Cox,
    Bouwers, van Eekelen and Visser, Measuring Dependency Freshness in Software Systems, ICSE 2015).
    """

    repository: Annotated[str, Field("Repository", label=True)]
    path: Annotated[str, Field("The lock file")]
    ecosystem: Annotated[str, Field("OSV ecosystem", label=True)]
    package: Annotated[str, Field("Package")]
    version: Annotated[str, Field("The locked version")]
    relation: Annotated[str, Field("direct, transitive, or empty when it is not told", label=True)]
    scope: Annotated[str, Field("production, development, or empty when it is not told", label=True)]
    released_at: Annotated[
        dt.datetime | None, Field("When the locked version was published; null when unknown")
    ]
    newest: Annotated[str, Field("Newest stable version; empty when unknown")]
    newest_at: Annotated[dt.datetime | None, Field("When that was published")]
    behind: Annotated[
        int | None, Field("Stable versions between the two, the newest included; null when unknown")
    ]
    libyears: Annotated[
        float | None, Field("Years between the two releases; null when unknown", unit="years")
    ]
    newer: Annotated[tuple[str, ...], Field("Newer stable versions in order, the oldest 200")]
    newer_at: Annotated[tuple[str, ...], Field("Their dates of release, ISO 8601, in the same order")]
    unknown: Annotated[str, Field("Why nothing is known; empty when it is")]
    asked_at: Annotated[dt.datetime | None, Field("When the index was asked")]
