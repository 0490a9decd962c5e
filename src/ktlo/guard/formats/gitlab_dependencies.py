"""GitLab's dependency scanning report: vulnerabilities in dependencies, and the dependencies of each lock file."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Finding
from ktlo.guard.formats.gitlab_security import VERSION, head, scan
from ktlo.guard.formats.text import printable
from ktlo.guard.formats.written import as_json
from ktlo.guard.verdict import Report

_CHECK = "vulnerabilities"
_KINDS = (("CVE-", "cve"), ("GHSA-", "ghsa"), ("CWE-", "cwe"))
_MANAGERS = {
    "PyPI": "pip",
    "npm": "npm",
    "Go": "go",
    "crates.io": "cargo",
    "Maven": "maven",
    "Packagist": "composer",
    "RubyGems": "bundler",
    "NuGet": "nuget",
}


def render(report: Report) -> str:
    """The report for GitLab."""
    content = {
        "version": VERSION,
        "scan": scan(report, "dependency_scanning", _CHECK),
        "vulnerabilities": [_row(one) for one in report.failing if one.check == _CHECK],
        "dependency_files": _files(report.coverage.stated),
    }
    return as_json(content)


def _row(finding: Finding) -> dict[str, Any]:
    facts = finding.properties
    names = (finding.rule, *finding.aliases)
    return {
        **head(finding, [_identifier(printable(one)) for one in names]),
        "location": {
            "file": printable(finding.location.path),
            "dependency": {
                "package": {"name": printable(facts.get("package", "")) or "unknown"},
                "version": printable(facts.get("version", "")) or "unknown",
            },
        },
    }


def _identifier(name: str) -> dict[str, str]:
    kind = next((kind for start, kind in _KINDS if name.startswith(start)), "osv")
    return {"type": kind, "name": name, "value": name}


def _files(stated: tuple[Dependency, ...]) -> list[dict[str, Any]]:
    by_file: dict[str, list[Dependency]] = defaultdict(list)
    for one in stated:
        by_file[one.location.path].append(one)
    return [
        {
            "path": printable(path),
            "package_manager": _MANAGERS.get(by_file[path][0].ecosystem, by_file[path][0].ecosystem),
            "dependencies": [
                {"package": {"name": printable(one.name)}, "version": printable(one.version)}
                for one in by_file[path]
            ],
        }
        for path in sorted(by_file)
    ]
