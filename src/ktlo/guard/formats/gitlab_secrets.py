"""GitLab's secret detection report: where a secret is and by which rule; never the secret."""

from __future__ import annotations

from typing import Any

from ktlo.guard.finding import Finding
from ktlo.guard.formats.gitlab_security import VERSION, head, scan
from ktlo.guard.formats.text import printable
from ktlo.guard.formats.written import as_json
from ktlo.guard.verdict import Report

_CHECK = "secrets"
_NO_COMMIT = "0000000"


def render(report: Report) -> str:
    """The report for GitLab."""
    content = {
        "version": VERSION,
        "scan": scan(report, "secret_detection", _CHECK),
        "vulnerabilities": [_row(one) for one in report.failing if one.check == _CHECK],
    }
    return as_json(content)


def _row(finding: Finding) -> dict[str, Any]:
    rule = printable(finding.rule)
    line = max(1, finding.location.line)
    return {
        **head(finding, [{"type": "ktlo_rule", "name": f"ktlo rule {rule}", "value": rule}]),
        "location": {
            "file": printable(finding.location.path),
            "start_line": line,
            "end_line": line,
            "commit": {"sha": finding.location.commit or _NO_COMMIT},
        },
    }
