"""Apdex: one number for how satisfied callers are with a service's durations.

(satisfied + tolerating / 2) / calls, where satisfied took at most T, tolerating at most 4 T, and failed calls count as
frustrated. Source: Apdex Alliance, Application Performance Index, Technical Specification, version 1.1, 2007. Shares
are read from the t-digest of the durations, so failed calls are taken to last as long as the others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.services import JUDGED_BY, busiest

LEVELS = tuple(round(step / 100, 2) for step in range(101))
_Z = 1.959963984540054
"""For a 95% interval."""

_DIGESTS = f"""
SELECT m.service AS service, {JUDGED_BY} AS judged_by, sum(m.calls) AS calls,
  sum(m.errors) AS errors, quantilesTDigestMerge({", ".join(map(str, LEVELS))})(m.durations) AS quantiles
FROM ktlo.operation_minutes_states AS m
WHERE m.minute >= {{start:DateTime64(6, 'UTC')}} AND m.minute < {{end:DateTime64(6, 'UTC')}}
  AND ({{environment:String}} = '' OR m.environment = {{environment:String}})
  AND m.service IN {{names:Array(String)}}
GROUP BY service, judged_by ORDER BY service, judged_by"""  # noqa: S608 - text of ours


@dataclass(frozen=True, slots=True)
class Targets:
    """T of each service, nanoseconds."""

    default_ns: float = 500e6
    by_service: Mapping[str, float] | None = None

    def of(self, service: str) -> float:
        """T of one service."""
        return (self.by_service or {}).get(service, self.default_ns)


@dataclass(frozen=True, slots=True)
class Apdex:
    """A score between 0 and 1 with its 95% interval.

    Attributes:
        value: the score.
        low: lower end.
        high: upper end.
        target_ns: T, nanoseconds.
        calls: it rests on.
    """

    value: float
    low: float
    high: float
    target_ns: float
    calls: int


def score(quantiles_ns: tuple[float, ...], calls: int, errors: int, target_ns: float) -> Apdex | None:
    """Work out the score.

    Args:
        quantiles_ns: durations at :data:`LEVELS`, ascending.
        calls: calls.
        errors: of them, failed.
        target_ns: T.

    Returns:
        ``None`` without calls.
    """
    if not calls or len(quantiles_ns) != len(LEVELS) or any(map(math.isnan, quantiles_ns)):
        return None
    within, four_times = _share(quantiles_ns, target_ns), _share(quantiles_ns, 4 * target_ns)
    fine = 1 - errors / calls
    satisfied, tolerating = fine * within, fine * (four_times - within)
    value = satisfied + tolerating / 2
    # A call scores 1, one half or 0; the mean of that many such scores.
    variance = max(satisfied + tolerating / 4 - value * value, 0.0)
    half = _Z * math.sqrt(max(variance, 1 / (4 * calls * calls)) / calls)
    return Apdex(value, max(value - half, 0.0), min(value + half, 1.0), target_ns, calls)


def apdex(
    store: Queryable,
    of: Interval,
    targets: Targets,
    environment: str = "",
    names: Collection[str] | None = None,
) -> dict[str, Apdex]:
    """Scores by service, of the spans that it is judged by (:class:`ktlo.telemetry.services.Judged`).

    Args:
        store: where the roll-up is.
        of: the stretch.
        targets: T of each service.
        environment: only what reported in this one; empty for all.
        names: of which services; the busiest when ``None``.
    """
    chosen = busiest(store, of, environment).names if names is None else names
    asked = {"start": of.start, "end": of.end, "environment": environment, "names": list(chosen)}
    found: dict[str, Apdex] = {}
    for row in store.query(_DIGESTS, asked).to_pylist():
        name = row["service"]
        if name in found:
            continue
        scored = score(tuple(row["quantiles"]), row["calls"], row["errors"], targets.of(name))
        if scored is not None:
            found[name] = scored
    return found


def _share(quantiles_ns: tuple[float, ...], limit: float) -> float:
    """Share of durations up to a limit."""
    at_most = np.searchsorted(quantiles_ns, limit, side="right")
    if at_most == 0:
        return 0.0
    if at_most == len(LEVELS):
        return 1.0
    return float(np.interp(limit, quantiles_ns[at_most - 1 : at_most + 1], LEVELS[at_most - 1 : at_most + 1]))
