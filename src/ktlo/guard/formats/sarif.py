"""SARIF 2.1.0 for code scanning: findings as results, tolerated ones suppressed, unchecked as notifications.

``executionSuccessful`` is false when the run proves nothing, so that no reader takes an empty result list for
clean. Source: OASIS SARIF 2.1.0; ``security-severity`` as GitHub reads it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ktlo import __version__
from ktlo.guard.finding import Finding, Level
from ktlo.guard.formats.text import sentences
from ktlo.guard.formats.written import as_json
from ktlo.guard.verdict import ExitCode, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Level.CRITICAL: "error",
    Level.HIGH: "error",
    Level.MEDIUM: "warning",
    Level.LOW: "note",
    Level.UNKNOWN: "warning",
}
_NO_SECURITY = frozenset({"lint", "licenses", "policy"})
_SCORES = {Level.CRITICAL: "9.0", Level.HIGH: "7.0", Level.MEDIUM: "4.0", Level.LOW: "0.1"}


def render(report: Report) -> str:
    """The report as a SARIF log with one run."""
    rules: dict[str, dict[str, Any]] = {}
    results = [_result(one, rules) for one in report.failing]
    for tolerated in report.tolerated:
        result = _result(tolerated.finding, rules)
        result["suppressions"] = [{"kind": "external", "justification": tolerated.reason}]
        results.append(result)
    if report.change is not None:
        for result in results:
            result["baselineState"] = "new"
        results += [_result(one, rules) | {"baselineState": "unchanged"} for one in report.change.existing]
    notes = [
        {"level": "error", "message": {"text": f"{one.check}: {one.what}: {one.reason}"}}
        for one in report.unchecked
    ]
    if report.stale:
        notes.append({"level": "error", "message": {"text": report.stale}})
    run = {
        "tool": {"driver": {"name": "ktlo", "version": __version__, "rules": list(rules.values())}},
        "results": results,
        "invocations": [
            {
                "executionSuccessful": report.code in (ExitCode.CLEAN, ExitCode.FINDINGS)
                and not report.unchecked
                and not report.stale,
                "exitCode": int(report.code),
                "exitCodeDescription": report.headline,
                "toolExecutionNotifications": notes,
            }
        ],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return as_json(log)


def _result(finding: Finding, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if finding.rule not in rules:
        rules[finding.rule] = _rule(finding)
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(finding.location.path.encode("utf-8", "replace"), safe="/@+~")}
    }
    if finding.location.line > 0:
        place["region"] = {"startLine": finding.location.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(rules).index(finding.rule),
        "level": _LEVELS[finding.level],
        "message": {"text": sentences(finding)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"ktlo/v1": finding.fingerprint},
        "properties": {"check": finding.check, "aliases": list(finding.aliases), **finding.properties},
    }


def _rule(finding: Finding) -> dict[str, Any]:
    is_security = finding.check not in _NO_SECURITY
    properties: dict[str, Any] = {"tags": [*(("security",) if is_security else ()), finding.check]}
    score = finding.properties.get("cvss") or _SCORES.get(finding.level)
    if score and is_security:
        properties["security-severity"] = score
    return {
        "id": finding.rule,
        "shortDescription": {"text": finding.message.partition(": ")[2] or finding.message},
        "properties": properties,
    }
