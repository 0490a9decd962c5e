"""Which finding comes first: known to be exploited, then by level, reachability and EPSS.

An order for people and for plans; whether a finding fails a build is ``policy``'s to say. Facts are read from
``Finding.properties`` (docs/check.md lists them).
"""

from __future__ import annotations

from ktlo.guard.finding import Finding, Level

_LEVELS = {level: rank for rank, level in enumerate(Level)}
TIERS = ("called", "possible", "unknown", "imported", "installed")
"""Reachability from nearest to farthest; a finding without the fact counts as unknown."""


def urgency(finding: Finding) -> tuple[object, ...]:
    """Sort key, most urgent first."""
    facts = finding.properties
    reached = facts.get("reachability", "unknown")
    return (
        "known_exploited" not in facts,
        _LEVELS[finding.level],
        TIERS.index(reached) if reached in TIERS else TIERS.index("unknown"),
        -float(facts.get("epss", "0")),
        -float(facts.get("cvss", "0")),
        finding.location,
        finding.rule,
    )
