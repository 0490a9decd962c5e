"""The licences check: each dependency's licence against ``guard.licenses``. Without a policy it has nothing to say.

Licences come from what policy states itself, from lock files and bills of materials, then from installed packages. One
that nothing tells, or that nobody can place, is not checked.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from ktlo.guard.checks.protocol import Answer, Subject, idle
from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Finding, Level, Outcome, Unchecked
from ktlo.guard.licenses.installed import Package, installed_licenses
from ktlo.guard.licenses.judging import Judged, Licensing, judge_license
from ktlo.guard.vulnerabilities.check import is_internal

CHECK = "licenses"


class Licenses:
    """Licences of dependencies."""

    name: ClassVar[str] = CHECK
    summary: ClassVar[str] = "licences of dependencies against guard.licenses; nothing without a policy"

    def run(self, subject: Subject) -> Answer:
        """Judge the licence of every dependency."""
        said = subject.settings.licenses
        if not said.is_given:
            return idle(self.name, "guard.licenses in the settings says nothing")
        read = subject.lock_files.read()
        licensing = Licensing(tuple(said.allow), tuple(said.deny))
        findings: dict[str, Finding] = {}
        unchecked: dict[Unchecked, None] = {}
        checked: set[Package] = set()
        installed: dict[Package, str] | None = None
        for one in (one for _, inventory in read for one in inventory.dependencies):
            if is_internal(one.ecosystem, one.name, subject.settings.internal):
                continue
            package = (one.ecosystem, one.name, one.version)
            text = _stated(one, said.known)
            if not text:
                if installed is None:
                    installed = installed_licenses(subject.installed or subject.root, said.environments)
                text = installed.get(package, "")
            judged = judge_license(text, licensing) if text else Judged("", None)
            if judged.is_allowed is None:
                unchecked[_unknown(one, judged)] = None
                continue
            checked.add(package)
            if not judged.is_allowed:
                finding = _finding(one, judged)
                findings.setdefault(finding.fingerprint, finding)
        if not read and subject.settings.lock_files == "expected":
            reason = "no lock file was found, so nothing is known about what is installed"
            unchecked[Unchecked(CHECK, "dependencies", reason)] = None
        return Answer(Outcome(CHECK, tuple(findings.values()), tuple(unchecked), len(checked), "licences"))


def _stated(one: Dependency, known: dict[str, str]) -> str:
    name = f"{one.ecosystem}:{one.name}"
    return known.get(f"{name}@{one.version}") or known.get(name) or one.license


def _unknown(one: Dependency, judged: Judged) -> Unchecked:
    what = f"{one.name} {one.version} in {one.location.path}"
    if judged.expression:
        reason = f"its licence {judged.expression[:100]!r} is not one that can be placed"
    else:
        reason = "nothing tells its licence"
    return Unchecked(CHECK, what, f"{reason}: state it in guard.licenses.known")


def _finding(one: Dependency, judged: Judged) -> Finding:
    identity = f"{CHECK}\n{one.ecosystem}\n{one.name}\n{judged.expression}\n{one.location.path}"
    properties = {
        "ecosystem": one.ecosystem,
        "package": one.name,
        "version": one.version,
        "license": judged.expression,
    }
    if one.path:
        properties["path"] = " > ".join(one.path)
    if one.is_direct is not None:
        properties["relation"] = "direct" if one.is_direct else "transitive"
    if one.is_development is not None:
        properties["scope"] = "development" if one.is_development else "production"
    return Finding(
        check=CHECK,
        rule=f"license/{judged.expression}",
        level=Level.HIGH,
        message=f"{one.name} {one.version}: its licence {judged.expression} is not allowed",
        location=one.location,
        fingerprint=hashlib.sha256(identity.encode()).hexdigest()[:32],
        fix=f"Replace {one.name}, or allow {', '.join(judged.because)} in guard.licenses",
        properties=properties,
    )
