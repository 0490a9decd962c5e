"""How far behind a locked version is: releases of an index against what lock files hold. Pure.

Gives :class:`~ktlo.records.findings.Freshness`. Stable versions only, withdrawn ones left out; order is the ecosystem's
own. Libyears: see the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ktlo.guard.indexes import Answer, Release
from ktlo.guard.vulnerabilities.advisory import moment
from ktlo.guard.vulnerabilities.versions import UnorderedVersionError, version_key
from ktlo.records.findings import Freshness, LockedVersion

_YEAR = 365.25 * 86400.0
_MOST_NEWER = 200
_UNSTABLE = re.compile(
    r"(?i)(?:^|[^a-z])(?:a|b|c|rc|alpha|beta|dev|pre|preview|canary|next|nightly|snapshot|m)\.?-?\d*(?:[^a-z]|$)"
)
_PSEUDO = re.compile(r"[0-9]{14}-[0-9a-f]{12}")


def is_stable(ecosystem: str, version: str) -> bool:
    """False for pre-releases, by the ecosystem's own rule where it has one."""
    if ecosystem == "PyPI":
        from packaging.version import InvalidVersion, Version

        try:
            return not Version(version).is_prerelease
        except InvalidVersion:
            return False
    if ecosystem in ("npm", "crates.io", "Go"):
        return "-" not in version.partition("+")[0] and not _PSEUDO.search(version)
    return not _UNSTABLE.search(version)


def freshness(
    locked: Iterable[LockedVersion], answers: Mapping[tuple[str, str], Answer], why_not: str
) -> list[Freshness]:
    """One record for each version that is locked now.

    Args:
        locked: stretches; those that have ended are passed over.
        answers: of the indexes, by ecosystem and package.
        why_not: what to say of packages that no index was asked for.
    """
    found: dict[tuple[str, ...], Freshness] = {}
    for one in locked:
        if one.until_at is not None:
            continue
        answer = answers.get((one.ecosystem, one.package))
        found[one.repository, one.path, one.ecosystem, one.package, one.version] = _of(one, answer, why_not)
    return list(found.values())


def _of(one: LockedVersion, answer: Answer | None, why_not: str) -> Freshness:
    unknown = why_not if answer is None else answer.problem
    asked_at = moment(answer.asked_at) if answer else None
    newer: list[Release] = []
    own: Release | None = None
    try:
        key = version_key(one.ecosystem, one.version)
        for release in answer.releases if answer else ():
            try:
                other = version_key(one.ecosystem, release.version)
            except UnorderedVersionError:
                continue
            if other == key:
                own = release
            elif key < other and not release.is_withdrawn and is_stable(one.ecosystem, release.version):
                newer.append(release)
        newer.sort(key=lambda release: version_key(one.ecosystem, release.version))
    except UnorderedVersionError:
        unknown = unknown or f"{one.version} has no place in the order of {one.ecosystem} versions"
    if answer and answer.releases and own is None and not unknown:
        unknown = "the index does not offer the locked version"
    released = moment(own.at) if own else None
    newest = newer[-1] if newer else own
    newest_at = moment(newest.at) if newest else None
    years = None
    if not unknown and released is not None and newest_at is not None:
        years = max(0.0, (newest_at - released).total_seconds() / _YEAR)
    elif not unknown and answer is not None:
        unknown = "the index tells no dates"
    return Freshness(
        repository=one.repository,
        path=one.path,
        ecosystem=one.ecosystem,
        package=one.package,
        version=one.version,
        relation=one.relation,
        scope=one.scope,
        released_at=released,
        newest=newest.version if newest else "",
        newest_at=newest_at,
        behind=len(newer) if own is not None else None,
        libyears=years,
        newer=tuple(release.version for release in newer[:_MOST_NEWER]),
        newer_at=tuple(release.at for release in newer[:_MOST_NEWER]),
        unknown=unknown,
        asked_at=asked_at,
    )
