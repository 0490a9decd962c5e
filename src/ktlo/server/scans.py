"""Scans into the store: those that ``ktlo check`` reports, and what is known of a repository's findings before.

A report comes as the JSON of ``ktlo check --format json``; ``guard/ledger`` says what changes by it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ktlo.errors import UserError
from ktlo.guard.finding import Finding as Seen
from ktlo.guard.finding import Level, Location
from ktlo.guard.ledger import Sighting, settle
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.findings import Finding, Scan
from ktlo.store.protocol import Queryable, Store

REPORTED = "check:"
"""Beginning of the source of scans that were reported."""
MOST_FINDINGS = 50_000
_KNOWN = """
SELECT * FROM ktlo.findings WHERE source = {source:String} AND repository = {repository:String}"""
_NEWEST = """
SELECT max(started_at) AS newest, count() AS n FROM ktlo.scans
WHERE source = {source:String} AND repository = {repository:String} AND is_default
  AND has(checks, {check:String})"""
_Text = Field(max_length=4_000)


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class LocationIn(_Loose):
    """Where something was found."""

    path: str = _Text
    line: int = Field(0, ge=0, le=2**31)
    commit: str = Field("", max_length=64)


class FindingIn(_Loose):
    """A finding as ``ktlo check --format json`` writes it."""

    check: str = Field(min_length=1, max_length=100)
    rule: str = Field(max_length=500)
    level: Level
    message: str = _Text
    location: LocationIn
    fingerprint: str = Field(min_length=1, max_length=200)
    aliases: list[str] = Field(default_factory=list, max_length=200)
    fix: str = Field("", max_length=4_000)
    properties: dict[str, str] = Field(default_factory=dict)

    def seen(self) -> Seen:
        """The finding as checks give it."""
        return Seen(
            self.check, self.rule, self.level, self.message,
            Location(self.location.path, self.location.line, self.location.commit),
            self.fingerprint, tuple(self.aliases), self.fix, dict(self.properties),
        )  # fmt: skip


class ToleratedIn(_Loose):
    """A finding that policy tolerates."""

    finding: FindingIn
    reason: str = _Text


class UncheckedIn(_Loose):
    """Something that could not be checked."""

    check: str = Field(max_length=100)
    what: str = ""
    reason: str = ""


class CheckIn(_Loose):
    """A check that ran."""

    check: str = Field(max_length=100)


class VerdictIn(_Loose):
    """The verdict."""

    name: str = Field(max_length=40)
    headline: str = _Text


class DatabaseIn(_Loose):
    """A database that was asked."""

    newest: dt.datetime | None = None


class CoverageIn(_Loose):
    """What was looked at."""

    dependencies: int = 0
    checked: int = 0
    databases: list[DatabaseIn] = Field(default_factory=list, max_length=1_000)


class ReportIn(_Loose):
    """The JSON of ``ktlo check --format json``; keys that are not named here are passed over."""

    verdict: VerdictIn
    findings: list[FindingIn] = Field(max_length=MOST_FINDINGS)
    tolerated: list[ToleratedIn] = Field(default_factory=list, max_length=MOST_FINDINGS)
    unchecked: list[UncheckedIn] = Field(default_factory=list, max_length=MOST_FINDINGS)
    checks: list[CheckIn] = Field(default_factory=list, max_length=100)
    coverage: CoverageIn = CoverageIn()
    since: dict[str, Any] | None = None
    as_of: str | None = None


class NewScan(BaseModel):
    """A run of ``ktlo check`` to keep."""

    repository: str = Field(min_length=1, max_length=300, description="owner/name.")
    sha: str = Field("", max_length=64, description="The commit that was checked.")
    ref: str = Field("", max_length=300, description="Its branch or tag.")
    is_default: bool = Field(
        description="True on the default branch: only such scans open and resolve findings."
    )
    started_at: dt.datetime = Field(description="When the run began, with a time zone.")
    finished_at: dt.datetime = Field(description="When it ended, with a time zone.")
    report: ReportIn


def known_findings(store: Queryable, source: str, repository: str) -> list[Finding]:
    """Every episode that a source has of a repository."""
    return from_arrow(store.query(_KNOWN, {"source": source, "repository": repository}), Finding)


def keep(store: Store, new: NewScan, now: dt.datetime) -> tuple[Scan, int, int]:
    """Keep a reported scan and settle its findings.

    Args:
        store: where it goes.
        new: the scan.
        now: the moment, for scans that claim to be from the future.

    Returns:
        The scan, how many findings it opened, and how many it resolved.

    Raises:
        UserError: times without a zone, turned round or from the future; a report about a day of the past.
    """
    if new.started_at.tzinfo is None or new.finished_at.tzinfo is None:
        raise UserError("the times have no time zone", where="started_at", fix="Write 2026-05-01T12:00:00Z")
    if new.finished_at < new.started_at or new.started_at > now + dt.timedelta(hours=1):
        raise UserError(
            "the scan ends before it begins, or is from the future",
            where="started_at",
            fix="Check the clock of the machine that ran it",
        )
    if new.report.as_of is not None:
        raise UserError(
            "this is a rehearsal of the past (--as-of), which says nothing of today",
            fix="Report a run without it",
        )
    source = f"{REPORTED}{new.repository}"
    scan = _scan(source, new)
    sightings = [Sighting(one.seen()) for one in new.report.findings]
    sightings += [Sighting(one.finding.seen(), one.reason) for one in new.report.tolerated]
    opened, resolved = write(store, scan, sightings)
    return scan, opened, resolved


def write(store: Store, scan: Scan, sightings: Sequence[Sighting]) -> tuple[int, int]:
    """Settle a scan's findings, then write it; how many findings were opened and resolved."""
    known = known_findings(store, scan.source, scan.repository)
    changed: list[Finding] = []
    for check in scan.checks:
        changed += settle(
            [one for one in known if one.check == check],
            scan,
            [one for one in sightings if one.seen.check == check],
            _newest(store, scan, check),
        )
    if changed:
        store.insert(TABLES["findings"], to_arrow(changed, Finding))
    # The scan last: cut off in between, the same report settles the rest.
    store.insert(TABLES["scans"], to_arrow([scan], Scan))
    before = {(one.check, one.fingerprint, one.episode) for one in known}
    opened = sum((one.check, one.fingerprint, one.episode) not in before for one in changed)
    return opened, sum(one.resolved_at is not None for one in changed)


