"""What people say of links between incidents and deployments; it wins over every weight.

Kept as corrections in the state (newest wins, an empty value withdraws). The key names any of the sources that told
the deployment, so that a better source that tells it later does not lose what was said.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ktlo.delivery.linking import Harm, in_words
from ktlo.records.delivery import IncidentLink, ServiceDeployment
from ktlo.store.state import State

SUBJECT = "incident link"


class Verdict(enum.StrEnum):
    """What is said of a link."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict that is in force."""

    incident: tuple[str, str]
    deployment: str
    verdict: Verdict
    author: str
    said_at: dt.datetime


def say(
    state: State, incident: tuple[str, str], deployment: str, verdict: Verdict | None, author: str
) -> None:
    """Keep a verdict; ``None`` takes back what was said.

    Args:
        state: the journal.
        incident: source and external_id.
        deployment: deployment_id.
        verdict: what is said.
        author: by whom.
    """
    state.correct(SUBJECT, json.dumps([*incident, deployment]), str(verdict or ""), author)


def read_said(state: State) -> list[Said]:
    """Every verdict that is in force, the oldest first."""
    found = []
    for one in state.corrections(SUBJECT):
        source, incident, deployment = json.loads(one.key)
        found.append(Said((source, incident), deployment, Verdict(one.value), one.author, one.said_at))
    return found


def with_verdicts(
    links: Sequence[IncidentLink],
    said: Iterable[Said],
    harms: Mapping[tuple[str, str], Harm],
    deployments: Iterable[ServiceDeployment],
) -> list[IncidentLink]:
    """Links as people left them: confirmed and added ones count, rejected ones do not.

    Where anything of an incident is confirmed or added, what was only likely does not count. Where the likeliest was
    rejected, nothing takes its place by itself.
    """
    known = {key: one for one in deployments for key in (*one.told_by, one.deployment_id)}
    verdicts: dict[tuple[str, str], dict[str, Said]] = defaultdict(dict)
    for each in said:
        if each.deployment in known and each.incident in harms:
            verdicts[each.incident][known[each.deployment].deployment_id] = each
    result = []
    seen: set[tuple[tuple[str, str], str]] = set()
    for link in links:
        incident = (link.incident_source, link.incident_id)
        spoken = verdicts.get(incident, {})
        decided = any(one.verdict is not Verdict.REJECTED for one in spoken.values())
        own = spoken.get(link.deployment_id)
        seen.add((incident, link.deployment_id))
        if own is None:
            result.append(replace(link, is_counted=link.is_counted and not decided))
            continue
        result.append(_judged(link, own))
    for incident, spoken in verdicts.items():
        for deployment_id, own in spoken.items():
            if (incident, deployment_id) not in seen:
                result.append(_judged(_made(harms[incident], known[deployment_id]), own))
    return result


def _judged(link: IncidentLink, own: Said) -> IncidentLink:
    is_cause = own.verdict is not Verdict.REJECTED
    return replace(
        link,
        verdict=str(own.verdict),
        said_by=own.author,
        is_counted=is_cause,
        confidence=1.0 if is_cause else 0.0,
        reasons=(f"{own.author} {own.verdict} it on {own.said_at:%Y-%m-%d}", *link.reasons),
    )


def _made(harm: Harm, one: ServiceDeployment) -> IncidentLink:
    gap = harm.began_at - one.at
    words = (
        f"it came {in_words(gap)} before the incident"
        if gap >= dt.timedelta(0)
        else "the incident came first"
    )
    return IncidentLink(
        incident_source=harm.source, incident_id=harm.external_id, deployment_id=one.deployment_id,
        began_at=harm.began_at, ended_at=harm.ended_at, gap_seconds=gap.total_seconds(), confidence=0.0,
        reasons=(words,), verdict="", said_by="", is_counted=False,
    )  # fmt: skip
