"""What GitLab's security reports have in common: the scan, its messages, and each vulnerability's head.

A run in which something could not be checked has the status ``failure`` and says what. Source: GitLab's
security-report-schemas, version 15.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from ktlo import __version__
from ktlo.guard.finding import Finding, Level
from ktlo.guard.formats.text import printable
from ktlo.guard.verdict import Report

VERSION = "15.0.7"
_NAMESPACE = uuid.UUID("3d3f1a86-9a51-5e8c-8a5e-57f5f1a1d2c3")
_SEVERITIES = {
    Level.CRITICAL: "Critical",
    Level.HIGH: "High",
    Level.MEDIUM: "Medium",
    Level.LOW: "Low",
    Level.UNKNOWN: "Unknown",
}
_ME = {"id": "ktlo", "name": "ktlo check", "version": __version__, "vendor": {"name": "ktlo"}}


def scan(report: Report, kind: str, check: str) -> dict[str, Any]:
    """The part about the run.

    Args:
        report: the report.
        kind: GitLab's name of the scan.
        check: the check whose unchecked things are told.
    """
    at = (report.at or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC)
    unchecked = [one for one in report.unchecked if one.check == check]
    ran = any(one.check == check for one in report.outcomes)
    messages = [
        {"level": "warn", "value": printable(f"Not checked: {one.what}: {one.reason}")} for one in unchecked
    ]
    if report.stale:
        messages.append({"level": "warn", "value": printable(report.stale)})
    if not ran:
        messages.append({"level": "fatal", "value": f"The check {check} did not run"})
    moment = at.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "analyzer": _ME,
        "scanner": _ME,
        "type": kind,
        "start_time": moment,
        "end_time": moment,
        "status": "failure" if messages else "success",
        "messages": messages,
    }


def head(finding: Finding, identifiers: list[dict[str, str]]) -> dict[str, Any]:
    """The part of a vulnerability that is the same in every report.

    Args:
        finding: the finding.
        identifiers: GitLab's, at least one.
    """
    identity = f"{finding.fingerprint}\n{finding.location.path}\n{finding.location.line}"
    row: dict[str, Any] = {
        "id": str(uuid.uuid5(_NAMESPACE, identity.encode("utf-8", "replace").decode())),
        "name": printable(finding.message)[:255],
        "description": printable(finding.message),
        "severity": _SEVERITIES[finding.level],
        "identifiers": identifiers,
    }
    if finding.fix:
        row["solution"] = printable(finding.fix)[:7000]
    return row
