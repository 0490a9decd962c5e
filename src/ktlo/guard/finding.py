"""What checks give: findings, and what could not be checked. Frozen, and the same for every check.

Names follow SARIF 2.1.0 (rule, level, location, fingerprint) so that every report format is a rendering.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Level(enum.StrEnum):
    """How bad a finding is, as policy reads it; ordered from worst."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """Where something was found.

    Attributes:
        path: relative to the repository's root, with forward slashes; control characters escaped.
        line: from 1; 0 when the file as a whole is meant.
        commit: object id when it was found in history; empty in the working tree.
    """

    path: str
    line: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that policy may fail a build for.

    Attributes:
        check: which check found it: ``vulnerabilities``, ``secrets``…
        rule: identifier of the rule: an advisory's id, a secret rule's id.
        level: how bad.
        message: one sentence for people; never a secret.
        location: where.
        fingerprint: stable identity across runs and moved lines, for baselines and ignores; never a secret.
        aliases: other identifiers of the same rule (CVE, GHSA…).
        fix: what to do, one sentence; empty when nothing is known.
        properties: further facts for reports, by name; docs/check.md lists those of vulnerabilities.
    """

    check: str
    rule: str
    level: Level
    message: str
    location: Location
    fingerprint: str
    aliases: tuple[str, ...] = ()
    fix: str = ""
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Something that could not be checked, and why: a build with one is never proven clean.

    Attributes:
        check: which check.
        what: the file, dependency or part.
        reason: why, and what to do, one sentence.
    """

    check: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found in one run.

    Attributes:
        check: which check.
        findings: what was found.
        unchecked: what could not be checked.
        checked: how many things were checked (dependencies, bytes…), with their unit in ``unit``.
        unit: what ``checked`` counts.
        stale: why the data the check rests on is too old; empty when it is not.
        tools: other programs that did it, with their versions.
        known: findings that a baseline holds already; they are not among ``findings``.
    """

    check: str
    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    checked: int
    unit: str
    stale: str = ""
    tools: tuple[str, ...] = ()
    known: int = 0
