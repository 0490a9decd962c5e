"""OpenVEX 0.2.0: one statement for each vulnerability in a dependency, with what was decided about it.

Products are the purls of the dependencies. What policy ignores is *affected*, with what was decided as the action:
living with it does not make it harmless. An ignore with a ``justification``, and VEX statements that were taken in,
keep their own status. What fails is *under investigation*. :mod:`ktlo.guard.openvex` reads the same again. Source:
OpenVEX specification 0.2.0.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from ktlo import __version__
from ktlo.guard.finding import Finding
from ktlo.guard.formats.text import printable
from ktlo.guard.formats.written import as_json
from ktlo.guard.openvex import JUSTIFICATIONS
from ktlo.guard.package_url import package_url
from ktlo.guard.policy import Tolerated
from ktlo.guard.verdict import Report

_NAMESPACE = uuid.UUID("0a7d6a7e-63d5-5f0a-8f0e-2d8f9d7c4b52")
_MOST_NAMED = 20


def render(report: Report) -> str:
    """The report as an OpenVEX document."""
    statements = [_statement(one, None) for one in report.failing if _has_product(one)]
    statements += [_statement(one.finding, one) for one in report.tolerated if _has_product(one.finding)]
    if report.change is not None:
        statements += [_statement(one, None) for one in report.change.existing if _has_product(one)]
    at = report.at or datetime.datetime.now(datetime.UTC)
    content = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "author": printable(f"policy of {report.project}"),
        "timestamp": at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "version": 1,
        "tooling": _tooling(report),
        "statements": statements,
    }
    identity = uuid.uuid5(_NAMESPACE, as_json(content))
    document = {"@context": content["@context"], "@id": f"urn:uuid:{identity}", **content}
    return as_json(document)


def _has_product(finding: Finding) -> bool:
    return finding.check == "vulnerabilities" and bool(_purl(finding))


def _purl(finding: Finding) -> str:
    facts = finding.properties
    return package_url(facts.get("ecosystem", ""), facts.get("package", ""), facts.get("version", ""))


def _tooling(report: Report) -> str:
    """How it came about: also what could not be checked, for which there is no statement."""
    parts = [f"ktlo {__version__}", report.headline]
    parts += [f"not checked: {one.what}: {one.reason}" for one in report.unchecked[:_MOST_NAMED]]
    if len(report.unchecked) > _MOST_NAMED:
        parts.append(f"not checked: {len(report.unchecked) - _MOST_NAMED:,} more")
    if report.stale:
        parts.append(report.stale)
    return printable("; ".join(parts))


def _statement(finding: Finding, tolerated: Tolerated | None) -> dict[str, Any]:
    purl = _purl(finding)
    vulnerability: dict[str, Any] = {"name": printable(finding.rule)}
    if finding.aliases:
        vulnerability["aliases"] = [printable(one) for one in finding.aliases]
    statement: dict[str, Any] = {
        "vulnerability": vulnerability,
        "products": [{"@id": purl, "identifiers": {"purl": purl}}],
        "status": "under_investigation" if tolerated is None else tolerated.status,
        "status_notes": printable(f"{finding.message}, in {finding.location.path}"),
    }
    if tolerated is None:
        return statement
    if tolerated.status == "not_affected":
        if tolerated.justification in JUSTIFICATIONS:
            statement["justification"] = tolerated.justification
        statement["impact_statement"] = printable(
            tolerated.reason if tolerated.justification in JUSTIFICATIONS else tolerated.justification
        )
    elif tolerated.status == "affected":
        statement["action_statement"] = printable(tolerated.reason)
    else:
        statement["status_notes"] += printable(f": {tolerated.reason}")
    return statement
