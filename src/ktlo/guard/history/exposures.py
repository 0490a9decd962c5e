"""Holds stretches against advisories: when each vulnerability was there, from when it counted, when it was gone.

A finding opens at the later of two moments: the version came in, the advisory was published. It is resolved by the
commit after which no version of the package in that lock file is affected. What was gone before its advisory was
published was never a finding. Only databases on disk are asked here; they hold every advisory about a package.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ktlo.guard.dependency import Dependency, Origin
from ktlo.guard.finding import Finding as Seen
from ktlo.guard.finding import Location
from ktlo.guard.history.stretches import Stretch
from ktlo.guard.vulnerabilities.advisory import in_force, moment
from ktlo.guard.vulnerabilities.check import CHECK, findings_of
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, Package
from ktlo.records.findings import Finding, LockedVersion

Candidates = Mapping[Package, Sequence[Candidate]]


@dataclass(frozen=True, slots=True)
class Exposures:
    """What came out.

    Attributes:
        findings: one record an episode.
        gone_before: how many were gone before their advisory was published, and so were never findings.
    """

    findings: tuple[Finding, ...]
    gone_before: int


@dataclass(frozen=True, slots=True)
class _Hit:
    seen: Seen
    published: dt.datetime | None
    stretch: Stretch


def packages_of(stretches: Iterable[Stretch]) -> list[Package]:
    """Each package once, whatever its versions: what databases on disk are asked for."""
    return sorted({Package(one.record.ecosystem, one.record.package, "") for one in stretches})


def exposures(stretches: Sequence[Stretch], candidates: Candidates, seen_at: dt.datetime) -> Exposures:
    """Work out findings with their episodes.

    Args:
        stretches: of one repository.
        candidates: advisories about each package, by :func:`packages_of`.
        seen_at: when the newest state was looked at.
    """
    hits: dict[str, list[_Hit]] = defaultdict(list)
    known: dict[tuple[str, str, str, str], list[tuple[Seen, dt.datetime | None]]] = {}
    for stretch in stretches:
        one = stretch.record
        about = [
            c
            for c in candidates.get(Package(one.ecosystem, one.package, ""), ())
            if in_force(c.advisory, None)
        ]
        if not about:
            continue
        key = (one.path, one.ecosystem, one.package, one.version)
        if key not in known:
            known[key] = [(seen, _published(seen, about)) for seen in findings_of(_dependency(one), about)]
        for seen, published in known[key]:
            hits[seen.fingerprint].append(_Hit(seen, published, stretch))
    found: list[Finding] = []
    gone_before = 0
    for fingerprint in sorted(hits):
        episodes = _episodes(hits[fingerprint])
        number = 0
        for episode in episodes:
            record = _record(episode, number + 1, seen_at)
            if record is None:
                gone_before += 1
            else:
                number += 1
                found.append(record)
    return Exposures(tuple(found), gone_before)


def _dependency(one: LockedVersion) -> Dependency:
    return Dependency(
        one.ecosystem,
        one.package,
        one.version,
        Origin.REGISTRY,
        Location(one.path, one.line),
        None if not one.relation else one.relation == "direct",
        None if not one.scope else one.scope == "development",
    )


def _published(seen: Seen, about: Sequence[Candidate]) -> dt.datetime | None:
    """The earliest publication among the records of one vulnerability."""
    names = {seen.rule, *seen.aliases, *seen.properties.get("advisories", "").split()}
    moments = [moment(one.advisory.published) for one in about if one.advisory.id in names]
    return min((one for one in moments if one is not None), default=None)


def _episodes(hits: Sequence[_Hit]) -> list[list[_Hit]]:
    """Stretches that touch or overlap belong together: a bump from one affected version to another fixes nothing."""
    ordered = sorted(hits, key=lambda one: one.stretch.record.since_at)
    episodes: list[list[_Hit]] = []
    end: dt.datetime | None = None
    for hit in ordered:
        record = hit.stretch.record
        if not episodes or (end is not None and record.since_at > end):
            episodes.append([hit])
            end = record.until_at
        else:
            episodes[-1].append(hit)
            end = None if end is None or record.until_at is None else max(end, record.until_at)
    return episodes


def _record(episode: Sequence[_Hit], number: int, seen_at: dt.datetime) -> Finding | None:
    first = episode[0].stretch
    is_open = any(one.stretch.record.until_at is None for one in episode)
    last = max(episode, key=lambda one: one.stretch.record.until_at or dt.datetime.max.replace(tzinfo=dt.UTC))
    record, seen = last.stretch.record, last.seen
    published = min((one.published for one in episode if one.published is not None), default=None)
    opened = max(first.record.since_at, published) if published else first.record.since_at
    resolved = None if is_open else record.until_at
    if resolved is not None and resolved <= opened:
        return None
    return Finding(
        source=record.source,
        repository=record.repository,
        check=CHECK,
        fingerprint=seen.fingerprint,
        episode=number,
        rule=seen.rule,
        aliases=seen.aliases,
        level=seen.level.value,
        message=seen.message,
        path=record.path,
        line=record.line,
        ecosystem=record.ecosystem,
        package=record.package,
        version=record.version,
        fixed_version=seen.properties.get("fixed", "").split(" ")[0],
        relation=record.relation,
        scope=record.scope,
        reachability="",
        tolerated="",
        introduced_at=first.record.since_at if first.begins_in_sight else None,
        introduced_sha=first.record.since_sha if first.begins_in_sight else "",
        published_at=published,
        opened_at=opened,
        last_seen_at=resolved or seen_at,
        resolved_at=resolved,
        resolved_sha=record.until_sha if resolved else "",
    )
