"""GitLab Code Quality: every finding as an issue of the merge request, whatever check it is from.

What was not checked and a database that is too old are issues, too, of the highest severity. Source: GitLab's
documentation "Code Quality", report format.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ktlo.guard.finding import Finding, Level
from ktlo.guard.formats.text import printable, sentences
from ktlo.guard.formats.written import as_json
from ktlo.guard.verdict import Report

_SEVERITIES = {
    Level.CRITICAL: "blocker",
    Level.HIGH: "critical",
    Level.MEDIUM: "major",
    Level.LOW: "minor",
    Level.UNKNOWN: "major",
}


def render(report: Report) -> str:
    """The report as a list of issues."""
    rows = [_row(one) for one in report.failing]
    rows += [
        _about_run(f"not-checked: {one.check}", f"Not checked: {one.what}: {one.reason}", report)
        for one in report.unchecked
    ]
    if report.stale:
        rows.append(_about_run("too-old", report.stale, report))
    return as_json(rows)


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "description": sentences(finding),
        "check_name": printable(f"{finding.check}: {finding.rule}"),
        # One of two in the same file and on the same line would otherwise hide the other.
        "fingerprint": _digest(f"{finding.fingerprint}\n{finding.location.line}"),
        "severity": _SEVERITIES[finding.level],
        "location": {
            "path": printable(finding.location.path),
            "lines": {"begin": max(1, finding.location.line)},
        },
    }


def _about_run(name: str, text: str, report: Report) -> dict[str, Any]:
    return {
        "description": printable(text),
        "check_name": printable(name),
        "fingerprint": _digest(f"{name}\n{text}"),
        "severity": "blocker",
        "location": {"path": printable(report.policy.place), "lines": {"begin": 1}},
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
