"""The whole report as JSON, for programs. The keys are held by a test; a new one may come, none goes."""

from __future__ import annotations

from ktlo import __version__
from ktlo.guard.formats.written import as_json
from ktlo.guard.verdict import Report


def render(report: Report) -> str:
    """The report as indented JSON."""
    content = {
        "tool": {"name": "ktlo", "version": __version__},
        "verdict": {"code": int(report.code), "name": report.code.name.lower(), "headline": report.headline},
        "findings": report.failing,
        "tolerated": report.tolerated,
        "unchecked": report.unchecked,
        "stale": report.stale,
        "checks": [
            {
                "check": one.check,
                "checked": one.checked,
                "unit": one.unit,
                "tools": one.tools,
                "known": one.known,
            }
            for one in report.outcomes
        ],
        "skipped": report.skipped,
        "left_out": report.left_out,
        "since": report.change,
        "as_of": report.as_of,
        "coverage": {
            name: getattr(report.coverage, name)
            for name in ("files", "dependencies", "checked", "internal", "databases")
        },
    }
    return as_json(content)
