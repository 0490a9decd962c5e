"""How near a vulnerability is to the project's code, and what a finding tells about it.

``called``: a path of certain calls to a vulnerable function was found. ``possible``: a path with a step that only the
running program decides. ``imported``: the package's code is loaded, no path to a vulnerable function is known.
``installed``: nothing that is read loads it. ``unknown``: the analysis cannot tell, and says why. Only the first is
evidence; no tier lets a build pass by itself.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ktlo.guard.finding import Finding
from ktlo.guard.reachability.engine import Kind
from ktlo.guard.reachability.graph import Step

_MOST_STEPS = 20


class Tier(enum.StrEnum):
    """From near to far; docs/check-reachability.md."""

    CALLED = "called"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"
    IMPORTED = "imported"
    INSTALLED = "installed"


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known about one finding.

    Attributes:
        tier: how near.
        path: from the project's code to the vulnerable symbol or, for ``imported``, into the package.
        limits: what could not be followed, one clause; the tier rests on the rest.
    """

    tier: Tier
    path: tuple[str, ...] = ()
    limits: str = ""


def with_reach(finding: Finding, reach: Reach) -> Finding:
    """The finding with ``reachability``, ``call_path`` and ``reachability_limits``."""
    told = {"reachability": reach.tier.value}
    if reach.path:
        told["call_path"] = " > ".join(reach.path)
    if reach.limits:
        told["reachability_limits"] = reach.limits
    return replace(finding, properties=finding.properties | told)


def shown(path: Sequence[Step]) -> tuple[str, ...]:
    """Steps as people read them: who, and where it calls the next; a long path without its middle."""
    steps = [
        f"{one.name} ({one.path}:{one.line}{', possible' if one.kind is Kind.POSSIBLE else ''})"
        if one.path
        else one.name
        for one in path
    ]
    if len(steps) > _MOST_STEPS:
        left = len(steps) - _MOST_STEPS
        half = _MOST_STEPS // 2
        steps = [*steps[:half], f"… {left} more …", *steps[-half:]]
    return tuple(steps)
