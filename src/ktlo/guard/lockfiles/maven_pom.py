"""``pom.xml``: Maven's direct dependencies with versions the file itself gives; the rest needs a resolved tree.

Format: maven.apache.org "POM Reference". Properties, ``dependencyManagement`` and the parent's coordinates are
resolved inside the file only; nothing is fetched. A tree or CycloneDX file beside it answers for everything.
"""

from __future__ import annotations

import re

from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.wording import printable
from ktlo.guard.lockfiles.xml_document import Element, read_xml

COMMAND = "mvn dependency:tree -DoutputFile=dependency-tree.txt"
RESOLVED = ("dependency-tree.txt", "dependency-list.txt", "bom.json", "target/bom.json")
_REFERENCE = re.compile(r"\$\{([^${}]{1,200})\}")
_MOST_STEPS = 20


def read(file: LockFile) -> Reading:
    """Reads a pom; when its resolved tree is beside it, only what that lacks."""
    gathering = Gathering(file, "Maven")
    project = read_xml(file)
    if project.name != "project":
        raise UnreadableError(f"It is XML of {printable(project.name)}, not of a Maven project")
    properties = _properties(project)
    managed: dict[tuple[str, str], str] = {}
    for entry in project.all("dependencyManagement", "dependencies", "dependency"):
        managed.setdefault(_names(entry, properties), _resolved(entry.value("version"), properties))
    profiles = [
        entry
        for profile in project.all("profiles", "profile")
        for entry in profile.all("dependencies", "dependency")
    ]
    asked = [*project.all("dependencies", "dependency"), *profiles]
    resolved = _resolved_tree(file)
    for entry in asked:
        group, artifact = _names(entry, properties)
        written = entry.value("version")
        version = _resolved(written, properties) or managed.get((group, artifact), "")
        name = f"{group}:{artifact}"
        if resolved is not None:
            if f"{name}:" not in resolved and f"{group}/{artifact}@" not in resolved:
                reason = f"pom.xml asks for it but its resolved tree does not have it: run {COMMAND}"
                gathering.leave(name, reason, entry.line)
            continue
        if not version or "$" in version or not _is_exact(version):
            why = (
                f"its version {printable(version)} is not exact"
                if version
                else "its version is not in this file"
            )
            gathering.leave(name, f"{why}: make a resolved tree with {COMMAND}", entry.line)
            continue
        scope = entry.value("scope")
        gathering.add(name, version, line=entry.line, place=Place(True, scope == "test", (name,)))
    if resolved is None and (asked or project.child("parent")):
        gathering.leave(
            "what these need themselves",
            f"pom.xml names only direct dependencies: make a resolved tree with {COMMAND}",
        )
    return gathering.reading(frozenset({"."}))


def _resolved_tree(file: LockFile) -> str | None:
    """Text of the resolved tree or bill of materials beside a pom, which is read on its own."""
    for name in RESOLVED:
        path = file.path.parent / name
        if file.tree.exists(path):
            return file.tree.read(path).decode("utf-8", "replace")
    return None


def _is_exact(version: str) -> bool:
    return version[:1] not in "[(" and version not in {"LATEST", "RELEASE"}


def _properties(project: Element) -> dict[str, str]:
    found = {
        child.name: child.text
        for parent in project.children
        if parent.name == "properties"
        for child in parent.children
    }
    for key in ("groupId", "artifactId", "version"):
        own, parent = project.value(key), project.value("parent", key)
        for prefix in ("project.", "pom.", ""):
            found.setdefault(f"{prefix}{key}", own or parent)
        for prefix in ("project.parent.", "parent."):
            found.setdefault(f"{prefix}{key}", parent)
    return found


def _resolved(text: str, properties: dict[str, str]) -> str:
    for _ in range(_MOST_STEPS):  # a property may name another, and a hostile one itself
        match = _REFERENCE.search(text)
        if match is None or not properties.get(match[1]):
            break
        text = f"{text[: match.start()]}{properties[match[1]][:200]}{text[match.end() :]}"
    return text


def _names(entry: Element, properties: dict[str, str]) -> tuple[str, str]:
    return _resolved(entry.value("groupId"), properties), _resolved(entry.value("artifactId"), properties)


FORMAT = Format("pom.xml", "Maven", ("pom.xml",), read)
