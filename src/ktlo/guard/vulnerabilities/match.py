"""Does an advisory apply to a version? Affected, not affected, or undecided: the last is never taken for clean.

The rule is OSV's evaluation: affected when listed in ``versions`` or inside one of ``ranges``. GIT ranges count
commits, which a lock file does not tell, so they decide nothing; an entry that has only those is undecided.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.guard.vulnerabilities.advisory import Advisory, Affected, Range
from ktlo.guard.vulnerabilities.versions import Key, UnorderedVersionError, version_key

_SEPARATORS = re.compile(r"[-_.]+")


class Verdict(enum.Enum):
    """What an advisory says about a version."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not affected"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Match:
    """An advisory's verdict about one version.

    Attributes:
        verdict: affected, not affected or undecided.
        reason: why it is undecided; empty otherwise.
        fixed: versions that end an affected range the version is in, as written, smallest first.
    """

    verdict: Verdict
    reason: str = ""
    fixed: tuple[str, ...] = ()


def same_name(ecosystem: str, name: str) -> str:
    """The spelling under which a package is looked up: PEP 503 for PyPI, lower case where case is ignored."""
    base = ecosystem.partition(":")[0]
    if base == "PyPI":
        return _SEPARATORS.sub("-", name).lower()
    if base in ("NuGet", "Packagist", "npm"):
        return name.lower()
    return name


def match(advisory: Advisory, ecosystem: str, name: str, version: str) -> Match:
    """Judge one version of one package by one advisory; every entry about that package counts."""
    wanted = (ecosystem.partition(":")[0], same_name(ecosystem, name))
    results = []
    for entry in advisory.affected:
        base = entry.package.ecosystem.partition(":")[0]
        if (base, same_name(base, entry.package.name)) == wanted:
            results.append(_entry(entry, base, version))
    if any(one.verdict is Verdict.AFFECTED for one in results):
        fixed = [text for one in results for text in one.fixed]
        return Match(Verdict.AFFECTED, fixed=_sorted(wanted[0], fixed))
    for one in results:
        if one.verdict is Verdict.UNDECIDED:
            return one
    return Match(Verdict.NOT_AFFECTED)


def _entry(entry: Affected, ecosystem: str, version: str) -> Match:
    ranges = [one for one in entry.ranges if one.type in ("SEMVER", "ECOSYSTEM")]
    undecided = ""
    affected = version in entry.versions
    fixed: list[str] = []
    try:
        key = version_key(ecosystem, version)
    except UnorderedVersionError:
        key = None
        if not affected and (ranges or entry.versions):
            undecided = f"version {version!r} has no place in the order of {ecosystem} versions"
    if key is not None:
        for one in ranges:
            try:
                inside, ends = _inside(one, ecosystem, key)
            except UnorderedVersionError as error:
                undecided = f"a range ends at {str(error)!r}, which is no {ecosystem} version"
                continue
            affected = affected or inside
            fixed += ends if inside else []
        # Ranges first: lists are long, and reading every version in them costs most of a run.
        affected = affected or _listed(entry.versions, ecosystem, key)
    if affected:
        return Match(Verdict.AFFECTED, fixed=tuple(fixed))
    if undecided:
        return Match(Verdict.UNDECIDED, undecided)
    if not ranges and not entry.versions:
        if entry.ranges:
            return Match(
                Verdict.UNDECIDED, "the advisory counts commits only, which a lock file does not tell"
            )
        return Match(Verdict.UNDECIDED, "the advisory gives neither versions nor ranges")
    return Match(Verdict.NOT_AFFECTED)


def _listed(versions: Iterable[str], ecosystem: str, key: Key) -> bool:
    for text in versions:
        try:
            if version_key(ecosystem, text) == key:
                return True
        except UnorderedVersionError:
            continue  # cannot be the same: ours has a place in the order
    return False


def _inside(span: Range, ecosystem: str, key: Key) -> tuple[bool, list[str]]:
    """Walk the events in order of version; True when the version is inside, with the fixes above it."""
    steps: list[tuple[Key, str, str]] = []
    limits: list[Key | None] = []
    for event in span.events:
        for kind in ("introduced", "fixed", "last_affected", "limit"):
            text = getattr(event, kind)
            if text is None:
                continue
            if kind == "limit":
                limits.append(None if text == "*" else version_key(ecosystem, text))
            elif kind == "introduced" and text == "0":
                steps.append((None, kind, text))
            else:
                steps.append((version_key(ecosystem, text), kind, text))
    if not any(kind == "introduced" for _, kind, _ in steps):
        raise UnorderedVersionError("a range without a beginning")
    if limits and not any(limit is None or key < limit for limit in limits):
        return False, []
    beginning = [step for step in steps if step[0] is None]
    # Stable, so that a range that closes and opens again at one version keeps the order it was written in;
    # only last_affected, which includes its version, goes after what opens there.
    rest = sorted((step for step in steps if step[0] is not None), key=functools.cmp_to_key(_before))
    inside = bool(beginning)
    ends = []
    for at, kind, text in rest:
        if kind == "introduced" and not key < at:
            inside = True
        elif kind == "fixed":
            if not key < at:
                inside = False
            else:
                ends.append(text)
        elif kind == "last_affected" and at < key:
            inside = False
    return inside, ends[:1]


def _before(one: tuple[Key, str, str], other: tuple[Key, str, str]) -> int:
    if one[0] == other[0]:
        return (one[1] == "last_affected") - (other[1] == "last_affected")
    return -1 if one[0] < other[0] else 1


def _sorted(ecosystem: str, fixed: Iterable[str]) -> tuple[str, ...]:
    unique = list(dict.fromkeys(fixed))
    try:
        return tuple(sorted(unique, key=lambda text: version_key(ecosystem, text)))
    except UnorderedVersionError:
        return tuple(unique)
