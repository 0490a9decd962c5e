"""Keeps the account of findings over scans: which are new, still there, gone, or back.

Pure: what is known and what a scan saw come in, the records to write go out. A finding is resolved by the first later
scan of its check that could check everything and does not have it; a scan that could not resolves nothing, nor does one
of another branch or of an older moment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ktlo.guard.finding import Finding as Seen
from ktlo.records.findings import Finding, Scan


@dataclass(frozen=True, slots=True)
class Sighting:
    """A finding as a scan reported it.

    Attributes:
        seen: the finding.
        tolerated: why policy tolerates it; empty when it fails the gate.
        introduced_at: when it came in, where that is known.
        introduced_sha: the commit that brought it.
    """

    seen: Seen
    tolerated: str = ""
    introduced_at: dt.datetime | None = None
    introduced_sha: str = ""


def settle(
    known: Iterable[Finding], scan: Scan, sightings: Sequence[Sighting], newest: dt.datetime | None
) -> list[Finding]:
    """The records that change by a scan.

    Args:
        known: every episode of the scan's source and repository.
        scan: the scan.
        sightings: what it saw.
        newest: when the newest scan began that is known already; ``None`` for the first.
    """
    if not scan.is_default or (newest is not None and scan.started_at <= newest):
        return []
    episodes: dict[tuple[str, str], Finding] = {}
    for one in sorted(known, key=lambda finding: finding.episode):
        episodes[one.check, one.fingerprint] = one
    written: dict[tuple[str, str], Finding] = {}
    for sighting in sightings:
        key = (sighting.seen.check, sighting.seen.fingerprint)
        before = episodes.get(key)
        if before is not None and before.resolved_at is None:
            written[key] = _again(before, sighting, scan)
        else:
            written[key] = new_finding(sighting, scan, before.episode + 1 if before else 1)
    for key, one in episodes.items():
        if one.resolved_at is None and key not in written and one.check in scan.complete:
            written[key] = replace(one, resolved_at=scan.started_at, resolved_sha=scan.sha)
    return list(written.values())


def _again(before: Finding, sighting: Sighting, scan: Scan) -> Finding:
    now = new_finding(sighting, scan, before.episode)
    return replace(
        now,
        introduced_at=before.introduced_at or now.introduced_at,
        introduced_sha=before.introduced_sha or now.introduced_sha,
        published_at=before.published_at,
        opened_at=before.opened_at,
    )


def new_finding(sighting: Sighting, scan: Scan, episode: int) -> Finding:
    """The record of a finding that a scan saw, as if for the first time."""
    seen, facts = sighting.seen, sighting.seen.properties
    return Finding(
        source=scan.source,
        repository=scan.repository,
        check=seen.check,
        fingerprint=seen.fingerprint,
        episode=episode,
        rule=seen.rule,
        aliases=tuple(seen.aliases),
        level=seen.level.value,
        message=seen.message,
        path=seen.location.path,
        line=seen.location.line,
        ecosystem=facts.get("ecosystem", ""),
        package=facts.get("package", ""),
        version=facts.get("version", ""),
        fixed_version=facts.get("fixed", "").split(" ")[0],
        relation=facts.get("relation", ""),
        scope=facts.get("scope", ""),
        reachability=facts.get("reachability", ""),
        tolerated=sighting.tolerated,
        introduced_at=sighting.introduced_at,
        introduced_sha=sighting.introduced_sha,
        published_at=None,
        opened_at=sighting.introduced_at or scan.started_at,
        last_seen_at=scan.started_at,
        resolved_at=None,
        resolved_sha="",
    )
