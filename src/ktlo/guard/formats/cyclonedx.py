"""CycloneDX 1.6 in JSON: components with purls, the dependency tree, and vulnerabilities with their analysis (VEX).

The tree is as far as lock files told it: for each package the way by which it was found, so it is marked incomplete.
What was not checked stands in the metadata. Source: the CycloneDX 1.6 JSON reference.
"""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ktlo import __version__
from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Finding, Level
from ktlo.guard.formats.text import printable
from ktlo.guard.formats.written import as_json
from ktlo.guard.package_url import package_url
from ktlo.guard.policy import Because, Tolerated
from ktlo.guard.verdict import Report

_PROJECT = "project"
_NAMESPACE = uuid.UUID("6f1f9f0e-2f5d-5c0e-9f57-0d5f5c1a7d11")
_STATES = {"not_affected": "not_affected", "fixed": "resolved"}
_JUSTIFICATIONS = {
    "component_not_present": "requires_dependency",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_environment",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
_METHODS = (
    ("CVSS:4", "CVSSv4"),
    ("CVSS:3.1", "CVSSv31"),
    ("CVSS:3", "CVSSv3"),
    ("AV:", "CVSSv2"),
)


def render(report: Report) -> str:
    """The report as a bill of materials."""
    stated = report.coverage.stated
    components = _components(stated)
    tree = _tree(stated)
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": _metadata(report),
        "components": components,
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(tree.get(ref, ()))}
            for ref in (_PROJECT, *(one["bom-ref"] for one in components))
        ],
        "compositions": [{"aggregate": "incomplete", "dependencies": [_PROJECT]}],
        "vulnerabilities": _vulnerabilities(report, {one["bom-ref"] for one in components}),
    }
    serial = uuid.uuid5(_NAMESPACE, as_json(bom))
    bom = {**bom, "serialNumber": f"urn:uuid:{serial}"}
    return as_json(bom)


def _metadata(report: Report) -> dict[str, Any]:
    properties = [{"name": "ktlo:verdict", "value": printable(report.headline)}]
    properties += [
        {"name": "ktlo:unchecked", "value": printable(f"{one.check}: {one.what}: {one.reason}")}
        for one in report.unchecked
    ]
    if report.stale:
        properties.append({"name": "ktlo:stale", "value": printable(report.stale)})
    metadata: dict[str, Any] = {
        "tools": {"components": [{"type": "application", "name": "ktlo", "version": __version__}]},
        "component": {"type": "application", "bom-ref": _PROJECT, "name": printable(report.project)},
        "properties": properties,
    }
    if report.at is not None:
        metadata["timestamp"] = report.at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return metadata


def _ref(ecosystem: str, name: str, version: str) -> str:
    return package_url(ecosystem, name, version) or printable(f"{ecosystem}:{name}@{version}")


def _components(stated: Iterable[Dependency]) -> list[dict[str, Any]]:
    by_ref: dict[str, list[Dependency]] = defaultdict(list)
    for one in stated:
        by_ref[_ref(one.ecosystem, one.name, one.version)].append(one)
    return [_component(ref, by_ref[ref]) for ref in sorted(by_ref)]


def _component(ref: str, places: list[Dependency]) -> dict[str, Any]:
    one = places[0]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": ref,
        "name": printable(one.name),
        "version": printable(one.version),
    }
    purl = package_url(one.ecosystem, one.name, one.version)
    if purl:
        component["purl"] = purl
    if all(place.is_development for place in places):
        component["scope"] = "excluded"
    said = next((place.license for place in places if place.license), "")
    if said:
        component["licenses"] = [_license(said)]
    component["evidence"] = {
        "occurrences": [
            {"location": printable(place.location.path)}
            | ({"line": place.location.line} if place.location.line else {})
            for place in places
        ]
    }
    return component


def _license(text: str) -> dict[str, Any]:
    from ktlo.guard.licenses.judging import Licensing, judge_license

    judged = judge_license(text, Licensing())
    if judged.is_allowed:
        return {"expression": judged.expression}
    return {"license": {"name": printable(text)}}