def _newest(store: Queryable, scan: Scan, check: str) -> dt.datetime | None:
    params = {"source": scan.source, "repository": scan.repository, "check": check}
    row = store.query(_NEWEST, params).to_pylist()[0]
    return row["newest"] if row["n"] else None


def _scan(source: str, new: NewScan) -> Scan:
    report = new.report
    found = {one.check for one in report.findings} | {one.finding.check for one in report.tolerated}
    checks = tuple(dict.fromkeys([*(one.check for one in report.checks), *sorted(found)]))
    unsure = {one.check for one in report.unchecked}
    dates = [one.newest for one in report.coverage.databases if one.newest is not None]
    started, finished = new.started_at.astimezone(dt.UTC), new.finished_at.astimezone(dt.UTC)
    identity = json.dumps([new.repository, new.sha, new.ref, started.isoformat()])
    return Scan(
        source=source,
        repository=new.repository,
        scan_id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        sha=new.sha,
        ref=new.ref,
        is_default=new.is_default,
        started_at=started,
        finished_at=finished,
        verdict=report.verdict.name,
        headline=report.verdict.headline,
        checks=checks,
        # What only a change was judged by says nothing of the rest.
        complete=() if report.since else tuple(one for one in checks if one not in unsure),
        failing=len(report.findings),
        tolerated=len(report.tolerated),
        unchecked=len(report.unchecked),
        dependencies=report.coverage.dependencies,
        checked=report.coverage.checked,
        database_at=min(dates, default=None),
    )
