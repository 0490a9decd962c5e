"""Which findings fail a build: thresholds, ignores with owner, reason and expiry, and OpenVEX statements.

What a check found comes in, every finding goes out again with what was decided and why: nothing is dropped.
An expired ignore is a finding of its own. The meaning of each setting: docs/check.md.
"""

from __future__ import annotations

import datetime
import enum
import fnmatch
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.guard.finding import Finding, Level, Location
from ktlo.guard.openvex import Statement, answer
from ktlo.guard.vulnerabilities.aliases import is_named

CHECK = "policy"
UNREACHED = frozenset({"imported", "installed"})
"""Tiers of ``reachability`` in which no call leads to the vulnerable code; unknown is not among them."""
_RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Ignore:
    """A finding the team lives with for a while; fields as in ``guard.ignores`` of ktlo.yaml."""

    id: str
    owner: str
    reason: str
    expires: datetime.date
    package: str = ""
    path: str = ""
    justification: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What fails.

    Attributes:
        fail_from: findings of this level and above fail; those of unknown level always do.
        fail_from_development: the same for what only development needs.
        fail_from_unreached: the same for what our code does not call, as far as a call graph tells.
        ignores: exceptions.
        statements: OpenVEX.
        place: the settings file, for the location of findings about the policy itself.
    """

    fail_from: Level = Level.LOW
    fail_from_development: Level = Level.LOW
    fail_from_unreached: Level | None = None
    ignores: tuple[Ignore, ...] = ()
    statements: tuple[Statement, ...] = ()
    place: str = "ktlo.yaml"


class Because(enum.StrEnum):
    """What decided that a finding does not fail the build."""

    IGNORE = "ignore"
    VEX = "vex"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True)
class Tolerated:
    """A finding that does not fail the build, and why.

    Attributes:
        finding: the finding.
        reason: why, for people.
        because: what decided.
        status: what OpenVEX calls it: ``not_affected``, ``fixed``, ``affected`` (lived with), or
            ``under_investigation`` when only its level decided.
        justification: for ``not_affected``: OpenVEX's word, or a sentence.
    """

    finding: Finding
    reason: str
    because: Because = Because.THRESHOLD
    status: str = "under_investigation"
    justification: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every finding, failing or tolerated."""

    failing: tuple[Finding, ...]
    tolerated: tuple[Tolerated, ...]


def judge(findings: Iterable[Finding], policy: Policy, today: datetime.date) -> Judgement:
    """Decide about each finding.

    Args:
        findings: of every check.
        policy: what fails.
        today: the day that expiries are compared with.
    """
    failing: list[Finding] = []
    tolerated: list[Tolerated] = []
    for finding in findings:
        excused = _excuse(finding, policy, today)
        if excused is not None:
            tolerated.append(excused)
        else:
            failing.append(finding)
    return Judgement(tuple(failing), tuple(tolerated))


def expired(policy: Policy, today: datetime.date) -> tuple[Finding, ...]:
    """A finding for each ignore whose time is over, whether or not it still matches anything."""
    return tuple(_about_ignore(ignore, policy.place) for ignore in policy.ignores if ignore.expires < today)


def _excuse(finding: Finding, policy: Policy, today: datetime.date) -> Tolerated | None:
    for ignore in policy.ignores:
        if ignore.expires >= today and _matches(ignore, finding):
            return Tolerated(
                finding,
                f"ignored by {ignore.owner} until {ignore.expires}: {ignore.reason}",
                Because.IGNORE,
                "not_affected" if ignore.justification else "affected",
                ignore.justification,
            )
    statement = answer(finding, policy.statements)
    if statement is not None:
        why = f": {statement.why}" if statement.why else ""
        reason = f"{statement.status} by VEX ({statement.document}){why}"
        return Tolerated(finding, reason, Because.VEX, statement.status, statement.why)
    least, about = _threshold(finding, policy)
    if finding.level is not Level.UNKNOWN and _RANK[finding.level] > _RANK[least]:
        return Tolerated(finding, f"{finding.level.value} is below the threshold{about}, {least.value}")
    return None


def _threshold(finding: Finding, policy: Policy) -> tuple[Level, str]:
    """The level from which a finding fails: the most lenient one that its circumstances allow."""
    least, about = policy.fail_from, ""
    if finding.properties.get("scope") == "development" and policy.fail_from_development is not least:
        least, about = policy.fail_from_development, " for development"
    unreached = policy.fail_from_unreached
    if unreached is not None and _is_unreached(finding) and _RANK[unreached] < _RANK[least]:
        least, about = unreached, " for what our code does not call"
    return least, about


def _is_unreached(finding: Finding) -> bool:
    tier = finding.properties.get("reachability")
    # A loaded package of which nobody names the vulnerable function may well call it.
    return tier in UNREACHED and (tier != "imported" or "symbols" in finding.properties)


def _matches(ignore: Ignore, finding: Finding) -> bool:
    identity = frozenset((finding.rule, *finding.aliases))
    if ignore.id != finding.fingerprint and not is_named(identity, finding.rule, (ignore.id,)):
        return False
    if ignore.package and not fnmatch.fnmatchcase(finding.properties.get("package", ""), ignore.package):
        return False
    return not ignore.path or fnmatch.fnmatchcase(finding.location.path, ignore.path)


def _about_ignore(ignore: Ignore, place: str) -> Finding:
    scope = "".join(f" in {part}" for part in (ignore.package, ignore.path) if part)
    return Finding(
        check=CHECK,
        rule="expired-ignore",
        level=Level.HIGH,
        message=f"The ignore of {ignore.id}{scope} by {ignore.owner} expired on {ignore.expires}",
        location=Location(place),
        fingerprint=hashlib.sha256(f"{CHECK}\n{ignore.id}\n{scope}".encode()).hexdigest()[:32],
        fix="Remove it, or decide again with a new reason and date",
    )
