"""One alert, from when it begins to fire until it is resolved, is one incident with its two steps.

An alert that fires again later (another ``startsAt``) is another incident. The end that a notification tells is exact;
an alert that is merely no longer active when asked ended some time before, so any notification outranks it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ktlo.records.reliability import Incident
from ktlo.sources.alertmanager.payloads import Alert
from ktlo.sources.lengths import TITLE
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step

SERVICE_LABELS = ("service", "service_name", "app", "app_kubernetes_io_name", "job")
"""Labels that name the service, the first that is there."""
TEAM_LABELS = ("team", "owner")
_HIDDEN = frozenset({"alertname", "severity", *SERVICE_LABELS, *TEAM_LABELS})


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are, and which labels say what.

    Attributes:
        source: identifier of the source.
        service_label: label that names the service; the usual ones when empty.
        severity_label: label that names the severity.
    """

    source: str
    service_label: str
    severity_label: str


def identity(alert: Alert) -> str:
    """Identifier of the incident: the alert's fingerprint and when it began."""
    mark = alert.fingerprint or fingerprint(alert.labels)
    return f"{mark}@{alert.starts_at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Names a set of labels, for senders that do not."""
    text = "\x1f".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rows(alert: Alert, of: Of, *, ended_by: dt.datetime | None = None) -> list[tuple[str, Row]]:
    """The incident and its steps.

    Args:
        alert: as told.
        of: whose it is.
        ended_by: it is no longer active at this time, and nobody told when it ended.
    """
    began = alert.starts_at
    ended = alert.ended_at
    version = microseconds(began)
    if ended is not None:
        # At least two beyond the beginning, so that it outranks both the beginning and a guess.
        version = max(microseconds(ended), version + 2)
    elif ended_by is not None:
        ended, version = max(ended_by, began), version + 1
    key = identity(alert)
    incident = Incident(
        source=of.source,
        external_id=key,
        service=service(alert.labels, of),
        repository="",
        team=next((alert.labels[name] for name in TEAM_LABELS if alert.labels.get(name)), ""),
        title=title(alert),
        severity=alert.labels.get(of.severity_label, ""),
        state="open" if ended is None else "resolved",
        started_at=None,
        detected_at=began,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=ended,
        closed_at=ended,
        reopen_count=0,
        responders=(),
        caused_by="",
        url=alert.dashboard_url or alert.generator_url,
    )
    found = [
        ("incidents", Row(incident, version)),
        ("incident_events", _step(of, key, "detected", began, began)),
    ]
    if ended is not None:
        found.append(("incident_events", _step(of, key, "resolved", ended, ended, version)))
    return found


def _step(
    of: Of, key: str, kind: str, at: dt.datetime, began: dt.datetime, version: int | None = None
) -> Row:
    before, after = ("firing", "resolved") if kind == "resolved" else ("", "firing")
    event = incident_step(of.source, key, kind, kind, at, before=before, after=after)
    return Row(event, version if version is not None else microseconds(began))


def service(labels: Mapping[str, str], of: Of) -> str:
    """The service that an alert is about; empty when no label says."""
    names = (of.service_label,) if of.service_label else SERVICE_LABELS
    return next((labels[name] for name in names if labels.get(name)), "")


def title(alert: Alert) -> str:
    """What a person reads: the summary, else the alert's name with the labels that tell it from others."""
    for name in ("summary", "title", "message", "description"):
        if alert.annotations.get(name):
            return alert.annotations[name][:TITLE]
    rest = ", ".join(f"{k}={v}" for k, v in sorted(alert.labels.items()) if k not in _HIDDEN)
    name = alert.labels.get("alertname", "alert")
    return f"{name} ({rest})"[:TITLE] if rest else name
