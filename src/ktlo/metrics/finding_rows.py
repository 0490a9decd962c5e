"""Findings one by one, and the scans they rest on: what pages, API and command line list.

The same rows as the metrics (one source a repository and check), with what policy tolerates beside them.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ktlo.errors import NotFoundError
from ktlo.metrics.question import Dimension, Question
from ktlo.records.arrow import from_arrow
from ktlo.records.findings import Finding, LockedVersion, Scan
from ktlo.store.protocol import Queryable


class State(enum.StrEnum):
    """Which findings to list."""

    OPEN = "open"
    FIXED = "fixed"
    TOLERATED = "tolerated"
    ALL = "all"


_STATES = {
    State.OPEN: "resolved_at IS NULL AND tolerated = ''",
    State.FIXED: "resolved_at IS NOT NULL",
    State.TOLERATED: "resolved_at IS NULL AND tolerated != ''",
    State.ALL: "1",
}
FILTERS = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.LEVEL, Dimension.CHECK)
"""By what a list of findings can be filtered."""

_LISTED = """
WITH chosen AS (
  SELECT repository AS r, check AS c, argMin(source, startsWith(source, 'check:')) AS s
  FROM ktlo.findings GROUP BY repository, check
), members AS (
  SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
  WHERE kind = 'repository' GROUP BY member
)
SELECT * FROM (
  SELECT f.*, m.service AS service, m.team AS team
  FROM ktlo.findings AS f
  INNER JOIN chosen ON chosen.r = f.repository AND chosen.c = f.check AND chosen.s = f.source
  LEFT JOIN members AS m ON m.member = f.repository
)"""
_ORDER = (
    " ORDER BY resolved_at IS NOT NULL, resolved_at DESC,"
    " indexOf(['critical', 'high', 'medium', 'low', 'unknown'], toString(level)), opened_at, rule, path"
    " LIMIT {limit:UInt32}"
)
_SCANS = """
SELECT * FROM ktlo.scans ORDER BY started_at DESC LIMIT 1 BY source, repository, checks LIMIT 500"""
_ONE = """
SELECT * FROM ktlo.findings WHERE repository = {repository:String} AND fingerprint = {fingerprint:String}
ORDER BY startsWith(source, 'check:'), source, episode DESC"""
_VERSIONS = """
SELECT * FROM ktlo.locked_versions WHERE repository = {repository:String} AND path = {path:String}
  AND ecosystem = {ecosystem:String} AND package = {package:String}
ORDER BY since_at DESC LIMIT 100"""
_ELSEWHERE = """
SELECT DISTINCT repository, path, fingerprint, version FROM ktlo.findings
WHERE rule = {rule:String} AND resolved_at IS NULL AND fingerprint != {fingerprint:String}
ORDER BY repository, path LIMIT 100"""
_COMMITS = """
SELECT sha, source, subject, author_name, authored_at FROM ktlo.commits
WHERE repository = {repository:String} AND has({shas:Array(String)}, sha)
ORDER BY authored_at LIMIT 1 BY sha"""


def listed(store: Queryable, question: Question, state: State, limit: int) -> pa.Table:
    """Findings of one state, open and worst first.

    Args:
        store: where the records are.
        question: whose filters apply; its period does not.
        state: which.
        limit: most rows.
    """
    conditions = [_STATES[state]]
    params: dict[str, Any] = {"limit": limit}
    for dimension in FILTERS:
        if kept := question.only.get(dimension):
            conditions.append(f"has({{{dimension}:Array(String)}}, toString({dimension}))")
            params[dimension.value] = list(kept)
    return store.query(f"{_LISTED} WHERE {' AND '.join(conditions)}{_ORDER}", params)  # values are bound


def called(store: Queryable, text: str, limit: int) -> pa.Table:
    """Findings by an identifier (also an alias), or by their package's whole name; open ones first."""
    where = (
        " WHERE lower(rule) = lower({text:String}) OR lower(package) = lower({text:String})"
        " OR arrayExists(name -> lower(name) = lower({text:String}), aliases)"
    )
    return store.query(f"{_LISTED}{where}{_ORDER}", {"text": text, "limit": limit})


def newest_scans(store: Queryable) -> list[Scan]:
    """The newest scan of each source, repository and set of checks."""
    return from_arrow(store.query(_SCANS), Scan)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that brought or ended a finding."""

    sha: str
    source: str
    subject: str
    author: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Told:
    """One finding with what is known around it.

    Attributes:
        finding: its newest episode.
        episodes: all of them, newest first.
        versions: stretches of the package in the lock file, newest first.
        elsewhere: (repository, path, fingerprint, version) of the same rule where it is open, too.
        commits: by sha, those that brought or ended an episode.
    """

    finding: Finding
    episodes: tuple[Finding, ...]
    versions: tuple[LockedVersion, ...]
    elsewhere: tuple[tuple[str, str, str, str], ...]
    commits: dict[str, Commit]


def tell(store: Queryable, repository: str, fingerprint: str) -> Told:
    """One finding.

    Raises:
        NotFoundError: there is none of that fingerprint in that repository.
    """
    asked = {"repository": repository, "fingerprint": fingerprint}
    rows: list[Finding] = from_arrow(store.query(_ONE, asked), Finding)
    if not rows:
        raise NotFoundError(
            "there is no such finding", where=fingerprint, fix="`ktlo findings` lists them, open ones first"
        )
    episodes = tuple(one for one in rows if one.source == rows[0].source)
    finding = episodes[0]
    place = {
        "repository": repository, "path": finding.path,
        "ecosystem": finding.ecosystem, "package": finding.package,
    }  # fmt: skip
    versions = from_arrow(store.query(_VERSIONS, place), LockedVersion) if finding.package else []
    elsewhere = store.query(_ELSEWHERE, {"rule": finding.rule, "fingerprint": fingerprint}).to_pylist()
    shas = sorted({sha for one in episodes for sha in (one.introduced_sha, one.resolved_sha) if sha})
    commits = store.query(_COMMITS, {"repository": repository, "shas": shas}).to_pylist() if shas else []
    return Told(
        finding,
        episodes,
        tuple(versions),
        tuple((row["repository"], row["path"], row["fingerprint"], row["version"]) for row in elsewhere),
        {
            row["sha"]: Commit(
                row["sha"], row["source"], row["subject"], row["author_name"], row["authored_at"]
            )
            for row in commits
        },
    )