def _tree(stated: Iterable[Dependency]) -> dict[str, set[str]]:
    """Who needs whom, from the way that leads to each dependency within its lock file."""
    by_place: dict[tuple[str, str], list[Dependency]] = defaultdict(list)
    listed = list(stated)
    for one in listed:
        by_place[one.location.path, one.name].append(one)
    needs: dict[str, set[str]] = defaultdict(set)
    for one in listed:
        ref = _ref(one.ecosystem, one.name, one.version)
        if len(one.path) == 1 or one.is_direct:
            needs[_PROJECT].add(ref)
        if len(one.path) < 2:
            continue
        above = by_place.get((one.location.path, one.path[-2]), [])
        # Several versions of the one above: the one that was found on the same way.
        parent = next((known for known in above if known.path == one.path[:-1]), None)
        if parent is None and len(above) == 1:
            parent = above[0]
        if parent is not None:
            needs[_ref(parent.ecosystem, parent.name, parent.version)].add(ref)
    return needs


def _vulnerabilities(report: Report, known: set[str]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    judged: list[tuple[Finding, Tolerated | None]] = [(one, None) for one in report.failing]
    judged += [(one.finding, one) for one in report.tolerated]
    if report.change is not None:
        judged += [(one, None) for one in report.change.existing]
    for finding, tolerated in judged:
        if finding.check != "vulnerabilities":
            continue
        facts = finding.properties
        ref = _ref(facts.get("ecosystem", ""), facts.get("package", ""), facts.get("version", ""))
        key = (finding.rule, ref)
        row = rows.setdefault(key, _vulnerability(finding, tolerated, ref if ref in known else ""))
        place = {"name": "ktlo:location", "value": printable(finding.location.path)}
        if place not in row["properties"]:
            row["properties"].append(place)
    return list(rows.values())


def _vulnerability(finding: Finding, tolerated: Tolerated | None, ref: str) -> dict[str, Any]:
    rule = printable(finding.rule)
    row: dict[str, Any] = {
        "id": rule,
        "source": {"name": "OSV", "url": f"https://osv.dev/vulnerability/{_plain(finding.rule)}"},
        "ratings": [_rating(finding)],
        "description": printable(finding.message),
        "analysis": _analysis(tolerated),
        "properties": [],
    }
    if finding.aliases:
        row["references"] = [
            {
                "id": printable(one),
                "source": {"name": "OSV", "url": f"https://osv.dev/vulnerability/{_plain(one)}"},
            }
            for one in finding.aliases
        ]
    if finding.fix:
        row["recommendation"] = printable(finding.fix)
    if ref:
        row["affects"] = [{"ref": ref}]
    return row


def _plain(identifier: str) -> str:
    from urllib.parse import quote

    return quote(identifier.encode("utf-8", "replace"), safe="-_.:")


def _rating(finding: Finding) -> dict[str, Any]:
    rating: dict[str, Any] = {
        "severity": "unknown" if finding.level is Level.UNKNOWN else finding.level.value
    }
    vector = finding.properties.get("vector", "")
    if finding.properties.get("cvss"):
        rating["score"] = float(finding.properties["cvss"])
        rating["method"] = next((name for start, name in _METHODS if vector.startswith(start)), "other")
        if vector:
            rating["vector"] = printable(vector)
    return rating


def _analysis(tolerated: Tolerated | None) -> dict[str, Any]:
    if tolerated is None:
        return {"state": "in_triage", "detail": "Nobody has decided about it: it fails the gate."}
    analysis: dict[str, Any] = {
        "state": _STATES.get(tolerated.status, "in_triage"),
        "detail": printable(tolerated.reason),
    }
    if tolerated.status == "not_affected" and tolerated.justification in _JUSTIFICATIONS:
        analysis["justification"] = _JUSTIFICATIONS[tolerated.justification]
    if tolerated.because is Because.IGNORE and tolerated.status == "affected":
        analysis["state"] = "exploitable"
        analysis["response"] = ["will_not_fix"]
    return analysis
