"""How likely a deployment caused an incident, with the reasons in words. Pure.

The odds of a deployment that came g hours before the incident are those of 0.7 · 2^(-g / half-life); each piece of
evidence multiplies them (Bayes' rule in its odds form; Jaynes, Probability Theory, 2003, ch. 4). The factors are
:class:`Weight`: judgements, not measurements. More evidence never lowers, a longer gap never raises a confidence.
Beyond the longest gap there is no link, whatever the evidence: only a person may make one. An incident has one cause,
the likeliest deployment, when it reaches the threshold. When a person rejects that one, none takes its place by itself:
so a rejection never raises the failure rate.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ktlo.delivery.naming import bare
from ktlo.delivery.uniting import LIVE
from ktlo.records.delivery import IncidentLink, ServiceDeployment
from ktlo.settings.delivery import DeliverySettings

PRIOR = 0.7
"""Probability that an incident right after a deployment of its service comes from it."""
CLOCKS = dt.timedelta(minutes=5)
"""An incident may seem to begin this much before the deployment that caused it: clocks disagree."""


class Weight(float, enum.Enum):
    """By how much evidence multiplies the odds."""

    NAMED_AS_CAUSE = 200.0
    NAMED = 30.0
    ROLLED_BACK = 8.0
    REVERTED = 10.0
    HOTFIX = 2.5
    NEW_ERRORS = 4.0
    OF_WHAT_IT_CALLS = 0.15
    SUPERSEDED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """An incident, as far as links need it."""

    source: str
    external_id: str
    service: str
    began_at: dt.datetime
    ended_at: dt.datetime | None = None
    caused_by: str = ""
    words: str = ""
    """Title and notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What else is known around deployments.

    Attributes:
        calls: services that a service calls.
        new_errors: number of error groups first seen with a version, by service and bare version.
        repaired_by: by deployment: what a later deployment brought to mend it, ``revert`` or ``hotfix``, and its words.
        requests: numbers of the requests in a deployment, by deployment.
    """

    calls: Mapping[str, frozenset[str]]
    new_errors: Mapping[tuple[str, str], tuple[tuple[dt.datetime, str], ...]]
    repaired_by: Mapping[str, tuple[tuple[dt.datetime, str, str], ...]]
    requests: Mapping[str, frozenset[str]]


NOTHING = Traces(calls={}, new_errors={}, repaired_by={}, requests={})


def prior(gap: dt.timedelta, half_life: dt.timedelta) -> float:
    """Probability by the gap alone; a negative one counts as none."""
    hours = max(0.0, gap / dt.timedelta(hours=1))
    probability: float = PRIOR * 2.0 ** (-hours / (half_life / dt.timedelta(hours=1)))
    return probability


def links(
    harms: Iterable[Harm],
    deployments: Sequence[ServiceDeployment],
    settings: DeliverySettings,
    traces: Traces = NOTHING,
) -> list[IncidentLink]:
    """Every link that is worth showing, by incident, the likeliest first; one of an incident may be counted.

    Args:
        harms: incidents.
        deployments: those in production that came into force; others are left out.
        settings: threshold, half-life, longest gap.
        traces: further evidence.
    """
    by_service: dict[str, list[ServiceDeployment]] = defaultdict(list)
    for one in sorted(deployments, key=lambda each: (each.at, each.deployment_id)):
        if one.is_production and one.status in LIVE:
            by_service[one.service].append(one)
    found: list[IncidentLink] = []
    for harm in harms:
        called = traces.calls.get(harm.service, frozenset()) if harm.service else frozenset()
        candidates = [
            link
            for service in ({harm.service} | called if harm.service else set(by_service))
            for one in by_service.get(service, ())
            if (link := _weighed(harm, one, settings, traces)) is not None
        ]
        candidates.sort(key=lambda link: (-link.confidence, link.gap_seconds, link.deployment_id))
        for place, link in enumerate(candidates):
            counted = place == 0 and link.confidence >= settings.threshold
            found.append(replace(link, is_counted=counted) if counted else link)
    return found


def _weighed(
    harm: Harm, one: ServiceDeployment, settings: DeliverySettings, traces: Traces
) -> IncidentLink | None:
    gap = harm.began_at - one.at
    if (
        gap < -CLOCKS
        or one.started_at > harm.began_at + CLOCKS
        or gap > dt.timedelta(hours=settings.max_gap_hours)
    ):
        return None
    probability = prior(gap, dt.timedelta(hours=settings.half_life_hours))
    odds = probability / (1 - probability)
    reasons = [f"it came {in_words(gap)} before the incident"]
    for weight, words in _evidence(harm, one, traces):
        odds *= weight.value
        reasons.append(words)
    if not harm.service and not any(
        weight in (Weight.NAMED, Weight.NAMED_AS_CAUSE) for weight, _ in _evidence(harm, one, traces)
    ):
        return None
    return IncidentLink(
        incident_source=harm.source, incident_id=harm.external_id, deployment_id=one.deployment_id,
        began_at=harm.began_at, ended_at=harm.ended_at, gap_seconds=gap.total_seconds(),
        confidence=odds / (1 + odds), reasons=tuple(reasons), verdict="", said_by="", is_counted=False,
    )  # fmt: skip


def _evidence(harm: Harm, one: ServiceDeployment, traces: Traces) -> Iterable[tuple[Weight, str]]:
    cause = _named(harm.caused_by, one, traces)
    if cause:
        yield Weight.NAMED_AS_CAUSE, f"the incident names {cause} as its cause"
    else:
        word = _named(harm.words, one, traces, in_prose=True)
        if word:
            yield Weight.NAMED, f"the incident speaks of {word}"
    until = (harm.ended_at or dt.datetime.max.replace(tzinfo=dt.UTC) - dt.timedelta(days=2)) + dt.timedelta(
        days=1
    )
    if one.rolled_back_at and harm.began_at - CLOCKS <= one.rolled_back_at <= until:
        yield (
            Weight.ROLLED_BACK,
            f"it was taken back {in_words(one.rolled_back_at - harm.began_at)} after that",
        )
    mended: set[str] = set()
    for at, kind, words in traces.repaired_by.get(one.deployment_id, ()):
        if harm.began_at <= at <= until and kind not in mended:
            mended.add(kind)
            weight = Weight.REVERTED if kind == "revert" else Weight.HOTFIX
            yield weight, f"a later deployment brought {words}"
    new = [
        title
        for at, title in traces.new_errors.get((one.service, bare(one.version)), ())
        if one.started_at <= at <= until
    ]
    if new:
        more = f" and {len(new) - 1} more" if len(new) > 1 else ""
        yield Weight.NEW_ERRORS, f"{new[0]}{more} was first seen with its version"
    if harm.service and one.service != harm.service:
        yield Weight.OF_WHAT_IT_CALLS, f"it is a deployment of {one.service}, which {harm.service} calls"
    if one.next_at and one.next_at <= harm.began_at:
        yield Weight.SUPERSEDED, "a later deployment was in force when it began"


def _named(text: str, one: ServiceDeployment, traces: Traces, in_prose: bool = False) -> str:
    """The name of a deployment that a text has in it; empty when it has none."""
    if not text:
        return ""
    folded = text.casefold()
    if one.sha and any(one.sha.startswith(word) for word in re.findall(r"\b[0-9a-f]{7,40}\b", folded)):
        return f"its commit {one.sha[:8]}"
    version = bare(one.version)
    telling = (
        len(version) >= 3
        and any(letter.isdigit() for letter in version)
        and any(mark in version for mark in "._-")
    )
    if telling and re.search(rf"(?<![\w.])v?{re.escape(version)}(?![\w]|\.\d)", folded):
        return f"version {one.version}"
    if one.url and one.url.casefold() in folded:
        return one.url
    numbers = traces.requests.get(one.deployment_id, frozenset())
    for number in re.findall(r"(?:[#!]|pull request |merge request |pr |mr )(\d+)\b", folded):
        if number in numbers:
            return f"request {number}, which it brought"
    ids = {key.partition("|")[2].casefold() for key in one.told_by}
    if not in_prose and folded.strip() in ids:
        return f"deployment {text.strip()}"
    return ""


def in_words(gap: dt.timedelta) -> str:
    """``3 min``, ``2.5 hours``, ``4 days``."""
    minutes = max(0.0, gap.total_seconds() / 60)
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} hours" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"
